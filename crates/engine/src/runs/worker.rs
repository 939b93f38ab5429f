//! The workers: claim a task, do it, and advance its run, until told to stop.
//!
//! Invariants: a claim is a lease, prolonged at a third of its length; whoever loses it lets go of the work at once and
//! records nothing more; nobody polls (a signal tells of new work, the claim itself of the next timer). A worker that
//! stops in order leaves agents alive: they go on in their sandboxes, and the next server picks them up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_domain::id::{ProjectId, RunId, StepId, TaskId};
use codecourier_domain::run::{RunEvent, RunState};
use codecourier_domain::time::Timestamp;
use codecourier_store::steps::StepStatus;
use codecourier_store::tasks::{ClaimRequest, ClaimedTask, Fence, TaskClass};
use codecourier_store::{Error as StoreError, Result as StoreResult};

use super::advance::{ENGINE_ACTOR, Move, RunRecord, Work, advance};
use super::live::Notice;
use super::memo::StepMemo;
use super::pinned::Pinned;
use super::recorder::StepRecorder;
use super::spec::RunSpec;
use super::step::{StepContext, StepEnd, StepError, execute};
use super::{cancel, close, deliver, prepare};
use crate::Inner;
use crate::error::chain;

/// How long a claim holds without a sign of life.
pub(crate) const LEASE_MILLISECONDS: i64 = 30_000;
/// How long a worker waits before it looks again although nothing told it to: the net under the signal.
const SWEEP: Duration = Duration::from_secs(30);
/// How many bookkeeping tasks run at once.
const CONTROL_PLACES: usize = 16;

/// What is under way in this process.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    under_way: Mutex<HashMap<TaskId, UnderWay>>,
}

#[derive(Debug)]
struct UnderWay {
    run: Option<RunId>,
    fence: Fence,
    let_go: CancellationToken,
}

/// Everything a task's work needs.
pub(crate) struct TaskContext {
    pub(crate) engine: Arc<Inner>,
    pub(crate) project: ProjectId,
    pub(crate) run: RunId,
    pub(crate) fence: Fence,
    pub(crate) let_go: CancellationToken,
}

impl Workers {
    /// Tells whoever works on a run to let go of it: it was cancelled.
    pub(crate) fn let_go_of_run(&self, run: RunId) {
        for work in self.under_way.lock().values().filter(|work| work.run == Some(run)) {
            work.let_go.cancel();
        }
    }

    fn fences(&self) -> Vec<Fence> {
        self.under_way.lock().values().map(|work| work.fence).collect()
    }

    fn let_go_of(&self, lost: &[Fence]) {
        let under_way = self.under_way.lock();
        for fence in lost {
            if let Some(work) = under_way.get(&fence.task).filter(|work| work.fence == *fence) {
                work.let_go.cancel();
            }
        }
    }
}

/// Claims and does tasks until `stop`.
pub(crate) async fn run(engine: Arc<Inner>, stop: CancellationToken) {
    let places = [
        (TaskClass::Control, CONTROL_PLACES),
        (TaskClass::Work, engine.work_places),
    ];
    let places = places.map(|(class, count)| (class, Arc::new(Semaphore::new(count))));
    let mut signal = engine.store.work_signal();
    loop {
        let mut next_due = None;
        for (class, free) in &places {
            let claim = claim(&engine, *class, free, &stop).await;
            match claim {
                Ok(due) => next_due = [next_due, due].into_iter().flatten().min(),
                Err(StoreError::Closed) => return,
                Err(error) => tracing::error!("claiming tasks failed: {}", chain(&error)),
            }
        }
        let until_due = next_due.map_or(SWEEP, |due: Timestamp| {
            let milliseconds = due.since(engine.clock.now()).clamp(0, i64::MAX);
            Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0) + 1).min(SWEEP)
        });
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            moved = signal.moved() => if moved.is_err() { return },
            () = tokio::time::sleep(until_due) => {}
        }
    }
}

