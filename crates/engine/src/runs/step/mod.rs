//! Executing one step: its own sandbox, the repository in it, the agent, what it leaves behind, and the end of it all.
//!
//! Called by the worker for the task `execute_step`. Invariants: everything in here may be done again from the start
//! after a crash, and what was done is found and not repeated: the sandbox is named after the step, its processes are
//! started once by tag, and [`StepMemo`](super::memo::StepMemo) holds what was found; a step that ends, however it ends,
//! leaves no sandbox and no valid token.

mod agent;
mod checks;
mod ended;
mod repository;
mod sandbox;
mod verdict;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use codecourier_domain::event::{Event, Phase};
use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_domain::role::{Role, TreeAccess};
use codecourier_domain::run::{StepPlan, StepResult};
use codecourier_sandbox::Error as SandboxError;

use super::pinned::Pinned;
use super::recorder::StepRecorder;
use super::spec::RunSpec;
use crate::Inner;
use crate::error::chain;
use crate::model_access::ProviderFailures;

/// Everything a step's execution needs.
pub(crate) struct StepContext {
    pub(crate) engine: Arc<Inner>,
    pub(crate) project: ProjectId,
    pub(crate) run: RunId,
    pub(crate) step: StepId,
    pub(crate) plan: StepPlan,
    pub(crate) spec: Arc<RunSpec>,
    pub(crate) pinned: Pinned,
    pub(crate) recorder: StepRecorder,
    /// Triggered when this worker must let go: the run is cancelled, the lease is lost, or the server ends.
    pub(crate) let_go: CancellationToken,
}

/// How a step's execution ended.
pub(crate) enum StepEnd {
    /// With a result.
    Finished(Box<StepResult>),
    /// With a failure.
    Failed(Failure),
    /// Not at all: somebody else goes on with it, or nobody shall.
    LetGo,
}

/// Why a part of a step did not go on.
#[derive(Debug)]
pub(crate) enum StepError {
    /// The step fails.
    Failure(Failure),
    /// This worker is no longer the one that may write.
    Fenced,
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
    let attempt = tokio::select! {
        biased;
        () = context.let_go.cancelled() => return StepEnd::LetGo,
        attempt = attempt(context) => attempt,
    };
    let end = match attempt {
        Ok(result) => StepEnd::Finished(Box::new(result)),
        Err(StepError::Fenced) => return StepEnd::LetGo,
        Err(StepError::Failure(failure)) => {
            let recorded = context
                .recorder
                .record(
                    vec![Event::Failed {
                        failure: failure.clone(),
                    }],
                    |_| {},
                )
                .await;
            if recorded.is_err() {
                return StepEnd::LetGo;
            }
            StepEnd::Failed(failure)
        }
    };
    match tear_down(context).await {
        Ok(()) => end,
        Err(StepError::Fenced) => StepEnd::LetGo,
        Err(StepError::Failure(failure)) => StepEnd::Failed(failure),
    }
}

async fn attempt(context: &StepContext) -> Result<StepResult, StepError> {
    let sandbox = sandbox::acquire(context).await?;
    let service = sandbox::serve_gateway(context, sandbox.as_ref()).await?;
    repository::clone(context, sandbox.as_ref()).await?;
    agent::work(context, sandbox.as_ref()).await?;
    // The agent is done: nothing of the step may reach the model any more, and nothing it left may go on.
    context.revoke_tokens().await?;
    context.engine.gateway.close_step(&context.step).await;
    drop(service);

    let writes = context.plan.spec.role.tree_access() == TreeAccess::Writes;
    if writes {
        sandbox.kill_processes().await?;
        let commit = repository::collect(context, sandbox.as_ref()).await?;
        checks::run(context, sandbox.as_ref(), &commit).await?;
    }
    let memo = context.recorder.memo();
    if context.plan.spec.role == Role::Checker && memo.verdict.is_none() {
        return Err(Failure::new(FailureClass::StructuredResult, "The checker gave no verdict.").into());
    }
    Ok(StepResult {
        summary: memo.last_turn.map(|turn| turn.final_text).unwrap_or_default(),
        commit: memo.collected,
        verdict: memo.verdict,
        checks: memo.checks,
    })
}

/// Revokes the step's tokens, kills whatever it left, says how much that was, and removes the sandbox.
async fn tear_down(context: &StepContext) -> Result<(), StepError> {
    context.revoke_tokens().await?;
    context.begin(Phase::Teardown).await?;
    let id = codecourier_domain::id::SandboxId::of_step(&context.step);
    let destroyed = context.engine.backend.destroy(&id).await?;
    let killed = Event::Killed {
        killed: destroyed.killed,
        survivors: destroyed.survivors,
    };
    context.recorder.record(vec![killed], |_| {}).await?;
    context.end(Phase::Teardown, None).await
}

impl StepContext {
    /// Records that a phase begins, once.
    pub(super) async fn begin(&self, phase: Phase) -> Result<(), StepError> {
        self.recorder.begin(phase).await
    }

    /// Records that a phase ended well, once.
    pub(super) async fn end(&self, phase: Phase, detail: Option<String>) -> Result<(), StepError> {
        self.recorder.end(phase, detail).await
    }

    /// A fresh token for the step's agent. Earlier ones stay good until the step ends: after a crash, the agent that is
    /// still alive holds one of them.
    pub(super) async fn mint_token(&self) -> Result<String, StepError> {
        self.engine
            .model_access
            .mint(self)
            .await
            .map_err(|error| internal("Minting the step's token", &error))
    }

    /// Ends every token of the step.
    pub(super) async fn revoke_tokens(&self) -> Result<(), StepError> {
        self.engine
            .model_access
            .revoke(self.project, self.run, self.step)
            .await
            .map_err(|error| internal("Revoking the step's tokens", &error))
    }

    /// What the gateway learnt of the provider's refusals during this step.
    pub(super) fn provider_failures(&self) -> ProviderFailures {
        self.engine.model_access.failures_of(self.step)
    }
}

/// The failure that a sandbox's error means.
pub(super) fn sandbox_failure(error: &SandboxError) -> Failure {
    match error {
        SandboxError::Gone { ended: Some(end), .. } => ended::sandbox_ended(end.because),
        SandboxError::Template { .. } | SandboxError::Layer { .. } => {
            Failure::new(FailureClass::Template, chain(error))
        }
        _ => Failure::new(
            FailureClass::Sandbox,
            format!("{}.", chain(error).trim_end_matches('.')),
        ),
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
