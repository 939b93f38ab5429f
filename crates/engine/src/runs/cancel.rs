//! Cancelling a run. Stop means stopped: the tokens die first, then every process, and the record says what was left.

use codecourier_domain::event::Event;
use codecourier_domain::id::{ProjectId, RunId, SandboxId, TaskId};
use codecourier_domain::run::{PauseReason, Progress, RunEvent, RunStatus};
use codecourier_domain::time::Timestamp;
use codecourier_store::changes::{FollowedChange, Scope};
use codecourier_store::events::EventAppend;
use codecourier_store::steps::{Step, StepStatus};
use codecourier_store::{Error as StoreError, Tx};

use super::advance::{Move, RunRecord, advance};
use super::live::Notice;
use super::recorder::store_failure;
use super::worker::TaskContext;
use super::{Runs, hold, new_event};
use crate::error::{Error, ErrorCode};

impl Runs {
    /// Asks a run to end. Its agents lose their tokens in the same transaction, and whoever executes a step of it lets
    /// go at once; the kill itself is a task, so that it happens also when this process dies now.
    pub async fn cancel(&self, project: ProjectId, run: RunId, actor: &str) -> Result<(), Error> {
        let now = self.engine.clock.now();
        let by = actor.to_owned();
        let ask = self
            .engine
            .store
            .write(move |tx| Box::pin(async move { ask(tx, project, run, &by, now).await }));
        let asked = ask.await?;
        match asked {
            Asked::Missing => Err(Error::not_found(format!("There is no run {run}."))),
            Asked::Ended(status) => Err(Error::new(
                ErrorCode::Conflict,
                format!("The run has ended already: it is {status}."),
            )),
            Asked::Cancelling => Ok(()),
            Asked::Accepted(tasks) => {
                self.let_go(&Cancelled { run, tasks });
                Ok(())
            }
        }
    }

    /// Has whoever works on a run that was cancelled let go at once.
    pub(crate) fn let_go(&self, cancelled: &Cancelled) {
        // These and no others: the task that kills may be under way by now.
        self.engine.workers.let_go_of_tasks(&cancelled.tasks);
        self.engine.live.tell(cancelled.run, Notice::Changed);
    }

    /// Waits until a run has ended or waits for a person, and gives its status.
    pub async fn wait(&self, project: ProjectId, run: RunId) -> Result<RunStatus, Error> {
        let scope = Scope::Project(project);
        let head = self.engine.store.read().await?.change_head(scope).await?;
        // The log and not the bus: the run may be another node's work.
        let mut changes = self.engine.store.follow_changes(scope, head);
        loop {
            let view = self.get(project, run).await?;
            if view.summary.status.has_ended() || view.state.pause().is_some_and(PauseReason::waits_for_a_person) {
                return Ok(view.summary.status);
            }
            loop {
                match changes.next().await? {
                    FollowedChange::Change(change) if change.kind == "run" && change.id == run.to_string() => break,
                    FollowedChange::Change(_) => {}
                    FollowedChange::Reset { .. } => break,
                }
            }
        }
    }
}

/// A run that was asked to end, and the tasks that were called off for it.
pub(crate) struct Cancelled {
    run: RunId,
    tasks: Vec<TaskId>,
}

/// Asks every run of a project to end, in the command that ends the project: what is committed with it happens, also
/// when this process dies right after.
pub(crate) async fn cancel_all(
    tx: &mut Tx,
    project: ProjectId,
    by: &str,
    now: Timestamp,
) -> Result<Vec<Cancelled>, StoreError> {
    let mut cancelled = Vec::new();
    for run in tx.read().unfinished_runs_of(project).await? {
        match ask(tx, project, run, by, now).await? {
            Asked::Accepted(tasks) => cancelled.push(Cancelled { run, tasks }),
            Asked::Missing | Asked::Ended(_) | Asked::Cancelling => {}
        }
    }
    Ok(cancelled)
}

async fn ask(tx: &mut Tx, project: ProjectId, run: RunId, by: &str, now: Timestamp) -> Result<Asked, StoreError> {
    let Some(before) = tx.read().run(project, run).await? else {
        return Ok(Asked::Missing);
    };
    if before.summary.status.has_ended() {
        return Ok(Asked::Ended(before.summary.status));
    }
    let record: RunRecord = before.state.read()?;
    if record.machine.progress == Progress::Cancelling {
        // The task that kills is under way; calling off all tasks again would call off that one.
        return Ok(Asked::Cancelling);
    }
    tx.revoke_step_tokens(project, run, None, now).await?;
    let tasks = tx.cancel_tasks(project, run, now).await?;
    let moved = Move {
        event: RunEvent::CancelRequested,
        pinned: None,
        budget: None,
        actor: by,
        now,
    };
    advance(tx, project, run, moved).await?;
    Ok(Asked::Accepted(tasks))
}

/// What asking for the end of a run came to.
enum Asked {
    Missing,
    Ended(RunStatus),
    Cancelling,
    Accepted(Vec<TaskId>),
}

/// The task: kills whatever of the run is left, counts what survived, and ends the steps.
pub(super) async fn stop_processes(context: &TaskContext) -> Result<RunEvent, crate::runs::step::StepError> {
    let engine = &context.engine;
    let (project, run) = (context.project, context.run);
    let internal = |error: &codecourier_store::Error| store_failure("Stopping the run", error);
    // Who executed a step may be about to make its sandbox: not after this.
    engine.workers.alone_on(run, context.fence).await;
    let steps = engine
        .store
        .read()
        .await
        .map_err(|error| internal(&error))?
        .steps(project, run)
        .await;
    for step in steps.map_err(|error| internal(&error))? {
        if !matches!(step.status, StepStatus::Pending | StepStatus::Running) {
            continue;
        }
        // Its tokens are dead since the request. What it had under way at the model ends now.
        engine.gateway.close_step(&step.id).await;
        let destroyed = engine
            .backend
            .destroy(&SandboxId::of_step(&step.id))
            .await
            .map_err(crate::runs::step::StepError::from)?;
        let now = engine.clock.now();
        let event = Event::Killed {
            killed: destroyed.killed,
            survivors: destroyed.survivors,
        };
        let event = new_event(&event, now).map_err(|error| internal(&error))?;
        let ended = Step {
            status: StepStatus::Cancelled,
            sandbox: None,
            finished_at: Some(now),
            ..step
        };
        let fence = context.fence;
        let id = ended.id;
        engine
            .store
            .write(move |tx| {
                Box::pin(async move {
                    hold(tx, fence, now).await?;
                    tx.append_events(EventAppend {
                        project,
                        run,
                        step: Some(id),
                        cursor: None,
                        events: vec![event],
                    })
                    .await?;
                    tx.drop_step_inputs(project, id, now).await?;
                    tx.save_step(&ended).await
                })
            })
            .await
            .map_err(|error| internal(&error))?;
        engine.model_access.forget(id);
    }
    Ok(RunEvent::ProcessesStopped)
}