/// Prolongs the leases of everything under way until `stop`.
pub(crate) async fn heartbeat(engine: Arc<Inner>, stop: CancellationToken) {
    let period = Duration::from_millis(LEASE_MILLISECONDS.unsigned_abs() / 3);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(period) => {}
        }
        let fences = engine.workers.fences();
        if fences.is_empty() {
            continue;
        }
        let until = engine.clock.now().plus_milliseconds(LEASE_MILLISECONDS);
        let lost = engine
            .store
            .write(move |tx| Box::pin(async move { tx.heartbeat_tasks(&fences, until).await }))
            .await;
        match lost {
            Ok(lost) => engine.workers.let_go_of(&lost),
            Err(error) => tracing::warn!("a heartbeat failed: {}", chain(&error)),
        }
    }
}

/// Claims as many tasks of a class as there are free places, and starts them. Gives the time of the next timer.
async fn claim(
    engine: &Arc<Inner>,
    class: TaskClass,
    places: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> StoreResult<Option<Timestamp>> {
    let limit = u32::try_from(places.available_permits()).unwrap_or(u32::MAX);
    if limit == 0 {
        return Ok(None);
    }
    let now = engine.clock.now();
    let request = ClaimRequest {
        owner: engine.boot,
        class,
        limit,
        now,
        lease_until: now.plus_milliseconds(LEASE_MILLISECONDS),
    };
    let claim = engine
        .store
        .write(move |tx| Box::pin(async move { tx.claim_tasks(request).await }))
        .await?;
    for claimed in claim.tasks {
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            // Nobody else takes permits, so there is one for each task that was claimed.
            continue;
        };
        let engine = Arc::clone(engine);
        let let_go = stop.child_token();
        let under_way = UnderWay {
            run: claimed.task.run,
            fence: claimed.fence,
            let_go: let_go.clone(),
        };
        engine.workers.under_way.lock().insert(claimed.task.id, under_way);
        let tasks = engine.tasks.clone();
        tasks.spawn("work", async move {
            // Also when the work panics: else its lease would be prolonged for ever, and nobody would do it again.
            let _ended = Ended { engine: Arc::clone(&engine), task: claimed.task.id, _place: place };
            perform(&engine, claimed, let_go).await;
        });
    }
    Ok(claim.next_due)
}

/// Takes a task off the list of what is under way, and frees its place.
struct Ended {
    engine: Arc<Inner>,
    task: TaskId,
    _place: OwnedSemaphorePermit,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.engine.workers.under_way.lock().remove(&self.task);
    }
}

/// Does one task and advances its run.
async fn perform(engine: &Arc<Inner>, claimed: ClaimedTask, let_go: CancellationToken) {
    let ClaimedTask { task, fence } = claimed;
    let Some(run) = task.run else {
        tracing::error!(task = %task.id, "a task without a run");
        return;
    };
    let context = TaskContext {
        engine: Arc::clone(engine),
        project: task.project,
        run,
        fence,
        let_go: let_go.clone(),
    };
    let done = match task.body.read::<Work>() {
        Ok(work) => do_work(&context, work).await,
        Err(error) => Err(super::step::internal("Reading a task", &error)),
    };
    let outcome = match done {
        Ok(Some(outcome)) => outcome,
        Ok(None) | Err(StepError::Fenced) => return,
        Err(StepError::Failure(failure)) => Outcome::of(RunEvent::TaskFailed { failure }),
    };
    if let Err(error) = record(&context, outcome).await {
        match error {
            StoreError::Fenced => {}
            // The lease ends and somebody does the task again: everything it did may be done twice.
            other => tracing::error!(%run, "recording a task's end failed: {}", chain(&other)),
        }
    }
}

/// What a task came to.
struct Outcome {
    event: RunEvent,
    /// What the preparation pinned.
    pinned: Option<Pinned>,
    /// The step that ended, and how.
    step: Option<(StepId, StepStatus)>,
}

impl Outcome {
    const fn of(event: RunEvent) -> Self {
        Self {
            event,
            pinned: None,
            step: None,
        }
    }
}

