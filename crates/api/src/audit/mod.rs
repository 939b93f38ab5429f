//! The audit log of a project: listed and exported.

use axum::Json as Answered;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use codecourier_domain::actor::Actor;
use codecourier_engine::audit::{AuditEntryView, AuditFilter as Filter, ExportFormat as Format};
use codecourier_engine::{Engine, Error};
use codecourier_wire::audit::{AuditEntry, AuditExport, AuditFilter, ExportFormat};
use codecourier_wire::envelope::List;
use codecourier_wire::page::PageParams;
use codecourier_wire::path::ProjectPath;
use codecourier_wire::time::Time;
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::{InProject, operations, permission, role};
use crate::conventions::answer::Answer;
use crate::conventions::error::ApiError;
use crate::conventions::page::Page;
use crate::conventions::query::Query;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(list, export)
}

/// List the audit log.
///
/// Every change of settings, keys, members, roles and the project itself, the newest first.
#[utoipa::path(get, path = "/projects/{slug}/audit", tag = "audit", params(ProjectPath, PageParams, AuditFilter),
    responses((status = 200, description = "The entries.", body = List<AuditEntry>)))]
async fn list(
    caller: InProject<role::Admin, permission::AuditRead>,
    State(engine): State<Engine>,
    page: Page<AuditFilter>,
) -> Answer<List<AuditEntry>> {
    let AuditFilter {
        actor,
        action,
        from,
        until,
    } = page.filter.clone();
    let filter = filter(actor, action, from, until)?;
    let found = engine.audit().list(&caller, &filter, page.after()?, page.limit).await?;
    let shown = found.items.into_iter().map(entry);
    Ok(Answered(page.list(shown.collect(), found.next)))
}

/// Export the audit log.
///
/// As a file: comma-separated values, or a JSON object per line. No cell of the former is a formula for a spreadsheet.
#[utoipa::path(get, path = "/projects/{slug}/audit/export", tag = "audit", params(ProjectPath, AuditExport),
    responses((status = 200, description = "The file.", content((String = "text/csv"), (String = "application/jsonl")))))]
async fn export(
    caller: InProject<role::Admin, permission::AuditRead>,
    State(engine): State<Engine>,
    Query(wanted): Query<AuditExport>,
) -> Result<Response, ApiError> {
    let AuditExport {
        format,
        actor,
        action,
        from,
        until,
    } = wanted;
    let filter = filter(actor, action, from, until)?;
    let (format, kind, extension) = match format {
        ExportFormat::Csv => (Format::Csv, "text/csv; charset=utf-8", "csv"),
        ExportFormat::Jsonl => (Format::JsonLines, "application/jsonl", "jsonl"),
    };
    let name = format!("attachment; filename=\"audit-{}.{extension}\"", caller.slug);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("attachment")),
        ),
    ];
    let body = Body::from_stream(engine.audit().export(&caller, filter, format));
    Ok((headers, body).into_response())
}

fn filter(
    actor: Option<String>,
    action: Option<String>,
    from: Option<Time>,
    until: Option<Time>,
) -> Result<Filter, Error> {
    let actor = actor.map(|text| {
        let read: Result<Actor, _> = text.parse();
        read.map_err(|_| Error::validation("`actor` names no actor.").of_field("actor"))
    });
    Ok(Filter {
        actor: actor.transpose()?,
        action,
        from: from.map(Into::into),
        until: until.map(Into::into),
    })
}

fn entry(view: AuditEntryView) -> AuditEntry {
    AuditEntry {
        id: view.id,
        at: view.at.into(),
        actor: view.actor.to_string(),
        actor_name: view.actor_name,
        address: view.address.map(|address| address.to_string()),
        action: view.action,
        target_kind: view.target_kind,
        target: view.target,
        detail: view.detail,
    }
}
