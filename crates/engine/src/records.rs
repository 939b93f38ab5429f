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
use codecourier_store::steps::StepStatus;

use crate::error::Error;
use crate::runs::advance::RunRecord;
use crate::runs::failures::forge_failure;
use crate::runs::memo::StepMemo;
use crate::runs::spec::RunSpec;
use crate::runs::talk::{MAX_WAITING, accepts};
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

/// Which change of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeOf {
    /// That of one step; else all of it so far.
    pub step: Option<StepId>,
    /// That of one file; else of all.
    pub path: Option<String>,
}

/// Branches that a run may start from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Branches {
    /// Their names: the default one, those of the repository by their newest commit, then those of runs.
    pub names: Vec<String>,
    /// Whether there are more.
    pub more: MoreBranches,
    /// The repository's own default branch, where it names one.
    pub default: Option<String>,
}

/// Whether a list of branches ends where the branches do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MoreBranches {
    /// There are more.
    Yes,
    /// There are none.
    #[default]
    No,
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
        let rows = reader.steps(project, run).await?;
        let usage = reader.usage_of_steps(project, run).await?;
        let spec: RunSpec = body.read()?;
        let mut steps = Vec::with_capacity(rows.len());
        for row in rows {
            // Nothing waits for a step that has ended.
            let waiting = match row.status {
                StepStatus::Pending | StepStatus::Running => {
                    reader.waiting_step_inputs(project, row.id, MAX_WAITING).await?
                }
                StepStatus::Completed | StepStatus::Failed | StepStatus::Cancelled => Vec::new(),
            };
            let memo: StepMemo = row.body.read()?;
            steps.push(StepView {
                accepts: accepts(&row, &memo, &spec),
                memo,
                usage: usage.iter().find(|usage| usage.step == row.id).cloned(),
                row,
                waiting,
            });
        }
        drop(reader);
        let RunRecord { machine, pinned, .. } = row.state.read()?;
        Ok(RunView {
            summary: row.summary,
            spec,
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

    /// A change of a run: files, numbers and a unified diff of at most `limit` bytes. `None` before there is a commit to
    /// start from, and for a step whose work was not taken over.
    pub async fn diff(
        &self,
        project: ProjectId,
        run: RunId,
        change: &ChangeOf,
        limit: u64,
    ) -> Result<Option<Diff>, Error> {
        let Some((mirror, base, tip)) = self.change(project, run, change.step).await? else {
            return Ok(None);
        };
        let diff = match &change.path {
            Some(path) => mirror.diff_of_file(&base, &tip, path, limit).await,
            None => mirror.diff(&base, &tip, limit).await,
        };
        Ok(Some(diff.map_err(|error| forge_failure(&error))?))
    }

    /// The change of a run so far, or of one of its steps, as a patch for `git am`.
    pub async fn patch(&self, project: ProjectId, run: RunId, step: Option<StepId>) -> Result<Option<Patch>, Error> {
        let Some((mirror, base, tip)) = self.change(project, run, step).await? else {
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

    /// The branches of a project's repository with a text in their name, as of the last time a run fetched it: at most
    /// `count`. A project without a run has none yet.
    pub async fn branches(&self, project: ProjectId, text: &str, count: usize) -> Result<Branches, Error> {
        let mirror = match self.mirrors.get(project) {
            Ok(mirror) => mirror,
            Err(codecourier_forge::Error::MirrorMissing { .. }) => return Ok(Branches::default()),
            Err(error) => return Err(forge_failure(&error).into()),
        };
        let mut names = mirror
            .branches(text, count + 1)
            .await
            .map_err(|error| forge_failure(&error))?;
        let more = if names.len() > count {
            MoreBranches::Yes
        } else {
            MoreBranches::No
        };
        names.truncate(count);
        let default = mirror.default_branch().await.map_err(|error| forge_failure(&error))?;
        let default = default.map(|name| name.to_string());
        // Most runs start from there, and the branches that runs delivered are newer.
        if let Some(at) = names.iter().position(|name| Some(name) == default.as_ref()) {
            names[..=at].rotate_right(1);
        }
        Ok(Branches { names, more, default })
    }

    async fn change(
        &self,
        project: ProjectId,
        run: RunId,
        step: Option<StepId>,
    ) -> Result<Option<(Mirror, CommitId, CommitId)>, Error> {
        let view = self.get(project, run).await?;
        let (base, tip) = match step {
            None => (view.state.base, view.state.tip),
            Some(step) => {
                let found = view.steps.into_iter().find(|candidate| candidate.row.id == step);
                let missing = || Error::not_found(format!("There is no step {step} in this run."));
                let memo = found.ok_or_else(missing)?.memo;
                (Some(memo.base), memo.collected)
            }
        };
        let (Some(base), Some(tip)) = (&base, &tip) else {
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
