//! Executing one step: its own sandbox, the repository in it, the agent, what it leaves behind, and the end of it all.
//!
//! Called by the worker for the task `execute_step`. Invariants: everything in here may be done again from the start
//! after a crash, and what was done is found and not repeated: the sandbox is named after the step, its processes are
//! started once by tag, and [`StepMemo`] holds what was found; a step that ends, however it ends,
//! leaves no sandbox and no valid token.

mod agent;
mod between;
mod checks;
mod ended;
mod journal;
mod limits;
mod pictures;
mod repository;
mod sandbox;
mod setup;
mod still;
mod talk;
mod tool_pictures;
mod verdict;

use std::sync::Arc;

use parking_lot::Mutex;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::{Event, Phase, PhaseState};
use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_domain::id::{ProjectId, RunId, SandboxId, StepId};
use codecourier_domain::model_route::{self, ModelRoute};
use codecourier_domain::provider::ModelProvider;
use codecourier_domain::role::{Role, TreeAccess};
use codecourier_domain::run::{KeyLimit, StepPlan, StepResult};
use codecourier_domain::stillness::Stillness;
use codecourier_sandbox::Error as SandboxError;
use codecourier_store::blob_uses::BlobHolder;
use codecourier_store::blobs::BlobName;

use super::memo::{Login, StepMemo, StepOutcome};
use super::pinned::Pinned;
use super::place::Place;
use super::recorder::{StepRecorder, store_failure};
use super::spec::RunSpec;
use crate::Inner;
use crate::error::sentence;
use crate::error::{chain, is_disk_full};
use crate::model_access::ProviderFailures;
use crate::variables::Environment;

/// How often the removal of a step's sandbox is tried before the step ends without it.
const DESTROY_TRIES: u32 = 3;

/// Everything a step's execution needs.
pub(crate) struct StepContext {
    pub(crate) engine: Arc<Inner>,
    pub(crate) project: ProjectId,
    pub(crate) run: RunId,
    pub(crate) step: StepId,
    pub(crate) plan: StepPlan,
    pub(crate) spec: Arc<RunSpec>,
    pub(crate) pinned: Pinned,
    /// What the project's commands and the agent find in their environment.
    pub(crate) environment: Environment,
    /// A login that the agent is handed instead of the gateway.
    pub(crate) login: Option<SecretString>,
    pub(crate) recorder: StepRecorder,
    /// Triggered when this worker must let go: the run is cancelled, the lease is lost, or the server ends.
    pub(crate) let_go: CancellationToken,
    /// Its place among the steps that are executed at once.
    pub(crate) place: Arc<Place>,
    /// Whether its sandbox stands still and for how long it did, as far as this worker has heard.
    pub(crate) still: Mutex<Stillness>,
}

/// How a step's execution ended.
pub(crate) enum StepEnd {
    /// With a result.
    Finished(Box<StepResult>),
    /// With a failure.
    Failed(Failure),
    /// Not yet: it goes on soon.
    Later(Failure),
    /// Not yet: it waits for a limit, with everything it has.
    Held(Box<KeyLimit>),
    /// At a limit: it is done again after that.
    Limited(Box<KeyLimit>),
    /// Not at all: somebody else goes on with it, or nobody shall.
    LetGo,
}

/// Why a part of a step did not go on.
#[derive(Debug)]
pub(crate) enum StepError {
    /// The step fails.
    Failure(Failure),
    /// It cannot be done now, for a reason that passes: it is done again soon.
    Later(Failure),
    /// It waits for the limit of a key with everything it has. Which one by its number and attempt.
    Held((u32, u32), Box<KeyLimit>),
    /// The step ends at the limit of a key, for longer than it could wait.
    Limited(Box<KeyLimit>),
    /// This worker goes on no more: it may no longer write, or cannot now. Whoever may goes on where the store has it.
    LetGo,
}

impl From<Failure> for StepError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<SandboxError> for StepError {
    fn from(error: SandboxError) -> Self {
        Self::Failure(sandbox_failure(&error))
    }
}

