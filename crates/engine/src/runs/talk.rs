//! What people tell the agent of a step that is under way: a message, an interruption, another model, the end.
//!
//! The API calls this. What is said is committed first, and whoever executes the step gives it to the agent, once.
//! Invariants: what an agent has no way to do is refused here, with the reason; what is taken up is given to the agent
//! in the order in which it was said, but an interruption at once.

use codecourier_agents::Agent;
use codecourier_agents::capability::{Capabilities, Support};
use codecourier_domain::agent::{AgentKind, ModelName};
use codecourier_domain::event::Phase;
use codecourier_domain::id::{InputId, ProjectId, RunId, StepId};
use codecourier_domain::model_route;
use codecourier_domain::pipeline::StepMode;
use codecourier_domain::time::Timestamp;
use codecourier_store::changes::{ChangeOp, NewChange, Scope};
use codecourier_store::steps::{Step, StepStatus};
use codecourier_store::{Body, Error as StoreError, Tx};
use serde_json::json;

use super::Runs;
use super::live::Notice;
use super::memo::{StepMemo, Whose};
use super::spec::{MAX_PROMPT_BYTES, RunSpec};
use crate::error::{Error, ErrorCode, sentence};
use crate::random::uuid_v7;

pub use codecourier_store::step_inputs::{InputKind, InputStatus, StepInput};

/// How much may wait for one agent.
pub const MAX_WAITING: u32 = 50;

/// What a person wants of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// It shall hear a message.
    Message {
        /// The text.
        text: String,
    },
    /// It shall end its turn now.
    Interrupt,
    /// It shall go on with another model.
    Model {
        /// Its name.
        model: String,
    },
    /// The conversation is over: what was done is taken over.
    Finish,
}

impl Wanted {
    const fn kind(&self) -> InputKind {
        match self {
            Self::Message { .. } => InputKind::Message,
            Self::Interrupt => InputKind::Interrupt,
            Self::Model { .. } => InputKind::Model,
            Self::Finish => InputKind::Finish,
        }
    }
}

/// Why a step cannot be told something now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It has ended, or its agent's work has.
    Over,
    /// Its agent has not begun.
    NotBegun,
    /// Its agent has no way to do it.
    Incapable,
    /// Its agent is not at work.
    NotWorking,
    /// The agent says by itself when it is done.
    NotInteractive,
}

/// What a step's agent may be told now. A new answer for each change of the step.
#[must_use]
pub fn accepts(row: &Step, memo: &StepMemo, spec: &RunSpec) -> Vec<InputKind> {
    let all = [
        InputKind::Message,
        InputKind::Interrupt,
        InputKind::Model,
        InputKind::Finish,
    ];
    let possible = |kind: &InputKind| refusal(*kind, row, memo, spec).is_none();
    all.into_iter().filter(possible).collect()
}

/// Why something cannot be told to a step's agent now; `None` if it can.
fn refusal(kind: InputKind, row: &Step, memo: &StepMemo, spec: &RunSpec) -> Option<Refused> {
    let is_over = !matches!(row.status, StepStatus::Pending | StepStatus::Running)
        || memo.outcome.is_some()
        || memo.talk.finished
        || memo.has_ended(Phase::AgentCli);
    if is_over {
        return Some(Refused::Over);
    }
    let Some(Capabilities {
        interrupt,
        follow_up,
        resume,
        ..
    }) = adapter_of(memo, spec).map(|agent| agent.capabilities())
    else {
        return Some(Refused::Incapable);
    };
    let is_interactive = memo.plan.spec.mode == StepMode::Interactive;
    let waits = memo.talk.turn == Whose::Person;
    match kind {
        InputKind::Message if follow_up == Support::No && resume == Support::No => Some(Refused::Incapable),
        InputKind::Interrupt if interrupt == Support::No => Some(Refused::Incapable),
        // It takes effect with the next process, which takes up the session.
        InputKind::Model if resume == Support::No => Some(Refused::Incapable),
        InputKind::Interrupt if memo.talk.turn != Whose::Agent => Some(Refused::NotWorking),
        InputKind::Model | InputKind::Finish if !is_interactive && !waits => Some(Refused::NotInteractive),
        InputKind::Finish if !memo.has_begun(Phase::AgentCli) => Some(Refused::NotBegun),
        InputKind::Message | InputKind::Interrupt | InputKind::Model | InputKind::Finish => None,
    }
}

/// What drives the agent of a step.
fn adapter_of(memo: &StepMemo, spec: &RunSpec) -> Option<Box<dyn Agent>> {
    let command = spec.acp.as_ref().map(|acp| &acp.command);
    codecourier_agents::adapter_with(agent_of(memo, spec), command)
}

/// The agent of a step.
#[must_use]
pub fn agent_of(memo: &StepMemo, spec: &RunSpec) -> AgentKind {
    memo.plan.spec.agent.unwrap_or(spec.agent)
}

/// What telling a step something came to.
enum Told {
    Taken(Box<StepInput>),
    Missing,
    Refused(Refused, AgentKind),
    TooMuch,
    NoRoute(String),
}

