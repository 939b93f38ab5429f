//! Runs: how one is asked for, and what clients see of it.

mod image;
mod request;
mod view;

pub use image::{ImageName, ImagePath, RunImage};
pub use request::{RerunRun, RunCheck, RunLimits, RunSort, RunsFilter, SendMessage, StartRun, SwitchModel};
pub use view::{
    Branches, BranchesFilter, CheckView, DiffFile, DiffQuery, EventView, EventsPage, EventsQuery, FailureView,
    PatchQuery, Pause, PauseKind, PhaseView, ReportedUsageView, Run, RunCounts, RunDetail, RunDiff, RunPath, RunStatus,
    StepAccepts, StepInput, StepInputKind, StepInputStatus, StepPath, StepStatus, StepView, TokensView, VerdictView,
};