/// Executes a step to its end and clears up behind it.
pub(crate) async fn execute(context: &StepContext) -> StepEnd {
    let work = async {
        if context.recorder.memo().outcome.is_none() {
            let outcome = match attempt(context).await {
                Ok(()) => StepOutcome::Finished,
                Err(error @ (StepError::LetGo | StepError::Later(_) | StepError::Held(..))) => return Err(error),
                Err(StepError::Limited(limit)) => StepOutcome::Limited { limit: *limit },
                Err(StepError::Failure(failure)) => StepOutcome::Failed {
                    failure: explained(context, failure).await,
                },
            };
            conclude(context, outcome).await?;
        }
        tear_down(context).await
    };
    let done = tokio::select! {
        biased;
        () = context.let_go.cancelled() => return StepEnd::LetGo,
        done = work => done,
    };
    match done {
        Ok(()) => ended(context.recorder.memo()),
        Err(StepError::LetGo) => StepEnd::LetGo,
        Err(StepError::Later(failure)) => StepEnd::Later(failure),
        Err(StepError::Held(_, limit)) => StepEnd::Held(limit),
        Err(StepError::Limited(limit)) => StepEnd::Limited(limit),
        Err(StepError::Failure(failure)) => StepEnd::Failed(failure),
    }
}

/// What the run is told of a step whose clean-up is done.
fn ended(memo: StepMemo) -> StepEnd {
    match memo.outcome {
        Some(StepOutcome::Failed { failure }) => StepEnd::Failed(failure),
        Some(StepOutcome::Limited { limit }) => StepEnd::Limited(Box::new(limit)),
        Some(StepOutcome::Finished) | None => StepEnd::Finished(Box::new(StepResult {
            summary: memo.last_turn.map(|turn| turn.final_text).unwrap_or_default(),
            commit: memo.collected,
            verdict: memo.verdict,
            checks: memo.checks,
        })),
    }
}

/// The work itself, from a sandbox to checks that have ended. What it came to is in the memo.
async fn attempt(context: &StepContext) -> Result<(), StepError> {
    let sandbox = sandbox::acquire(context).await?;
    if !context.recorder.memo().has_ended(Phase::AgentCli) {
        let _service = sandbox::serve_gateway(context, sandbox.as_ref()).await?;
        repository::clone(context, sandbox.as_ref()).await?;
        setup::run(context, sandbox.as_ref()).await?;
        agent::work(context, sandbox.as_ref()).await?;
    }
    // The agent is done: nothing of the step may reach the model any more.
    context.close_model_access().await?;
    let memo = context.recorder.memo();
    if context.plan.spec.role == Role::Checker && memo.verdict.is_none() {
        return Err(Failure::new(FailureClass::StructuredResult, "The checker gave no verdict.").into());
    }
    if context.plan.spec.role.tree_access() == TreeAccess::Writes {
        if !memo.has_begun(Phase::Collect) {
            // Nothing that the agent left may go on. Not again after a restart: what runs then is the platform's own.
            sandbox.kill_processes().await?;
        }
        let commit = repository::collect(context, sandbox.as_ref()).await?;
        checks::run(context, sandbox.as_ref(), &commit).await?;
    }
    Ok(())
}

/// A sandbox that ends takes down whatever was asked of it just then: the reason it ended for says more.
async fn explained(context: &StepContext, failure: Failure) -> Failure {
    if failure.class != FailureClass::Sandbox {
        return failure;
    }
    match context.engine.backend.ended(&context.sandbox()).await {
        Ok(Some(end)) => ended::sandbox_ended(end.because),
        Ok(None) | Err(_) => failure,
    }
}

/// Records how the work ended, before anything of it is cleared away: after a crash the end is known, and nothing is
/// done twice.
async fn conclude(context: &StepContext, outcome: StepOutcome) -> Result<(), StepError> {
    if outcome != StepOutcome::Finished {
        // What succeeded has closed it already.
        context.close_model_access().await?;
    }
    if let StepOutcome::Failed { failure } = &outcome {
        let failed = Event::Failed {
            failure: failure.clone(),
        };
        context.recorder.note(vec![failed], |_| {});
    }
    context.recorder.note(Vec::new(), |memo| memo.outcome = Some(outcome));
    context.begin(Phase::Teardown).await
}

/// Kills whatever the step left, says how much that was, and removes the sandbox. The transaction that ends the step
/// commits what is said.
async fn tear_down(context: &StepContext) -> Result<(), StepError> {
    let mut tries = 0;
    let destroyed = loop {
        tries += 1;
        match context.engine.backend.destroy(&context.sandbox()).await {
            Ok(destroyed) => break destroyed,
            Err(error) if tries < DESTROY_TRIES => {
                tracing::warn!(step = %context.step, "destroying the sandbox failed: {}", chain(&error));
            }
            Err(error) => {
                // The step's result is none the worse for it. The next start reaps what is left.
                let detail = Some(chain(&error));
                context
                    .recorder
                    .end_as(Phase::Teardown, PhaseState::Failed, detail, Vec::new());
                return Ok(());
            }
        }
    };
    let killed = Event::Killed {
        killed: destroyed.killed,
        survivors: destroyed.survivors,
    };
    context
        .recorder
        .end_as(Phase::Teardown, PhaseState::Finished, None, vec![killed]);
    Ok(())
}