impl Runs {
    /// Tells a step's agent something. What it returns has been committed, and reaches the agent through crashes and
    /// restarts, unless the step ends before.
    pub async fn tell(
        &self,
        project: ProjectId,
        run: RunId,
        step: StepId,
        wanted: Wanted,
        actor: &str,
    ) -> Result<StepInput, Error> {
        let kind = wanted.kind();
        let body = match wanted {
            Wanted::Message { text } => read_message(&text)?,
            Wanted::Model { model } => {
                let name: Result<ModelName, _> = model.parse();
                let name = name.map_err(|error| Error::validation(sentence(&error.to_string())).of_field("model"))?;
                name.as_str().to_owned()
            }
            Wanted::Interrupt | Wanted::Finish => String::new(),
        };
        let now = self.engine.clock.now();
        let input = StepInput {
            id: InputId::from_uuid(uuid_v7(now)),
            project,
            run,
            step,
            kind,
            body,
            status: InputStatus::Waiting,
            actor: actor.to_owned(),
            created_at: now,
            settled_at: None,
        };
        let told = self
            .engine
            .store
            .write(move |tx| Box::pin(async move { take(tx, input).await }))
            .await?;
        match told {
            Told::Taken(input) => {
                self.engine.live.tell(run, Notice::Changed);
                Ok(*input)
            }
            Told::Missing => Err(Error::not_found(format!("There is no step {step} in the run {run}."))),
            Told::Refused(why, agent) => Err(refused(kind, why, agent)),
            Told::TooMuch => Err(Error::new(
                ErrorCode::Conflict,
                format!("{MAX_WAITING} messages wait for the agent already. Wait until it has taken them."),
            )),
            Told::NoRoute(message) => Err(Error::validation(sentence(&message)).of_field("model")),
        }
    }
}

async fn take(tx: &mut Tx, input: StepInput) -> Result<Told, StoreError> {
    let (project, run) = (input.project, input.run);
    let row = tx.read().step(project, input.step).await?;
    let (Some(row), Some(body)) = (
        row.filter(|row| row.run == run),
        tx.read().run_body(project, run).await?,
    ) else {
        return Ok(Told::Missing);
    };
    let (memo, spec): (StepMemo, RunSpec) = (row.body.read()?, body.read()?);
    let agent = agent_of(&memo, &spec);
    if let Some(why) = refusal(input.kind, &row, &memo, &spec) {
        return Ok(Told::Refused(why, agent));
    }
    if input.kind == InputKind::Model
        && let Ok(model) = input.body.parse()
        && let Err(error) = model_route::route(agent, &model)
    {
        return Ok(Told::NoRoute(error.to_string()));
    }
    let waiting = tx.read().waiting_step_inputs(project, input.step, MAX_WAITING).await?;
    if input.kind == InputKind::Message && waiting.len() >= MAX_WAITING as usize {
        return Ok(Told::TooMuch);
    }
    // Whoever presses twice wants it once.
    if matches!(input.kind, InputKind::Interrupt | InputKind::Finish)
        && let Some(same) = waiting.into_iter().find(|waiting| waiting.kind == input.kind)
    {
        return Ok(Told::Taken(Box::new(same)));
    }
    tx.insert_step_input(&input).await?;
    tell_of_step(tx, project, run, &input.actor, input.created_at).await?;
    Ok(Told::Taken(Box::new(input)))
}

/// Puts into the change log that a run is to be read again, because a step of it has changed in what people see.
pub(crate) async fn tell_of_step(
    tx: &mut Tx,
    project: ProjectId,
    run: RunId,
    actor: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let row = tx.read().run(project, run).await?;
    let row = row.ok_or(StoreError::NotFound { entity: "run" })?;
    let record: super::advance::RunRecord = row.state.read()?;
    let body = json!({
        "id": run,
        "status": row.summary.status,
        "step": record.machine.current().map(|plan| plan.lane.clone()),
    });
    let change = NewChange {
        scope: Scope::Project(project),
        kind: "run",
        id: run.to_string(),
        op: ChangeOp::Put,
        actor: actor.to_owned(),
        at,
        body: Body::of(&body)?,
    };
    tx.append_change(change).await.map(drop)
}

fn read_message(text: &str) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::validation("A message needs a text.").of_field("text"));
    }
    if text.len() > MAX_PROMPT_BYTES {
        let message = format!("A message has at most {MAX_PROMPT_BYTES} bytes.");
        return Err(Error::validation(message).of_field("text"));
    }
    Ok(text.to_owned())
}

fn refused(kind: InputKind, why: Refused, agent: AgentKind) -> Error {
    let conflict = |message: &str| Error::new(ErrorCode::Conflict, message);
    match why {
        Refused::Over => conflict("The agent's work in this step is over, so it can be told nothing more."),
        Refused::NotBegun => conflict("The agent has not begun yet. Wait a moment, or cancel the run."),
        Refused::NotWorking => conflict("The agent is not at work, so there is nothing to interrupt."),
        Refused::NotInteractive => {
            conflict("This step ends by itself when its agent is done. Interrupt the agent first.")
        }
        Refused::Incapable => {
            let what = match kind {
                InputKind::Message => "take a further message",
                InputKind::Interrupt => "be interrupted; cancel the run to stop it",
                InputKind::Model => "go on with another model",
                InputKind::Finish => "be ended",
            };
            Error::new(
                ErrorCode::AgentCapability,
                format!("The agent `{agent}` cannot {what}."),
            )
        }
    }
}
