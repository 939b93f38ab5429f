//! Workflows: listed, read, saved, deleted, and looked at for faults.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use codecourier_domain::revision::Revision;
use codecourier_engine::workflows::{Origin, PipelineFault as EngineFault, Workflow as EngineWorkflow, faults};
use codecourier_engine::{Engine, Error, ErrorCode};
use codecourier_wire::envelope::{Data, List};
use codecourier_wire::page::PageParams;
use codecourier_wire::workflows::{
    PipelineFault, PipelineReport, SaveWorkflow, ValidatePipeline, Workflow, WorkflowPath,
};
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::{InProject, operations, permission, role};
use crate::conventions::answer::{Answer, Done, answer};
use crate::conventions::error::ApiError;
use crate::conventions::json::Json;
use crate::conventions::page::Page;
use crate::conventions::path::Path;
use crate::conventions::revision::{IfMatch, IfMatchHeader, IfNoneMatchHeader, Revised};

type MayRead = InProject<role::Member, permission::WorkflowsRead>;
type MayWrite = InProject<role::Member, permission::WorkflowsWrite>;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(list, validate, get, save, delete)
}

/// List the workflows of a project: the shipped ones, then its own.
#[utoipa::path(get, path = "/projects/{slug}/workflows", tag = "workflows", params(PageParams),
    responses((status = 200, description = "A page of workflows.", body = List<Workflow>)))]
async fn list(project: MayRead, State(engine): State<Engine>, page: Page) -> Answer<List<Workflow>> {
    let after = page.cursor.as_deref();
    let mut found = engine.workflows().list(&project, after, page.limit + 1).await?;
    let more = found.len() > page.limit as usize;
    found.truncate(page.limit as usize);
    // The shipped ones come before every name of the project's own.
    let last = found.last().map(|workflow| match workflow.origin {
        Origin::Shipped => String::new(),
        Origin::Own { .. } => workflow.name.clone(),
    });
    let next = last.filter(|_| more);
    let data = found.into_iter().map(workflow).collect::<Result<_, _>>()?;
    Ok(axum::Json(page.list(data, next)))
}

/// Read a workflow.
#[utoipa::path(get, path = "/projects/{slug}/workflows/{name}", tag = "workflows", params(WorkflowPath, IfNoneMatchHeader),
    responses((status = 200, description = "The workflow.", body = Data<Workflow>, headers(("ETag" = String))),
        (status = 304, description = "It is as the caller has it.")))]
async fn get(
    project: MayRead,
    State(engine): State<Engine>,
    Path(path): Path<WorkflowPath>,
) -> Result<Response, ApiError> {
    revised(engine.workflows().get(&project, &path.name).await?)
}

/// Save a workflow.
///
/// A new one without `If-Match`; over an existing one only with its `ETag`, so that nobody's change is lost.
#[utoipa::path(put, path = "/projects/{slug}/workflows/{name}", tag = "workflows",
    params(WorkflowPath, ("If-Match" = Option<String>, Header, description = "The `ETag` of the workflow that is to be changed. Left out for a new one.")),
    request_body = SaveWorkflow, responses((status = 200, description = "The workflow as it is now.", body = Data<Workflow>, headers(("ETag" = String)))))]
async fn save(
    project: MayWrite,
    State(engine): State<Engine>,
    Path(path): Path<WorkflowPath>,
    headers: HeaderMap,
    Json(request): Json<SaveWorkflow>,
) -> Result<Response, ApiError> {
    let over = seen(&headers)?;
    let pipeline = faults(&request.pipeline).map_err(|faults| refused(&faults))?;
    let saved = engine
        .workflows()
        .save(&project, &path.name, over, request.description, pipeline)
        .await?;
    revised(saved)
}

/// Delete a workflow. Runs that were started from it go on.
#[utoipa::path(delete, path = "/projects/{slug}/workflows/{name}", tag = "workflows", params(WorkflowPath, IfMatchHeader),
    responses((status = 204, description = "It is gone.")))]
async fn delete(
    project: MayWrite,
    State(engine): State<Engine>,
    Path(path): Path<WorkflowPath>,
    IfMatch(seen): IfMatch,
) -> Result<Done, ApiError> {
    engine.workflows().delete(&project, &path.name, seen).await?;
    Ok(Done)
}

/// Look a pipeline over: every fault, with its place.
#[utoipa::path(post, path = "/projects/{slug}/workflows/validate", tag = "workflows", request_body = ValidatePipeline,
    responses((status = 200, description = "What is wrong with it.", body = Data<PipelineReport>)))]
async fn validate(_project: MayRead, Json(request): Json<ValidatePipeline>) -> Answer<Data<PipelineReport>> {
    let found = faults(&request.pipeline).err().unwrap_or_default();
    Ok(answer(PipelineReport {
        valid: found.is_empty(),
        faults: found
            .into_iter()
            .map(|EngineFault { path, message }| PipelineFault { path, message })
            .collect(),
    }))
}

/// What the caller saw; nothing for a workflow that is new.
fn seen(headers: &HeaderMap) -> Result<Option<Revision>, ApiError> {
    if headers.contains_key(axum::http::header::IF_MATCH) {
        IfMatch::of(headers).map(|IfMatch(seen)| Some(seen))
    } else {
        Ok(None)
    }
}

fn refused(faults: &[EngineFault]) -> ApiError {
    let Some(first) = faults.first() else {
        return ApiError::new(ErrorCode::Validation, "The pipeline cannot be executed.");
    };
    let others = match faults.len() {
        0 | 1 => String::new(),
        count => format!(
            " There are {} more faults; `workflows/validate` names them all.",
            count - 1
        ),
    };
    let message = format!("`{}`: {}{others}", first.path, first.message);
    Error::validation(message).of_field(first.path.clone()).into()
}

fn revised(found: EngineWorkflow) -> Result<Response, ApiError> {
    // What ships changes with the platform's version only.
    let revision = match found.origin {
        Origin::Shipped => Revision(0),
        Origin::Own { revision, .. } => revision,
    };
    Ok(Revised {
        revision,
        data: workflow(found)?,
    }
    .into_response())
}

fn workflow(found: EngineWorkflow) -> Result<Workflow, ApiError> {
    let (shipped, created_at, updated_at) = match found.origin {
        Origin::Shipped => (true, None, None),
        Origin::Own {
            created_at, updated_at, ..
        } => (false, Some(created_at.into()), Some(updated_at.into())),
    };
    let pipeline = serde_json::to_value(&found.pipeline);
    Ok(Workflow {
        name: found.name,
        shipped,
        description: found.description,
        pipeline: pipeline.map_err(|error| Error::internal("Writing a pipeline", error))?,
        created_at,
        updated_at,
    })
}