impl StepContext {
    /// Records that a phase begins, once.
    pub(super) async fn begin(&self, phase: Phase) -> Result<(), StepError> {
        self.recorder.begin(phase, Vec::new()).await
    }

    /// The step's agent: its own, or the run's.
    pub(super) fn agent(&self) -> AgentKind {
        self.plan.spec.agent.unwrap_or(self.spec.agent)
    }

    /// Where the step's model is reached.
    pub(super) fn route(&self) -> Result<ModelRoute, Failure> {
        let memo = self.recorder.memo();
        let model = memo.model(&self.spec);
        // Refused when the run was started; but a run may be older than the rule.
        model_route::route(self.agent(), model)
            .map_err(|error| Failure::new(FailureClass::ProviderRequest, sentence(&error.to_string())))
    }

    /// What the step's agent logs in with.
    pub(super) const fn login_kind(&self) -> Login {
        match self.login {
            Some(_) => Login::Subscription,
            None => Login::Gateway,
        }
    }

    /// The step's sandbox.
    pub(super) fn sandbox(&self) -> SandboxId {
        SandboxId::of_step(&self.step)
    }

    /// Notes that a phase ended well, once.
    pub(super) fn end(&self, phase: Phase, detail: Option<String>) {
        self.recorder.end(phase, detail);
    }

    /// A fresh token for the step's agent, good at the provider of its model alone. Earlier ones stay good until the step ends: after a crash, the agent that is
    /// still alive holds one of them. Whoever no longer holds the step gets none.
    pub(super) async fn mint_token(&self, provider: ModelProvider) -> Result<String, StepError> {
        let minted = self.engine.model_access.mint(self, provider).await;
        minted.map_err(|error| store_failure("Minting the step's token", &error))
    }

    /// Ends the step's way to the model: its tokens first, then what is under way.
    pub(super) async fn close_model_access(&self) -> Result<(), StepError> {
        let revoked = self.engine.model_access.revoke(self.project, self.run, self.step).await;
        revoked.map_err(|error| store_failure("Revoking the step's tokens", &error))?;
        self.engine.gateway.close_step(&self.step).await;
        Ok(())
    }

    /// Says that the step refers to a blob, before it does: a crash in between costs space, and nothing else.
    async fn hold_journal(&self, blob: BlobName) -> Result<(), StepError> {
        let (project, holder) = (self.project, BlobHolder::Journal(self.step));
        let hold = self
            .engine
            .store
            .write(move |tx| Box::pin(async move { tx.hold_blob(project, holder, blob).await }));
        hold.await.map_err(|error| store_failure("Keeping the journal", &error))
    }

    /// What the gateway learnt of the provider's refusals during this step.
    pub(super) fn provider_failures(&self) -> ProviderFailures {
        self.engine.model_access.failures_of(self.step)
    }
}

/// The failure that a sandbox's error means.
pub(super) fn sandbox_failure(error: &SandboxError) -> Failure {
    if is_disk_full(error) {
        return Failure::new(
            FailureClass::Sandbox,
            format!(
                "The disk with the data directory is full: {}. Free some space on it, then start the run again.",
                chain(error).trim_end_matches('.')
            ),
        );
    }
    match error {
        SandboxError::Gone { ended: Some(end), .. } => ended::sandbox_ended(end.because),
        SandboxError::Template { .. } | SandboxError::Layer { .. } => {
            Failure::new(FailureClass::Template, sentence(&chain(error)))
        }
        SandboxError::Create { .. } | SandboxError::Unavailable { .. } | SandboxError::Degraded(_) => {
            let what = sentence(&chain(error));
            let message = format!("{what} `codecourier doctor` says what this machine can give and what to do.");
            Failure::new(FailureClass::Sandbox, message)
        }
        _ => Failure::new(FailureClass::Sandbox, sentence(&chain(error))),
    }
}

/// The platform's own fault, as a failure of the step. The log has the cause.
pub(crate) fn internal(operation: &str, error: &(dyn std::error::Error + 'static)) -> StepError {
    tracing::error!("{operation} failed: {}", chain(error));
    StepError::Failure(Failure::new(
        FailureClass::Internal,
        format!("{operation} failed. The log has the cause."),
    ))
}
