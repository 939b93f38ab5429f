//! What people say to a step's agent while no process of it runs: before the first message, after a process was lost,
//! and from one model to the next. And what both sides of a conversation share.
//!
//! Part of [`super::agent`]. Invariants: a process takes up the session of the one before it when that has ended, and
//! never beside it; whoever waits for a person takes no place among those that are executed.

use std::time::Duration;

use codecourier_agents::capability::Support;
use codecourier_agents::{Agent, Ending, SessionHandle};
use codecourier_domain::event::{Event, Phase};
use codecourier_domain::pipeline::StepMode;
use codecourier_sandbox::{Sandbox, Signal, State};
use codecourier_store::step_inputs::{InputStatus, StepInput};
use codecourier_store::tasks::WorkSignal;

use super::agent::{After, FAREWELL, tag, unless_over};
use super::talk::{Act, next_act};
use super::{StepContext, StepError, ended, journal, still};
use crate::runs::memo::{AgentProcess, Sending, Sent, StepMemo, Whose};
use crate::runs::recorder::store_failure;
use crate::runs::talk::MAX_WAITING;

/// How long whoever waits relies on being told: the net under the signal.
const SWEEP: Duration = Duration::from_secs(30);
/// How long before its sandbox's time limit a conversation is ended, so that its work can be taken over.
const MARGIN: Duration = Duration::from_secs(60);
/// Who ended a conversation whose time was over.
pub(super) const PLATFORM: &str = "system";

/// Hears that people said something.
pub(super) struct Ears<'a> {
    context: &'a StepContext,
    signal: WorkSignal,
}

impl<'a> Ears<'a> {
    pub(super) fn of(context: &'a StepContext) -> Self {
        Self {
            signal: context.engine.store.input_signal(),
            context,
        }
    }

    /// Waits until somebody may have said something. May be dropped and called again.
    pub(super) async fn woken(&mut self) {
        if self.signal.moved().await.is_err() {
            // The store is closed: this worker lets go.
            std::future::pending().await
        }
    }

    /// Waits while the sandbox stands still: nothing in it would answer.
    pub(super) async fn until_running(&mut self, sandbox: &dyn Sandbox) -> Result<(), StepError> {
        while still::settle(self.context, sandbox).await? {
            self.context.place.leave();
            let _ = tokio::time::timeout(SWEEP, self.woken()).await;
        }
        if self.context.recorder.look(|memo| memo.talk.turn) != Whose::Person {
            self.context.place.take().await;
        }
        Ok(())
    }

    /// Waits for what people say while no process of the agent runs.
    pub(super) async fn without_process(
        &mut self,
        sandbox: &dyn Sandbox,
        agent: &dyn Agent,
    ) -> Result<After, StepError> {
        let context = self.context;
        loop {
            let memo = context.recorder.memo();
            let last = memo.process();
            if memo.talk.finished {
                if let Some(last) = &last {
                    end_process(sandbox, agent, last).await?;
                }
                journal::keep(context, sandbox, last.map_or(0, |last| last.number)).await?;
                return Ok(After::Done);
            }
            if let State::Ended(end) = sandbox.state().await? {
                return Err(ended::sandbox_ended(end.because).into());
            }
            if let Some(Sending {
                what: Sent::Message { text },
                ..
            }) = memo.talk.sending
            {
                // It is on the record, and the process ended before it could hear it.
                begin_process(context, sandbox, agent, text, None).await?;
                return Ok(After::NextProcess);
            }
            let waiting = waiting(context).await?;
            let act = next_act(memo.talk.turn, memo.talk.interrupted, Support::No, &waiting);
            if !still::settle(context, sandbox).await?
                && let Some(act) = act
            {
                match act {
                    Act::Message(input) => {
                        begin_process(context, sandbox, agent, input.body.clone(), Some(input)).await?;
                        return Ok(After::NextProcess);
                    }
                    Act::Model(input) => switch_model(context, input).await?,
                    Act::Finish(input) => finish(context, &input.actor, Some(input)).await?,
                    Act::Interrupt(input) | Act::Drop(input) => settle(context, input, InputStatus::Dropped).await?,
                }
                continue;
            }
            context.place.leave();
            let patience = time_left(context).unwrap_or(SWEEP).min(SWEEP);
            if tokio::time::timeout(patience, self.woken()).await.is_err()
                && time_left(context).is_some_and(|left| left.is_zero())
            {
                finish(context, PLATFORM, None).await?;
            }
        }
    }
}

