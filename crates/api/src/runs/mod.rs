//! Runs: started, listed, read, cancelled, repeated.

mod change;
mod convert;
mod read;

use codecourier_wire::envelope::{Data, List};
use codecourier_wire::runs::{
    EventsPage, EventsQuery, RerunRun, Run, RunDetail, RunDiff, RunPath, RunsFilter, StartRun,
};
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::operations;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(
        read::list,
        change::start,
        read::get,
        read::events,
        read::diff,
        read::patch,
        change::cancel,
        change::retry,
        change::rerun
    )
}
