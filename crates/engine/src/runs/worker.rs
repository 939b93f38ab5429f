//! The workers: claim a task, do it, and advance its run, until told to stop.
//!
//! Invariants: a claim is a lease, prolonged at a third of its length; whoever loses it lets go of the work at once and
//! records nothing more; nobody polls (a signal tells of new work, the claim itself of the next timer). A worker that
//! stops in order leaves agents alive: they go on in their sandboxes, and the next server picks them up.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use parking_lot::Mutex;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_domain::run::{PauseReason, RunEvent, RunState};
use codecourier_domain::time::Timestamp;
use codecourier_store::steps::StepStatus;
use codecourier_store::tasks::{ClaimRequest, ClaimedTask, Fence, TaskClass, TaskRetry};
use codecourier_store::{Error as StoreError, Result as StoreResult};

use super::advance::{RunRecord, Work};
use super::held;
use super::memo::{Login, StepMemo};
use super::outcome::{EndedStep, Outcome, record};
use super::pinned::Pinned;
use super::place::Place;
use super::recorder::{StepRecorder, store_failure, tell_of_trouble};
use super::spec::{ModelSource, RunSpec};
use super::step::{StepContext, StepEnd, StepError, execute};
use super::under_way::UnderWay;
use super::{cancel, close, deliver, prepare};
use crate::Inner;
use crate::error::{chain, sentence};
use crate::provider_keys::{subscription, subscription_token};
use crate::variables::{Unopened, environment};

/// How long a claim holds without a sign of life.
pub(crate) const LEASE_MILLISECONDS: i64 = 30_000;
/// How long a worker waits before it looks again although nothing told it to: the net under the signal.
const SWEEP: Duration = Duration::from_secs(30);
/// How long a worker waits after the store refused a claim.
const CLAIM_AGAIN: Duration = Duration::from_secs(1);
/// How many bookkeeping tasks run at once.
const CONTROL_PLACES: usize = 16;
/// How often the clean-up of a failed run is tried. What is left then is reaped at the next start.
const CLOSE_ATTEMPTS: u32 = 10;

/// Everything a task's work needs.
pub(crate) struct TaskContext {
    pub(crate) engine: Arc<Inner>,
    pub(crate) project: ProjectId,
    pub(crate) run: RunId,
    pub(crate) fence: Fence,
    pub(crate) let_go: CancellationToken,
    pub(crate) place: Arc<Place>,
}