/// What waits for the step's agent, in order.
pub(super) async fn waiting(context: &StepContext) -> Result<Vec<StepInput>, StepError> {
    let failed = |error: &codecourier_store::Error| store_failure("Reading what people said", error);
    let mut reader = context.engine.store.read().await.map_err(|error| failed(&error))?;
    // Interruptions and the end come on top of as many messages as there may be.
    let found = reader
        .waiting_step_inputs(context.project, context.step, 2 * MAX_WAITING)
        .await;
    found.map_err(|error| failed(&error))
}

/// How long a conversation may still last; `None` if no person decides that. No time passes while the sandbox stands still.
pub(super) fn time_left(context: &StepContext) -> Option<Duration> {
    if context.plan.spec.mode == StepMode::Autonomous {
        return None;
    }
    let phase = |memo: &StepMemo| memo.phases.get(&Phase::SandboxCreate).map(|times| times.started_at);
    let began = context.recorder.look(phase)?;
    let limit = Duration::from_secs(context.spec.limits.timeout_seconds().into());
    let margin = MARGIN.min(limit / 4);
    let now = context.engine.clock.now();
    let passed = now.since(began) - context.still.lock().total(now);
    let passed = passed.max(0).unsigned_abs();
    Some((limit - margin).saturating_sub(Duration::from_millis(passed)))
}

/// A turn of the agent begins, or goes on with more.
pub(super) fn begin_turn(memo: &mut StepMemo) {
    memo.talk.turn = Whose::Agent;
    memo.talk.interrupted = false;
    memo.turns_before_message = memo.turns_ended;
}

/// Has the next process take up the session with a message.
pub(super) async fn begin_process(
    context: &StepContext,
    sandbox: &dyn Sandbox,
    agent: &dyn Agent,
    text: String,
    input: Option<&StepInput>,
) -> Result<(), StepError> {
    let memo = context.recorder.memo();
    let last = memo.process();
    if let Some(last) = &last {
        end_process(sandbox, agent, last).await?;
    }
    context.place.take().await;
    let said = input.map(|input| Event::UserMessage {
        text: input.body.clone(),
        by: input.actor.clone(),
    });
    let settled = input.map(|input| (input.id, InputStatus::Delivered));
    let session = SessionHandle {
        session: context.step.uuid().to_string(),
        turn: None,
    };
    let next = AgentProcess {
        number: last.as_ref().map_or(1, |last| last.number + 1),
        prompt: text,
        resumes: last.map(|_| memo.handle.clone().unwrap_or(session)),
    };
    let change = |memo: &mut StepMemo| {
        memo.talk.process = Some(next);
        memo.talk.process_over = false;
        memo.talk.sending = None;
        memo.talk.steered = false;
        memo.stderr_taken = false;
        begin_turn(memo);
    };
    let recorder = &context.recorder;
    recorder
        .record_next_process(said.into_iter().collect(), settled, change)
        .await
}

/// Makes sure that a process has ended: two of one session would spoil it.
pub(super) async fn end_process(
    sandbox: &dyn Sandbox,
    agent: &dyn Agent,
    process: &AgentProcess,
) -> Result<(), StepError> {
    let tag = tag(process.number);
    unless_over(match agent.ending() {
        Ending::CloseInput => sandbox.close_stdin(&tag).await,
        Ending::Terminate => sandbox.signal(&tag, Signal::Terminate).await,
    })?;
    if tokio::time::timeout(FAREWELL, sandbox.wait(&tag)).await.is_err() {
        unless_over(sandbox.signal(&tag, Signal::Kill).await)?;
        sandbox.wait(&tag).await?;
    }
    Ok(())
}

pub(super) async fn switch_model(context: &StepContext, input: &StepInput) -> Result<(), StepError> {
    let switched = Event::ModelSwitched {
        model: input.body.clone(),
        by: input.actor.clone(),
    };
    let settled = Some((input.id, InputStatus::Delivered));
    // It was read before it was taken up.
    let model = input.body.parse().ok();
    let change = |memo: &mut StepMemo| {
        memo.talk.model = model;
        // The next one is started with it.
        memo.talk.process_over = true;
    };
    context.recorder.record_talk(vec![switched], settled, change).await
}

/// Ends the conversation.
pub(super) async fn finish(context: &StepContext, by: &str, input: Option<&StepInput>) -> Result<(), StepError> {
    let over = Event::ConversationEnded { by: by.to_owned() };
    let settled = input.map(|input| (input.id, InputStatus::Delivered));
    let change = |memo: &mut StepMemo| {
        memo.talk.finished = true;
        memo.talk.turn = Whose::Nobody;
    };
    context.recorder.record_talk(vec![over], settled, change).await
}

pub(super) async fn settle(context: &StepContext, input: &StepInput, status: InputStatus) -> Result<(), StepError> {
    let settled = Some((input.id, status));
    context.recorder.record_talk(Vec::new(), settled, |_| {}).await
}
