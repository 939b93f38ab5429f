//! Reading runs.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use codecourier_engine::Engine;
use codecourier_engine::access::ProjectGrant;
use codecourier_engine::records::{ChangeOf, MoreBranches};
use codecourier_engine::runs::search::{EventsWanted, MoreEvents, RunOrder, RunSearch};
use codecourier_engine::runs::view::RunView;
use codecourier_engine::{Error, ErrorCode};
use codecourier_wire::error::ErrorBody;
use codecourier_wire::page::PageParams;
use codecourier_wire::runs::{EventView, RunSort};

use super::convert::{counts_of, detail, diff_of, summary};
use super::{
    Branches, BranchesFilter, Data, DiffQuery, EventsPage, EventsQuery, List, PatchQuery, Run, RunCounts, RunDetail,
    RunDiff, RunPath, RunsFilter,
};
use crate::access::{InProject, permission, role};
use crate::conventions::answer::{Answer, answer};
use crate::conventions::error::ApiError;
use crate::conventions::page::Page;
use crate::conventions::path::Path;
use crate::conventions::query::Query;

type MayRead = InProject<role::Member, permission::RunsRead>;

/// How much of a change's text is sent.
const DIFF_LIMIT: u64 = 1024 * 1024;

/// How many branches are listed: one finds others by a text in their name.
const BRANCHES: usize = 100;

/// How many events are sent when nobody says.
const EVENTS: u32 = 100;

/// List the runs of a project.
#[utoipa::path(get, path = "/projects/{slug}/runs", tag = "runs", params(PageParams, RunsFilter),
    responses((status = 200, description = "A page of runs.", body = List<Run>)))]
pub(super) async fn list(project: MayRead, State(engine): State<Engine>, page: Page<RunsFilter>) -> Answer<List<Run>> {
    let search = RunSearch {
        status: page.filter.status.map(Into::into),
        workflow: page.filter.workflow.clone(),
        text: page.filter.text.clone(),
        order: match page.filter.sort.unwrap_or_default() {
            RunSort::Newest => RunOrder::NewestFirst,
            RunSort::Oldest => RunOrder::OldestFirst,
        },
        after: page.after()?,
        limit: page.limit,
    };
    let found = engine.runs().search(&project, &search).await?;
    Ok(axum::Json(
        page.list(found.items.into_iter().map(summary).collect(), found.next),
    ))
}

/// Count the runs of a project by their status.
///
/// Each number ends at 1,000, which stands for as many or more.
#[utoipa::path(get, path = "/projects/{slug}/run-counts", tag = "runs",
    responses((status = 200, description = "The numbers.", body = Data<RunCounts>)))]
pub(super) async fn counts(project: MayRead, State(engine): State<Engine>) -> Answer<Data<RunCounts>> {
    Ok(answer(counts_of(engine.runs().counts(&project).await?)))
}

/// List the branches that a run may start from.
///
/// As of the last time that a run fetched the repository; a project without a run has none yet.
#[utoipa::path(get, path = "/projects/{slug}/branches", tag = "runs", params(BranchesFilter),
    responses((status = 200, description = "The branches.", body = Data<Branches>)))]
pub(super) async fn branches(
    project: MayRead,
    State(engine): State<Engine>,
    Query(filter): Query<BranchesFilter>,
) -> Answer<Data<Branches>> {
    let text = filter.text.unwrap_or_default();
    let records = engine.runs().records();
    let found = records.branches(project.project, &text, BRANCHES).await?;
    Ok(answer(Branches {
        names: found.names,
        more: found.more == MoreBranches::Yes,
        default_branch: found.default,
    }))
}

/// Read a run with its steps.
#[utoipa::path(get, path = "/projects/{slug}/runs/{run}", tag = "runs", params(RunPath),
    responses((status = 200, description = "The run.", body = Data<RunDetail>)))]
