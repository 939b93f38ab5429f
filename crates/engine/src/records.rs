//! Reading what runs left, without an engine: for a program that looks at a data directory while another process works
//! in it, and for the one that works.
//!
//! Invariant: nothing here writes, decides or starts anything.

use codecourier_domain::event::Event;
use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_domain::time::Timestamp;
use codecourier_forge::{CommitId, Diff, Mirror, Mirrors, Patch};
use codecourier_store::Store;
use codecourier_store::events::EventWindow;
use codecourier_store::runs::{RunList, RunSummary};

use crate::error::Error;
use crate::runs::advance::RunRecord;
use crate::runs::failures::forge_failure;
use crate::runs::view::{RunView, StepView};

/// The records of a data directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Records {
    store: Store,
    mirrors: Mirrors,
}

/// An event as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// Its number in the run, from 1.
    pub seq: u64,
    /// Its step, if it belongs to one.
    pub step: Option<StepId>,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

impl Records {
    /// The records in a store, with the repositories that belong to them.
    #[must_use]
    pub const fn new(store: Store, mirrors: Mirrors) -> Self {
        Self { store, mirrors }
    }

    /// Finds a run by its identifier or by the short end of it, over every project.
    pub async fn find(&self, text: &str) -> Result<(ProjectId, RunId), Error> {
        let mut found = Vec::new();
        let projects = self.store.read().await?.projects().await?;
        for project in projects {
            let mut after = None;
            loop {
                let list = RunList {
                    status: None,
                    after,
                    limit: 100,
                };
                let page = self.store.read().await?.runs(project.id, list).await?;
                let matching = page
                    .items
                    .iter()
                    .filter(|run| run.id.to_string() == text || run.id.short() == text);
                found.extend(matching.map(|run| (project.id, run.id)));
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        let shown: String = text.chars().take(64).collect();
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(Error::not_found(format!(
                "There is no run `{shown}`. `codecourier runs` lists them."
            ))),
            _ => Err(Error::validation(format!(
                "`{shown}` names several runs. Give the whole identifier; `codecourier runs --json` has them."
            ))),
        }
    }

    /// The newest runs over every project, newest first.
    pub async fn newest(&self, limit: u32) -> Result<Vec<RunSummary>, Error> {
        let mut all = Vec::new();
        let projects = self.store.read().await?.projects().await?;
        for project in projects {
            let list = RunList {
                status: None,
                after: None,
                limit,
            };
            all.extend(self.store.read().await?.runs(project.id, list).await?.items);
        }
        all.sort_by_key(|run| std::cmp::Reverse((run.created_at, run.id)));
        all.truncate(limit as usize);
        Ok(all)
    }

    /// Every run that has not ended, oldest first.
    pub async fn unfinished(&self) -> Result<Vec<RunSummary>, Error> {
        Ok(self.store.read().await?.unfinished_runs().await?)
    }

    /// One run.
    pub async fn get(&self, project: ProjectId, run: RunId) -> Result<RunView, Error> {
        let mut reader = self.store.snapshot().await?;
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

    /// Events of a run after a number, oldest first, at most `limit`.
    pub async fn events(
        &self,
        project: ProjectId,
        run: RunId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, Error> {
        let stored = self
            .store
            .read()
            .await?
            .events(project, run, EventWindow::After(after), limit)
            .await?;
        stored
            .into_iter()
            .map(|event| {
                Ok(RecordedEvent {
                    seq: event.seq,
                    step: event.step,
                    at: event.at,
                    event: event.body.read()?,
                })
            })
            .collect()
    }

    /// The number of the last event of a run; 0 before the first.
    pub async fn event_head(&self, project: ProjectId, run: RunId) -> Result<u64, Error> {
        Ok(self.store.read().await?.event_head(project, run).await?)
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

    /// The platform's own repository of a project.
    pub fn mirror(&self, project: ProjectId) -> Result<Mirror, Error> {
        Ok(self.mirrors.get(project).map_err(|error| forge_failure(&error))?)
    }

    async fn change(&self, project: ProjectId, run: RunId) -> Result<Option<(Mirror, CommitId, CommitId)>, Error> {
        let state = self.get(project, run).await?.state;
        let (Some(base), Some(tip)) = (&state.base, &state.tip) else {
            return Ok(None);
        };
        let mirror = self.mirror(project)?;
        let parse = |commit: &str| {
            commit
                .parse::<CommitId>()
                .map_err(|error| Error::internal("Reading a commit", error))
        };
        Ok(Some((mirror, parse(base)?, parse(tip)?)))
    }
}
