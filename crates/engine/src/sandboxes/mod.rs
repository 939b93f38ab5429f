//! The sandboxes of a project: those that people start to talk to an agent in, and all that are alive: whose step they
//! serve, what they may use and what they use; their pause and their end; their files, and what they use while somebody looks.
//!
//! The API calls this. Invariant: a sandbox is reached only through a step of the caller's own project.

mod files;
mod usage;

use std::sync::Arc;

use codecourier_domain::event::Phase;
use codecourier_domain::id::{ProjectId, RunId, SandboxId, StepId};
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::pipeline::StepMode;
use codecourier_domain::run::PauseReason;
use codecourier_domain::stillness::Holds;
use codecourier_domain::time::Timestamp;
use codecourier_sandbox::{Isolation, Sandbox};
use codecourier_store::page::{Page, PageCursor};
use codecourier_store::steps::Step;
use codecourier_store::{Error as StoreError, Tx};

use crate::access::ProjectGrant;
use crate::error::{Error, ErrorCode};
use crate::runs::Runs;
use crate::runs::advance::RunRecord;
use crate::runs::live::Notice;
use crate::runs::memo::StepMemo;
use crate::runs::request::RunRequest;
use crate::runs::spec::RunSpec;
use crate::runs::talk::tell_of_step;
use crate::runs::view::RunView;
use crate::{Engine, Inner};

pub use codecourier_sandbox::{DirectoryEntry, FileKind, LinkTarget, State, Usage};
pub use files::{DirectoryCursor, FILE_LIMIT, FileContent, FileExtent, FileNature};
pub use usage::UsageSample;
pub(crate) use usage::samples;

/// The use cases of sandboxes.
#[derive(Clone)]
pub struct Sandboxes {
    pub(crate) engine: Arc<Inner>,
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

/// A conversation with an agent that somebody asks for. What is absent comes from the project.
#[derive(Debug, Clone, Default)]
pub struct SandboxRequest {
    /// The first message; empty to begin with nothing said.
    pub prompt: String,
    /// The agent.
    pub agent: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The effort.
    pub effort: Option<String>,
    /// Another repository than the project's.
    pub repository: Option<String>,
    /// The branch to start from.
    pub base_branch: Option<String>,
    /// What the sandbox may use.
    pub limits: Option<SandboxLimits>,
    /// What it may cost.
    pub budget: Option<MicroUsd>,
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

    /// Starts a conversation with an agent in a sandbox of its own. What it returns has been committed: from here on
    /// the sandbox is made and kept through crashes and restarts.
    pub async fn start(&self, grant: &ProjectGrant, request: SandboxRequest) -> Result<RunView, Error> {
        let SandboxRequest {
            prompt,
            agent,
            model,
            effort,
            repository,
            base_branch,
            limits,
            budget,
        } = request;
        let request = RunRequest {
            prompt,
            repository,
            base_branch,
            agent,
            model,
            effort,
            limits,
            budget,
            ..RunRequest::default()
        };
        let runs = Runs {
            engine: Arc::clone(&self.engine),
        };
        runs.start_conversation(grant, request).await
    }

    /// Stops every process of a sandbox where it is. What is said to its agent waits until it goes on.
    pub async fn pause(&self, grant: &ProjectGrant, id: SandboxId) -> Result<SandboxView, Error> {
        let step = self.step_of(grant, id).await?;
        let memo: StepMemo = step.body.read()?;
        if !memo.has_begun(Phase::AgentCli) || memo.has_ended(Phase::AgentCli) {
            let message =
                "A sandbox can be paused while its agent works or waits. The platform is at work in this one.";
            return Err(Error::new(ErrorCode::Conflict, message));
        }
        let sandbox = self.alive(id).await?;
        self.want(grant, &step, Wanted::Still).await?;
        if let Err(error) = self.bring_about(sandbox.as_ref(), &step).await {
            // It cannot stand still, so nobody is told that it does.
            self.want(grant, &step, Wanted::Running).await?;
            return Err(error);
        }
        self.view(step).await
    }

    /// Lets a paused sandbox go on. One that waits for the limit of a key goes on at its time.
    pub async fn resume(&self, grant: &ProjectGrant, id: SandboxId) -> Result<SandboxView, Error> {
        let step = self.step_of(grant, id).await?;
        let sandbox = self.alive(id).await?;
        self.want(grant, &step, Wanted::Running).await?;
        self.bring_about(sandbox.as_ref(), &step).await?;
        self.view(step).await
    }

