//! The sandboxes of a project that are alive: whose step they serve, what they may use and what they use; and their end.
//!
//! The API calls this. Invariant: a sandbox is reached only through a step of the caller's own project.

use std::sync::Arc;

use codecourier_domain::id::{RunId, SandboxId, StepId};
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::time::Timestamp;
use codecourier_sandbox::Isolation;
use codecourier_store::page::{Page, PageCursor};
use codecourier_store::steps::Step;

use crate::access::ProjectGrant;
use crate::error::Error;
use crate::runs::spec::RunSpec;
use crate::{Engine, Inner};

pub use codecourier_sandbox::{State, Usage};

/// The use cases of sandboxes.
#[derive(Clone)]
pub struct Sandboxes {
    engine: Arc<Inner>,
}

impl Engine {
    /// The use cases of sandboxes.
    #[must_use]
    pub fn sandboxes(&self) -> Sandboxes {
        Sandboxes {
            engine: Arc::clone(&self.inner),
        }
    }
}

/// A sandbox that is alive, or being made.
#[derive(Debug, Clone)]
pub struct SandboxView {
    /// Its identifier.
    pub id: SandboxId,
    /// The run it serves.
    pub run: RunId,
    /// The step it serves.
    pub step: StepId,
    /// The step's name in the run.
    pub lane: String,
    /// Since when it was wanted.
    pub created_at: Timestamp,
    /// What it may use.
    pub limits: SandboxLimits,
    /// How it is; absent while it is being made.
    pub alive: Option<Alive>,
}

/// How a sandbox is.
#[derive(Debug, Clone)]
pub struct Alive {
    /// Whether it runs.
    pub state: State,
    /// What keeps it apart.
    pub isolation: Isolation,
    /// What it uses.
    pub usage: Usage,
}

impl Sandboxes {
    /// A page of the sandboxes of a project, newest first.
    pub async fn list(
        &self,
        grant: &ProjectGrant,
        after: Option<PageCursor<StepId>>,
        limit: u32,
    ) -> Result<(Vec<SandboxView>, Option<PageCursor<StepId>>), Error> {
        let mut reader = self.engine.store.read().await?;
        let Page { items, next } = reader.live_steps(grant.project, after, limit).await?;
        drop(reader);
        let mut views = Vec::with_capacity(items.len());
        for step in items {
            views.push(self.view(step).await?);
        }
        Ok((views, next))
    }

    /// One sandbox.
    pub async fn get(&self, grant: &ProjectGrant, id: SandboxId) -> Result<SandboxView, Error> {
        let step = self.step_of(grant, id).await?;
        self.view(step).await
    }

    /// Ends a sandbox with everything in it. The step it served fails; a run that may do the step again gets a new one.
    pub async fn kill(&self, grant: &ProjectGrant, id: SandboxId) -> Result<(), Error> {
        self.step_of(grant, id).await?;
        let opened = self.engine.backend.open(&id).await;
        let Some(sandbox) = opened.map_err(unreachable)? else {
            return Err(missing(id));
        };
        // Not destroyed: what the step's worker has under way notices the end, records it and cleans up.
        sandbox.kill_processes().await.map(drop).map_err(unreachable)
    }

    async fn step_of(&self, grant: &ProjectGrant, id: SandboxId) -> Result<Step, Error> {
        let step = StepId::from_uuid(id.uuid());
        let found = self.engine.store.read().await?.step(grant.project, step).await?;
        found.filter(|step| step.sandbox == Some(id)).ok_or_else(|| missing(id))
    }

    async fn view(&self, step: Step) -> Result<SandboxView, Error> {
        let id = SandboxId::of_step(&step.id);
        let body = self.engine.store.read().await?.run_body(step.project, step.run).await?;
        let body = body.ok_or_else(|| missing(id))?;
        let limits = body.read::<RunSpec>()?.limits;
        // One that is gone this moment, or not there yet, is shown without its state.
        let alive = match self.engine.backend.open(&id).await {
            Ok(Some(sandbox)) => match (sandbox.state().await, sandbox.usage().await) {
                (Ok(state), Ok(usage)) => Some(Alive {
                    state,
                    isolation: sandbox.isolation().clone(),
                    usage,
                }),
                _ => None,
            },
            Ok(None) | Err(_) => None,
        };
        Ok(SandboxView {
            id,
            run: step.run,
            step: step.id,
            lane: step.lane,
            created_at: step.created_at,
            limits,
            alive,
        })
    }
}

fn missing(id: SandboxId) -> Error {
    Error::not_found(format!("There is no sandbox {id}, or it has ended."))
}

fn unreachable(error: codecourier_sandbox::Error) -> Error {
    Error::internal("Reaching the sandbox", error)
}
