//! Reading runs: lists, one run with its steps, its diff and its patch.

use codecourier_domain::id::{ProjectId, RunId};
use codecourier_domain::run::RunState;
use codecourier_forge::{CommitId, Diff, Mirror, Patch};
use codecourier_store::runs::{RunList, RunSummary};
use codecourier_store::steps::Step;

use super::Runs;
use super::advance::RunRecord;
use super::failures::forge_failure;
use super::memo::StepMemo;
use super::pinned::Pinned;
use super::spec::RunSpec;
use crate::error::Error;

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
}

impl Runs {
    /// One run.
    pub async fn get(&self, project: ProjectId, run: RunId) -> Result<RunView, Error> {
        let mut reader = self.engine.store.snapshot().await?;
        let missing = || Error::not_found(format!("There is no run {run}."));
        let row = reader.run(project, run).await?.ok_or_else(missing)?;
        let body = reader.run_body(project, run).await?.ok_or_else(missing)?;
        let steps = reader.steps(project, run).await?;
        drop(reader);
        let RunRecord { machine, pinned, .. } = row.state.read()?;
        let steps = steps
            .into_iter()
            .map(|row| {
                Ok(StepView {
                    memo: row.body.read()?,
                    row,
                })
            })
            .collect::<Result<Vec<_>, codecourier_store::Error>>()?;
        Ok(RunView {
            summary: row.summary,
            spec: body.read()?,
            state: machine,
            pinned,
            steps,
        })
    }

    /// The newest runs of a project.
    pub async fn list(&self, project: ProjectId, limit: u32) -> Result<Vec<RunSummary>, Error> {
        let mut reader = self.engine.store.read().await?;
        Ok(reader
            .runs(
                project,
                RunList {
                    status: None,
                    after: None,
                    limit,
                },
            )
            .await?
            .items)
    }

    /// The change of a run so far: files, numbers and a unified diff of at most `limit` bytes. `None` before the run has
    /// a commit to start from.
    pub async fn diff(&self, project: ProjectId, run: RunId, limit: u64) -> Result<Option<Diff>, Error> {
        let Some((mirror, base, tip)) = self.change(project, run).await? else {
            return Ok(None);
        };
        Ok(Some(
            mirror
                .diff(&base, &tip, limit)
                .await
                .map_err(|error| forge_failure(&error))?,
        ))
    }

    /// The change of a run so far, as a patch for `git am`.
    pub async fn patch(&self, project: ProjectId, run: RunId) -> Result<Option<Patch>, Error> {
        let Some((mirror, base, tip)) = self.change(project, run).await? else {
            return Ok(None);
        };
        Ok(Some(
            mirror.patch(&base, &tip).await.map_err(|error| forge_failure(&error))?,
        ))
    }

    async fn change(&self, project: ProjectId, run: RunId) -> Result<Option<(Mirror, CommitId, CommitId)>, Error> {
        let state = self.get(project, run).await?.state;
        let (Some(base), Some(tip)) = (&state.base, &state.tip) else {
            return Ok(None);
        };
        let mirror = self
            .engine
            .mirrors
            .get(project)
            .map_err(|error| forge_failure(&error))?;
        let parse = |commit: &str| {
            commit
                .parse::<CommitId>()
                .map_err(|error| Error::internal("Reading a commit", error))
        };
        Ok(Some((mirror, parse(base)?, parse(tip)?)))
    }
}
