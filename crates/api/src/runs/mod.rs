//! Runs: started, listed, read, cancelled, repeated.

mod change;
mod convert;
mod images;
mod read;
mod talk;

use codecourier_wire::envelope::{Data, List};
use codecourier_wire::runs::{
    Branches, BranchesFilter, DiffQuery, EventsPage, EventsQuery, ImagePath, PatchQuery, RerunRun, Run, RunCounts,
    RunDetail, RunDiff, RunPath, RunSort, RunStatus, RunsFilter, StartRun,
};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::operations;

pub(crate) use convert::{detail, limits};

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(Filters::openapi()).merge(operations!(
        read::list,
        read::counts,
        read::branches,
        change::start,
        change::start_sample,
        read::get,
        read::events,
        read::diff,
        read::patch,
        change::cancel,
        change::retry,
        change::rerun,
        images::upload_image,
        images::get_image,
        talk::message,
        talk::interrupt,
        talk::model,
        talk::finish
    ))
}

/// What only parameters refer to, which no operation collects.
#[derive(OpenApi)]
#[openapi(components(schemas(RunStatus, RunSort)))]
struct Filters;
