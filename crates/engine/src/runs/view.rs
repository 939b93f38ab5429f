//! What people see of a run: its row, its specification, its state and its steps.

use codecourier_domain::id::{ProjectId, RunId};
use codecourier_domain::run::RunState;
use codecourier_store::ledger::StepUsage;
use codecourier_store::runs::RunSummary;
use codecourier_store::steps::Step;

use super::Runs;
use super::memo::StepMemo;
use super::pinned::Pinned;
use super::spec::RunSpec;
use super::talk::{InputKind, StepInput};
use crate::error::Error;
use crate::records::Records;

/// A run as people see it.
#[derive(Debug, Clone)]
pub struct RunView {
    /// Its row: status, times, tokens, money.
    pub summary: RunSummary,
    /// What it was asked to do.
    pub spec: RunSpec,
    /// Where it is.
    pub state: RunState,
    /// What its preparation pinned.
    pub pinned: Option<Pinned>,
    /// Its steps, oldest first.
    pub steps: Vec<StepView>,
}

/// A step as people see it.
#[derive(Debug, Clone)]
pub struct StepView {
    /// Its row.
    pub row: Step,
    /// What it remembers.
    pub memo: StepMemo,
    /// What its requests to models used, if there were any.
    pub usage: Option<StepUsage>,
    /// What its agent may be told now.
    pub accepts: Vec<InputKind>,
    /// What was said to its agent and has not been given to it yet, in order.
    pub waiting: Vec<StepInput>,
}

impl Runs {
    /// One run.
    pub async fn get(&self, project: ProjectId, run: RunId) -> Result<RunView, Error> {
        self.records().get(project, run).await
    }

    /// The records that these runs leave: lists, events, diffs.
    #[must_use]
    pub fn records(&self) -> Records {
        Records::new(self.engine.store.clone(), self.engine.mirrors.clone())
    }
}
