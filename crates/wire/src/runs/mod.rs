//! Runs: how one is asked for, and what clients see of it.

mod request;
mod view;

pub use request::{RerunRun, RunCheck, RunLimits, RunSort, RunsFilter, StartRun};
pub use view::{
    CheckView, DiffFile, EventView, EventsPage, EventsQuery, FailureView, Run, RunDetail, RunDiff, RunPath, RunStatus,
    StepStatus, StepView, TokensView, VerdictView,
};