async fn do_work(context: &TaskContext, work: Work) -> Result<Option<Outcome>, StepError> {
    let (spec, pinned) = load(context)
        .await
        .map_err(|error| super::step::internal("Reading the run", &error))?;
    let let_go = context.let_go.clone();
    let work = async {
        match work {
            Work::Prepare => {
                let pinned = prepare::prepare(context, &spec).await?;
                let event = RunEvent::Prepared {
                    base: pinned.base.clone(),
                };
                Ok(Some(Outcome {
                    event,
                    pinned: Some(pinned),
                    step: None,
                }))
            }
            Work::ExecuteStep { step } => execute_step(context, spec, pinned, step).await,
            Work::Deliver => {
                deliver::deliver(context, &spec, pinned.as_ref()).await?;
                Ok(Some(Outcome::of(RunEvent::Delivered)))
            }
            Work::Close => {
                close::close(context).await?;
                Ok(Some(Outcome::of(RunEvent::Closed)))
            }
            Work::StopProcesses => cancel::stop_processes(context)
                .await
                .map(|event| Some(Outcome::of(event))),
        }
    };
    tokio::select! {
        biased;
        () = let_go.cancelled() => Ok(None),
        done = work => done,
    }
}

async fn execute_step(
    context: &TaskContext,
    spec: RunSpec,
    pinned: Option<Pinned>,
    step: StepId,
) -> Result<Option<Outcome>, StepError> {
    let engine = &context.engine;
    let internal = |error: &StoreError| super::step::internal("Reading the step", error);
    let mut reader = engine.store.read().await.map_err(|error| internal(&error))?;
    let row = reader
        .step(context.project, step)
        .await
        .map_err(|error| internal(&error))?;
    let cursor = reader
        .journal_cursor(context.project, step)
        .await
        .map_err(|error| internal(&error))?;
    drop(reader);
    let (Some(row), Some(cursor), Some(pinned)) = (row, cursor, pinned) else {
        return Err(Failure::new(FailureClass::Internal, "The step is not in the store.").into());
    };
    let memo: StepMemo = row.body.read().map_err(|error| internal(&error))?;
    let (ordinal, attempt) = (memo.plan.ordinal, memo.plan.attempt);
    let step_context = StepContext {
        engine: Arc::clone(engine),
        project: context.project,
        run: context.run,
        step,
        plan: memo.plan.clone(),
        spec: Arc::new(spec),
        pinned,
        recorder: StepRecorder::new(Arc::clone(engine), context.fence, row, memo, &cursor),
        let_go: context.let_go.clone(),
    };
    let (event, status) = match execute(&step_context).await {
        StepEnd::LetGo => return Ok(None),
        StepEnd::Finished(result) => (
            RunEvent::StepFinished {
                ordinal,
                attempt,
                result,
            },
            StepStatus::Completed,
        ),
        StepEnd::Failed(failure) => (
            RunEvent::StepFailed {
                ordinal,
                attempt,
                failure,
            },
            StepStatus::Failed,
        ),
    };
    Ok(Some(Outcome {
        event,
        pinned: None,
        step: Some((step, status)),
    }))
}

async fn load(context: &TaskContext) -> StoreResult<(RunSpec, Option<Pinned>)> {
    let mut reader = context.engine.store.read().await?;
    let body = reader
        .run_body(context.project, context.run)
        .await?
        .ok_or(StoreError::NotFound { entity: "run" })?;
    let run = reader
        .run(context.project, context.run)
        .await?
        .ok_or(StoreError::NotFound { entity: "run" })?;
    let record: RunRecord = run.state.read()?;
    Ok((body.read()?, record.pinned))
}

/// Ends the task and advances the run, in one transaction.
async fn record(context: &TaskContext, outcome: Outcome) -> StoreResult<RunState> {
    let engine = &context.engine;
    let (project, run, fence) = (context.project, context.run, context.fence);
    let now = engine.clock.now();
    let Outcome { event, pinned, step } = outcome;
    let state = engine
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.complete_task(fence, now).await?;
                if let Some((step, status)) = step
                    && let Some(mut row) = tx.read().step(project, step).await?
                {
                    row.status = status;
                    row.finished_at = Some(now);
                    row.sandbox = None;
                    tx.save_step(&row).await?;
                }
                advance(
                    tx,
                    project,
                    run,
                    Move {
                        event,
                        pinned,
                        actor: ENGINE_ACTOR,
                        now,
                    },
                )
                .await
            })
        })
        .await?;
    if let Some((step, _)) = step {
        engine.model_access.forget(step);
    }
    engine.live.tell(run, Notice::Changed);
    Ok(state)
}
