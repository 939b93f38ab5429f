//! Starting, cancelling and repeating runs.

use axum::extract::State;
use codecourier_domain::money::MicroUsd;
use codecourier_engine::Engine;
use codecourier_engine::runs::request::{RunOverrides, RunRequest};

use super::convert::{check, detail, limits};
use super::read::whole;
use super::{Data, RerunRun, RunDetail, RunPath, StartRun};
use crate::access::{InProject, permission, role};
use crate::conventions::answer::{Accepted, Answer, answer};
use crate::conventions::error::ApiError;
use crate::conventions::json::Json;
use crate::conventions::path::Path;

type MayWrite = InProject<role::Member, permission::RunsWrite>;

/// Start a run.
///
/// What is answered has been committed: from here on the run is carried to its end, through crashes and restarts.
#[utoipa::path(post, path = "/projects/{slug}/runs", tag = "runs", request_body = StartRun,
    responses((status = 202, description = "The run that was started.", body = Data<RunDetail>)))]
pub(super) async fn start(
    project: MayWrite,
    State(engine): State<Engine>,
    Json(request): Json<StartRun>,
) -> Result<Accepted<RunDetail>, ApiError> {
    let StartRun {
        prompt,
        workflow,
        repository,
        base_branch,
        agent,
        model,
        checker_agent,
        checker_model,
        effort,
        checks,
        checker_instructions,
        limits: wanted,
        budget_micro_usd,
        images,
    } = request;
    let request = RunRequest {
        prompt,
        workflow,
        repository,
        base_branch,
        agent,
        model,
        checker_agent,
        checker_model,
        effort,
        checks: checks.map(|checks| checks.into_iter().map(check).collect()),
        checker_instructions,
        limits: wanted.map(limits).transpose()?,
        budget: budget_micro_usd.map(MicroUsd),
        images,
    };
    let view = engine.runs().start_requested(&project, request).await?;
    Ok(Accepted(detail(view, 0)?))
}

/// Try a run without a key.
///
/// An agent mends a small sample repository in a real sandbox; the model's answers are replayed, and cost nothing.
#[utoipa::path(post, path = "/projects/{slug}/runs/sample", tag = "runs",
    responses((status = 202, description = "The run that was started.", body = Data<RunDetail>)))]
pub(super) async fn start_sample(
    project: MayWrite,
    State(engine): State<Engine>,
) -> Result<Accepted<RunDetail>, ApiError> {
    let view = engine.runs().start_sample(&project).await?;
    Ok(Accepted(detail(view, 0)?))
}

/// Cancel a run.
///
/// Its agents lose their access to models at once; then every process of it is killed. Cancelling twice is as once.
#[utoipa::path(post, path = "/projects/{slug}/runs/{run}/cancel", tag = "runs", params(RunPath),
    responses((status = 200, description = "The run, which is about to end.", body = Data<RunDetail>)))]
pub(super) async fn cancel(
    project: MayWrite,
    State(engine): State<Engine>,
    Path(path): Path<RunPath>,
) -> Answer<Data<RunDetail>> {
    let runs = engine.runs();
    runs.cancel(project.project, path.run, &project.actor.to_string())
        .await?;
    let view = runs.get(project.project, path.run).await?;
    Ok(answer(whole(&engine, &project, view).await?))
}

/// Retry a failed run from the step that failed.
///
/// The work of the steps before it is kept. A run whose work itself did not pass is repeated with changes instead.
#[utoipa::path(post, path = "/projects/{slug}/runs/{run}/retry", tag = "runs", params(RunPath),
    responses((status = 202, description = "The run, which goes on.", body = Data<RunDetail>)))]
pub(super) async fn retry(
    project: MayWrite,
    State(engine): State<Engine>,
    Path(path): Path<RunPath>,
) -> Result<Accepted<RunDetail>, ApiError> {
    let view = engine.runs().retry(&project, path.run).await?;
    Ok(Accepted(whole(&engine, &project, view).await?))
}

/// Start a run like another one, with changes.
#[utoipa::path(post, path = "/projects/{slug}/runs/{run}/rerun", tag = "runs", params(RunPath), request_body = RerunRun,
    responses((status = 202, description = "The new run.", body = Data<RunDetail>)))]
pub(super) async fn rerun(
    project: MayWrite,
    State(engine): State<Engine>,
    Path(path): Path<RunPath>,
    Json(request): Json<RerunRun>,
) -> Result<Accepted<RunDetail>, ApiError> {
    let RerunRun {
        prompt,
        base_branch,
        agent,
        model,
        effort,
        checker_instructions,
        budget_micro_usd,
        images,
    } = request;
    let changes = RunOverrides {
        prompt,
        base_branch,
        agent,
        model,
        effort,
        checker_instructions,
        budget: budget_micro_usd.map(MicroUsd),
        images,
    };
    let view = engine.runs().rerun(&project, path.run, changes).await?;
    Ok(Accepted(detail(view, 0)?))
}