pub(super) async fn get(
    project: MayRead,
    State(engine): State<Engine>,
    Path(path): Path<RunPath>,
) -> Answer<Data<RunDetail>> {
    let view = engine.runs().get(project.project, path.run).await?;
    Ok(answer(whole(&engine, &project, view).await?))
}

/// A run as clients see it, with the number of its last event.
pub(super) async fn whole(engine: &Engine, grant: &ProjectGrant, view: RunView) -> Result<RunDetail, ApiError> {
    let head = engine
        .runs()
        .records()
        .event_head(grant.project, view.summary.id)
        .await?;
    detail(view, head)
}

/// Read the events of a run.
///
/// After a number, oldest first; before a number, newest first; or the newest.
#[utoipa::path(get, path = "/projects/{slug}/runs/{run}/events", tag = "runs", params(RunPath, EventsQuery),
    responses((status = 200, description = "Events of the run.", body = EventsPage)))]
pub(super) async fn events(
    project: MayRead,
    State(engine): State<Engine>,
    Path(path): Path<RunPath>,
    Query(query): Query<EventsQuery>,
) -> Answer<EventsPage> {
    let wanted = match (query.after, query.before) {
        (None, None) => EventsWanted::Newest,
        (Some(after), None) => EventsWanted::After(after),
        (None, Some(before)) => EventsWanted::Before(before),
        (Some(_), Some(_)) => {
            let message = "Give `after` or `before`, not both: they say in which direction to read.";
            return Err(Error::validation(message).of_field("before").into());
        }
    };
    let limit = query.limit.unwrap_or(EVENTS);
    let found = engine.runs().events(&project, path.run, wanted, limit).await?;
    let mut data = Vec::with_capacity(found.events.len());
    for event in found.events {
        data.push(EventView {
            seq: event.seq,
            step_id: event.step,
            at: event.at.into(),
            event: serde_json::to_value(&event.event).map_err(|error| Error::internal("Writing an event", error))?,
        });
    }
    Ok(axum::Json(EventsPage {
        data,
        has_more: found.more == MoreEvents::Yes,
    }))
}

/// Read the change that a run made so far, or that one of its steps made.
///
/// Its text is cut at one megabyte: that of a single file can be asked for alone, and the patch has it whole.
#[utoipa::path(get, path = "/projects/{slug}/runs/{run}/diff", tag = "runs", params(RunPath, DiffQuery),
    responses((status = 200, description = "The change.", body = Data<RunDiff>)))]
pub(super) async fn diff(
    project: MayRead,
    State(engine): State<Engine>,
    Path(path): Path<RunPath>,
    Query(query): Query<DiffQuery>,
) -> Answer<Data<RunDiff>> {
    let records = engine.runs().records();
    let change = ChangeOf {
        step: query.step,
        path: query.path,
    };
    let found = records.diff(project.project, path.run, &change, DIFF_LIMIT).await?;
    Ok(answer(diff_of(found)))
}

/// Download the change that a run made so far, or that one of its steps made, as a patch for `git am` or `git apply`.
#[utoipa::path(get, path = "/projects/{slug}/runs/{run}/patch", tag = "runs", params(RunPath, PatchQuery),
    responses((status = 200, description = "The patch.", body = String, content_type = "text/plain"),
        (status = 409, description = "`CONFLICT`: there is no change yet.", body = ErrorBody)))]
pub(super) async fn patch(
    project: MayRead,
    State(engine): State<Engine>,
    Path(path): Path<RunPath>,
    Query(query): Query<PatchQuery>,
) -> Result<Response, ApiError> {
    let records = engine.runs().records();
    let found = records.patch(project.project, path.run, query.step).await?;
    let patch = found.ok_or_else(|| {
        Error::new(
            ErrorCode::Conflict,
            "The run has not changed anything yet, so there is no patch.",
        )
    })?;
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    let name = format!("attachment; filename=\"codecourier-{}.patch\"", path.run.short());
    if let Ok(value) = HeaderValue::try_from(name) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok((headers, patch.bytes).into_response())
}