    async fn alive(&self, id: SandboxId) -> Result<Arc<dyn Sandbox>, Error> {
        let opened = self.engine.backend.open(&id).await.map_err(unreachable)?;
        opened.ok_or_else(|| missing(id))
    }

    /// Writes down what a person wants of a sandbox, and tells whoever watches and whoever executes the step. From here on
    /// it holds through crashes and restarts.
    async fn want(&self, grant: &ProjectGrant, step: &Step, wanted: Wanted) -> Result<(), Error> {
        let (project, run, id, actor) = (grant.project, step.run, step.id, grant.actor.to_string());
        let now = self.engine.clock.now();
        let told = self.engine.store.write(move |tx| {
            Box::pin(async move {
                let still = tx.read().stillness(project, id).await?;
                let still = match wanted {
                    Wanted::Still => still.paused(&actor, now),
                    Wanted::Running => still.resumed(holds(tx, project, run).await?, now),
                };
                tx.save_stillness(project, id, &still).await?;
                tell_of_step(tx, project, run, &actor, now).await
            })
        });
        told.await?;
        self.engine.live.tell(run, Notice::Changed);
        Ok(())
    }

    /// Brings a sandbox to what was wanted of it last, also when somebody else wants something else meanwhile.
    async fn bring_about(&self, sandbox: &dyn Sandbox, step: &Step) -> Result<(), Error> {
        let mut done = None;
        loop {
            let mut reader = self.engine.store.read().await?;
            let is_still = reader.stillness(step.project, step.id).await?.since.is_some();
            drop(reader);
            if done == Some(is_still) {
                return Ok(());
            }
            match (sandbox.state().await.map_err(unreachable)?, is_still) {
                (State::Running, true) => sandbox.pause().await.map_err(frozen)?,
                (State::Paused, false) => sandbox.resume().await.map_err(frozen)?,
                (State::Running, false) | (State::Paused, true) | (State::Ended(_), _) => {}
            }
            done = Some(is_still);
        }
    }

    /// Ends a sandbox with everything in it. The step it served fails; a run that may do the step again gets a new one.
    /// A conversation ends with its run: without the sandbox there is nothing left of it.
    pub async fn kill(&self, grant: &ProjectGrant, id: SandboxId) -> Result<(), Error> {
        let step = self.step_of(grant, id).await?;
        let memo: StepMemo = step.body.read()?;
        if memo.plan.spec.mode == StepMode::Interactive {
            let runs = Runs {
                engine: Arc::clone(&self.engine),
            };
            return runs.cancel(grant.project, step.run, &grant.actor.to_string()).await;
        }
        let sandbox = self.alive(id).await?;
        self.want(grant, &step, Wanted::Running).await?;
        if sandbox.state().await.map_err(unreachable)? == State::Paused {
            // What stands still cannot be asked to die.
            sandbox.resume().await.map_err(frozen)?;
        }
        // Not destroyed: what the step's worker has under way notices the end, records it and cleans up.
        sandbox.kill_processes().await.map(drop).map_err(unreachable)
    }

    /// The step that a sandbox of the caller's project serves.
    pub(crate) async fn step_of(&self, grant: &ProjectGrant, id: SandboxId) -> Result<Step, Error> {
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

/// What a person wants of a sandbox.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// That it stands still.
    Still,
    /// That it goes on.
    Running,
}

/// Whether the step that a run is at waits for the limit of a key.
async fn holds(tx: &mut Tx, project: ProjectId, run: RunId) -> Result<Holds, StoreError> {
    let row = tx.read().run(project, run).await?;
    let row = row.ok_or(StoreError::NotFound { entity: "run" })?;
    let record: RunRecord = row.state.read()?;
    Ok(match record.machine.pause() {
        Some(PauseReason::RateLimit { .. }) => Holds::Yes,
        Some(PauseReason::Budget { .. }) | None => Holds::No,
    })
}

fn missing(id: SandboxId) -> Error {
    Error::not_found(format!("There is no sandbox {id}, or it has ended."))
}

fn unreachable(error: codecourier_sandbox::Error) -> Error {
    Error::internal("Reaching the sandbox", error)
}

fn frozen(error: codecourier_sandbox::Error) -> Error {
    match error {
        codecourier_sandbox::Error::Freeze { message, .. } => Error::new(
            ErrorCode::Unavailable,
            format!("The sandbox cannot be paused or resumed on this machine: {message}."),
        ),
        other => unreachable(other),
    }
}