/// Claims and does tasks until `stop`.
pub(crate) async fn run(engine: Arc<Inner>, stop: CancellationToken) {
    let places = Places {
        control: Arc::new(Semaphore::new(CONTROL_PLACES)),
        work: Arc::new(Semaphore::new(engine.work_places)),
    };
    let mut signal = engine.store.work_signal();
    loop {
        // Listened to before the claim counts the free places: one that becomes free meanwhile is not missed.
        let ended = engine.workers.ended.notified();
        tokio::pin!(ended);
        ended.as_mut().enable();
        let wait = match claim(&engine, &places, &stop).await {
            Ok(next_due) => next_due.map_or(SWEEP, |due| {
                let milliseconds = due.since(engine.clock.now()).max(0);
                Duration::from_millis(milliseconds.unsigned_abs() + 1).min(SWEEP)
            }),
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!("claiming tasks failed: {}", chain(&error));
                CLAIM_AGAIN
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            moved = signal.moved() => if moved.is_err() { return },
            () = &mut ended => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Prolongs the leases of everything under way until `stop`.
pub(crate) async fn heartbeat(engine: Arc<Inner>, stop: CancellationToken) {
    let period = Duration::from_millis(LEASE_MILLISECONDS.unsigned_abs() / 3);
    // Another node that calls tasks off cannot tell whoever works on them here; it gives a hint.
    let mut taken = engine.store.hold_signal();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            moved = taken.moved() => if moved.is_err() { return },
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

/// How much may be under way at once.
struct Places {
    control: Arc<Semaphore>,
    work: Arc<Semaphore>,
}

/// Claims as many tasks of each class as there are free places, and starts them. Gives the time of the next timer.
async fn claim(engine: &Arc<Inner>, places: &Places, stop: &CancellationToken) -> StoreResult<Option<Timestamp>> {
    let now = engine.clock.now();
    let request = |class, places: &Semaphore| ClaimRequest {
        owner: engine.boot,
        class,
        limit: u32::try_from(places.available_permits()).unwrap_or(u32::MAX),
        now,
        lease_until: now.plus_milliseconds(LEASE_MILLISECONDS),
    };
    let requests = [
        request(TaskClass::Control, &places.control),
        request(TaskClass::Work, &places.work),
    ];
    let (tasks, next_due) = engine
        .store
        .write(move |tx| {
            Box::pin(async move {
                let mut tasks = Vec::new();
                let mut next_due = None;
                for request in requests {
                    let claim = tx.claim_tasks(request).await?;
                    tasks.extend(claim.tasks);
                    next_due = claim.next_due;
                }
                Ok((tasks, next_due))
            })
        })
        .await?;
    for claimed in tasks {
        let places = match claimed.task.class {
            TaskClass::Control => &places.control,
            TaskClass::Work => &places.work,
        };
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            // Nobody else takes permits, so there is one for each task that was claimed.
            continue;
        };
        let let_go = stop.child_token();
        let work = UnderWay {
            run: claimed.task.run,
            let_go: let_go.clone(),
        };
        engine.workers.begin(claimed.fence, work);
        let place = Arc::new(Place::new(Arc::clone(engine), Arc::clone(places), place));
        let ended = Ended {
            engine: Arc::clone(engine),
            fence: claimed.fence,
            place: Arc::clone(&place),
        };
        engine.tasks.spawn("work", async move {
            perform(&ended.engine, claimed, let_go, place).await;
            drop(ended);
        });
    }
    Ok(next_due)
}

/// Takes a task off the list of what is under way, and frees its place, however its work ends.
struct Ended {
    engine: Arc<Inner>,
    fence: Fence,
    place: Arc<Place>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        // The place first, so that whoever is told finds it free.
        self.place.leave();
        self.engine.workers.end(&self.fence);
    }
}

/// Does one task and advances its run.
async fn perform(engine: &Arc<Inner>, claimed: ClaimedTask, let_go: CancellationToken, place: Arc<Place>) {
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
        place,
    };
    let work = match task.body.read::<Work>() {
        Ok(work) => work,
        Err(error) => {
            // Nobody who comes later can read it either.
            tracing::error!(task = %task.id, %run, "a task cannot be read: {}", chain(&error));
            return;
        }
    };
    // A panic is a fault of the platform, and ends the run with one; done again it would only come again.
    let done = AssertUnwindSafe(do_work(&context, work.clone())).catch_unwind().await;
    let done = done.unwrap_or_else(|_| {
        tracing::error!(task = %task.id, %run, "{} panicked", work.kind());
        Err(Failure::new(
            FailureClass::Internal,
            "The platform failed inside. The log has the cause; the run can be started again.",
        )
        .into())
    });
    let recorded = match done {
        Ok(Some(outcome)) => record(&context, outcome).await.map(drop),
        // A step that ends at a limit has said so as its end; nothing else knows of limits.
        Ok(None) | Err(StepError::LetGo | StepError::Limited(_)) => return,
        Err(StepError::Later(failure)) => put_off(&context, again(&context, &work, 0, failure)).await,
        Err(StepError::Held(numbers, limit)) => match work {
            Work::ExecuteStep { step } => held::hold_back(&context, step, numbers, limit).await,
            // Nothing else has a sandbox to wait in.
            Work::Prepare | Work::Deliver | Work::Close | Work::StopProcesses | Work::Resume => return,
        },
        Err(StepError::Failure(failure)) => match failed(&context, &work, task.attempt, failure).await {
            Ok(Reaction::Record(outcome)) => record(&context, *outcome).await.map(drop),
            Ok(Reaction::Again(retry)) => put_off(&context, retry).await,
            Err(error) => Err(error),
        },
    };
    match recorded {
        Ok(()) | Err(StoreError::Fenced) => {}
        // The lease ends and somebody does the task again: everything it did may be done twice.
        Err(other) => {
            tracing::error!(%run, "recording a task's end failed: {}", chain(&other));
            tell_of_trouble(engine, run, &other);
        }
    }
}

/// What is done about work that failed outside of a step's own rules.
enum Reaction {
    /// The run is told.
    Record(Box<Outcome>),
    /// The task is done again later.
    Again(TaskRetry),
}

/// Every task must move its run or be done again: a run that waits for a task which nobody does would wait for ever.
async fn failed(context: &TaskContext, work: &Work, attempt: u32, failure: Failure) -> StoreResult<Reaction> {
    let event = match work {
        Work::Prepare | Work::Deliver => RunEvent::TaskFailed { failure },
        Work::ExecuteStep { step } => {
            let (run, step) = (context.run, *step);
            let row = context.engine.store.read().await?.step(context.project, step).await?;
            let Some(row) = row else {
                tracing::error!(%run, %step, "the step is not in the store");
                return Ok(Reaction::Again(again(context, work, attempt, failure)));
            };
            return Ok(Reaction::Record(Box::new(Outcome {
                event: RunEvent::StepFailed {
                    ordinal: row.ordinal,
                    attempt: row.attempt,
                    failure,
                },
                pinned: None,
                step: Some(EndedStep {
                    id: step,
                    status: StepStatus::Failed,
                    last_words: None,
                }),
            })));
        }
        Work::Close if attempt >= CLOSE_ATTEMPTS => RunEvent::Closed,
        // What people asked for is that nothing is left, and that the run goes on: it is tried until that is so.
        Work::Close | Work::StopProcesses | Work::Resume => {
            return Ok(Reaction::Again(again(context, work, attempt, failure)));
        }
    };
    Ok(Reaction::Record(Box::new(Outcome::of(event))))
}

/// The next try of a task: soon at first, and once a minute at last.
fn again(context: &TaskContext, work: &Work, attempt: u32, failure: Failure) -> TaskRetry {
    let milliseconds = 125_i64 << attempt.min(9);
    tracing::warn!(run = %context.run, "{} is tried again in {milliseconds} ms: {failure}", work.kind());
    TaskRetry {
        due: context.engine.clock.now().plus_milliseconds(milliseconds),
        failure: failure.message,
    }
}

async fn put_off(context: &TaskContext, retry: TaskRetry) -> StoreResult<()> {
    let fence = context.fence;
    context
        .engine
        .store
        .write(move |tx| Box::pin(async move { tx.retry_task(fence, &retry).await }))
        .await
}

async fn do_work(context: &TaskContext, work: Work) -> Result<Option<Outcome>, StepError> {
    let (spec, pinned, state) = load(context)
        .await
        .map_err(|error| store_failure("Reading the run", &error))?;
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
            Work::ExecuteStep { step } => {
                let is_held = matches!(state.pause(), Some(PauseReason::RateLimit { .. }));
                execute_step(context, spec, pinned, (step, is_held)).await
            }
            Work::Resume => Ok(Some(Outcome::of(RunEvent::ResumeRequested))),
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
    (step, is_held): (StepId, bool),
) -> Result<Option<Outcome>, StepError> {
    let engine = &context.engine;
    let internal = |error: &StoreError| store_failure("Reading the step", error);
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
    if is_held {
        held::release(context, step, (ordinal, attempt))
            .await
            .map_err(|error| internal(&error))?;
    }
    let login = login(context, &spec, &memo).await?;
    let environment = match environment(engine, context.project, &spec.setup.variables, login.as_ref()).await {
        Ok(environment) => environment,
        Err(Unopened::Store(error)) => return Err(internal(&error)),
        Err(error @ Unopened::Sealed { .. }) => {
            let message = format!("{} Set it anew, then start the run again.", sentence(&chain(&error)));
            return Err(Failure::new(FailureClass::Internal, message).into());
        }
    };
    let redactor = environment.redactor.clone();
    let step_context = StepContext {
        engine: Arc::clone(engine),
        project: context.project,
        run: context.run,
        step,
        plan: memo.plan.clone(),
        spec: Arc::new(spec),
        pinned,
        environment,
        login,
        recorder: StepRecorder::new(Arc::clone(engine), context.fence, row, memo, &cursor, redactor),
        let_go: context.let_go.clone(),
        place: Arc::clone(&context.place),
        still: Mutex::default(),
    };
    let (event, status) = match execute(&step_context).await {
        StepEnd::LetGo => return Ok(None),
        StepEnd::Later(failure) => return Err(StepError::Later(failure)),
        StepEnd::Held(limit) => return Err(StepError::Held((ordinal, attempt), limit)),
        StepEnd::Limited(limit) => (
            RunEvent::StepLimited {
                ordinal,
                attempt,
                limit,
            },
            StepStatus::Failed,
        ),
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
        step: Some(EndedStep {
            id: step,
            status,
            last_words: Some(step_context.recorder.last_words()),
        }),
    }))
}

/// The login that the step's agent is handed, where it is none that stays at the gateway.
async fn login(context: &TaskContext, spec: &RunSpec, memo: &StepMemo) -> Result<Option<SecretString>, StepError> {
    let agent = memo.plan.spec.agent.unwrap_or(spec.agent);
    match spec.model_source {
        ModelSource::Live => {
            let found = match memo.login {
                Some(Login::Gateway) => Ok(None),
                Some(Login::Subscription) => subscription_token(&context.engine, context.project).await,
                None => subscription(&context.engine, context.project, agent).await,
            };
            found.map_err(|error| Failure::new(FailureClass::Internal, error.message).into())
        }
        // The answers come from the gateway, or are written down by it.
        ModelSource::Record { .. } | ModelSource::Replay { .. } => Ok(None),
    }
}

async fn load(context: &TaskContext) -> StoreResult<(RunSpec, Option<Pinned>, RunState)> {
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
    Ok((body.read()?, record.pinned, record.machine))
}
