//! What people say to a step's agent, given to its process: a message, an interruption, another model, the end.
//!
//! Part of [`super::agent`]; [`super::between`] does the same while no process of the agent runs. Invariants: what is
//! given to the agent is recorded first, in one transaction with the event that tells of it, and sent under its own
//! identifier, which the sandbox takes once; what was recorded and may not have been sent is in the memo, and is sent
//! again. Nothing is given to a sandbox that stands still.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use codecourier_agents::SessionHandle;
use codecourier_agents::capability::Support;
use codecourier_agents::session::Prompt;
use codecourier_domain::event::{Event, TurnOutcome};
use codecourier_domain::pipeline::StepMode;
use codecourier_sandbox::{Error as SandboxError, ExitStatus, Signal, State};
use codecourier_store::step_inputs::{InputKind, InputStatus, StepInput};

use super::agent::{After, Conversation, FAREWELL, unless_over};
use super::between::{PLATFORM, begin_turn, end_process, finish, settle, switch_model, time_left, waiting};
use super::{StepError, ended};
use crate::runs::memo::{AgentProcess, LastTurn, Sending, Sent, StepMemo, Whose};

/// What is to be done next about what people said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act<'a> {
    /// Give the agent a message.
    Message(&'a StepInput),
    /// End its turn.
    Interrupt(&'a StepInput),
    /// Go on with another model.
    Model(&'a StepInput),
    /// End the conversation.
    Finish(&'a StepInput),
    /// Forget what came too late.
    Drop(&'a StepInput),
}

/// What comes next: interruptions at once, the rest in the order in which it was said, and in the middle of a turn only
/// what the agent can hear there.
pub(super) fn next_act(turn: Whose, interrupted: bool, steer: Support, waiting: &[StepInput]) -> Option<Act<'_>> {
    if turn == Whose::Agent {
        if let Some(input) = waiting.iter().find(|input| input.kind == InputKind::Interrupt) {
            return Some(if interrupted {
                Act::Drop(input)
            } else {
                Act::Interrupt(input)
            });
        }
        let can_hear = steer == Support::Yes && !interrupted;
        let first = waiting.first()?;
        return (first.kind == InputKind::Message && can_hear).then_some(Act::Message(first));
    }
    let first = waiting.first()?;
    Some(match first.kind {
        InputKind::Message => Act::Message(first),
        InputKind::Interrupt => Act::Drop(first),
        InputKind::Model => Act::Model(first),
        InputKind::Finish => Act::Finish(first),
    })
}

impl Conversation<'_> {
    /// Whether a person says when the work is done.
    pub(super) fn is_interactive(&self) -> bool {
        self.context.plan.spec.mode == StepMode::Interactive
    }

    /// How long the conversation may still last; `None` if no person decides that.
    pub(super) fn time_left(&self) -> Option<Duration> {
        time_left(self.context)
    }

    /// Gives the agent what people said, as far as it can hear it now.
    pub(super) async fn deliver(&mut self) -> Result<After, StepError> {
        let capabilities = self.agent.capabilities();
        loop {
            let memo = self.context.recorder.memo();
            if memo.talk.finished || self.farewell_until.is_some() || memo.talk.sending.is_some() {
                return Ok(After::Stays);
            }
            let waiting = waiting(self.context).await?;
            let act = next_act(memo.talk.turn, memo.talk.interrupted, capabilities.steer, &waiting);
            let Some(act) = act else { return Ok(After::Stays) };
            if self.sandbox.state().await? == State::Paused {
                return Ok(After::Stays);
            }
            match act {
                Act::Message(_) if capabilities.follow_up == Support::No => return self.hand_over().await,
                Act::Message(input) => self.say(input, memo.talk.turn).await?,
                Act::Interrupt(input) => {
                    if !self.interrupt(input).await? {
                        // Its turn has no name yet. It is done when it has.
                        return Ok(After::Stays);
                    }
                }
                Act::Model(input) => {
                    switch_model(self.context, input).await?;
                    return Ok(After::NextProcess);
                }
                Act::Finish(input) => {
                    finish(self.context, &input.actor, Some(input)).await?;
                    self.leave().await?;
                }
                Act::Drop(input) => settle(self.context, input, InputStatus::Dropped).await?,
            }
        }
    }

    /// Sends again what was recorded and may not have been sent.
    pub(super) async fn send_pending(&self) -> Result<(), StepError> {
        match self.context.recorder.memo().talk.sending {
            Some(sending) if self.sandbox.state().await? != State::Paused => self.send(&sending).await,
            Some(_) | None => Ok(()),
        }
    }

    /// The agent says something although its turn had ended: a message that it was given near the end of it began
    /// another one.
    pub(super) async fn works(&mut self) {
        let is_known = |memo: &StepMemo| memo.talk.turn == Whose::Agent || memo.talk.finished || !memo.talk.steered;
        if self.context.recorder.look(is_known) {
            return;
        }
        self.context.place.take().await;
        self.farewell_until = None;
        self.context.recorder.note(Vec::new(), |memo| {
            memo.talk.turn = Whose::Agent;
            memo.talk.steered = false;
        });
    }

    /// Whether the conversation goes on when the process is over.
    pub(super) fn goes_on(&self) -> bool {
        self.is_interactive() || self.context.recorder.look(|memo| memo.talk.turn) == Whose::Person
    }

    /// Writes down that the process is over although the conversation is not.
    pub(super) async fn process_lost(&self, status: &ExitStatus, words: &str) -> Result<After, StepError> {
        let memo = self.context.recorder.memo();
        let mut events = Vec::new();
        let what = memo.talk.sending.map(|sending| sending.what);
        let is_unheard = matches!(what, Some(Sent::Message { .. }));
        if memo.talk.turn == Whose::Agent && !is_unheard {
            events.push(Event::TurnEnded {
                outcome: TurnOutcome::Crashed,
                final_text: String::new(),
                error: Some(ended::classify(status, words).message),
                status: None,
            });
        }
        let is_lost = !events.is_empty();
        let change = |memo: &mut StepMemo| {
            memo.talk.process_over = true;
            memo.talk.turn = Whose::Person;
            memo.talk.interrupted = false;
            if !is_unheard {
                memo.talk.sending = None;
            }
            if is_lost {
                memo.turns_ended += 1;
                memo.turns_before_message = memo.turns_ended;
            }
        };
        self.context.recorder.record_talk(events, None, change).await?;
        Ok(After::NextProcess)
    }

    /// The session that the process was to take up is not there: the process before was ended ahead of the model's first
    /// answer. The next one begins it anew, with the same message.
    pub(super) async fn begin_anew(&self) -> Result<After, StepError> {
        end_process(self.sandbox, self.agent, &self.process).await?;
        let next = AgentProcess {
            number: self.process.number + 1,
            prompt: self.process.prompt.clone(),
            resumes: None,
        };
        let change = |memo: &mut StepMemo| {
            memo.talk.process = Some(next);
            memo.stderr_taken = false;
        };
        let recorder = &self.context.recorder;
        recorder.record_next_process(Vec::new(), None, change).await?;
        Ok(After::NextProcess)
    }

    /// The conversation has lasted as long as it may: what was done is taken over.
    pub(super) async fn time_is_over(&mut self) -> Result<(), StepError> {
        finish(self.context, PLATFORM, None).await?;
        self.farewell_until = Some(Instant::now() + FAREWELL);
        unless_over(self.sandbox.signal(&self.tag, Signal::Kill).await)
    }

    /// Gives a message to the process.
    async fn say(&self, input: &StepInput, turn: Whose) -> Result<(), StepError> {
        self.context.place.take().await;
        let sending = Sending {
            input: input.id,
            what: Sent::Message {
                text: input.body.clone(),
            },
        };
        let said = Event::UserMessage {
            text: input.body.clone(),
            by: input.actor.clone(),
        };
        let settled = Some((input.id, InputStatus::Delivered));
        let pending = sending.clone();
        let change = |memo: &mut StepMemo| {
            memo.talk.sending = Some(pending);
            memo.talk.steered = turn == Whose::Agent;
            begin_turn(memo);
        };
        self.context.recorder.record_talk(vec![said], settled, change).await?;
        self.send(&sending).await
    }

    /// Interrupts the turn, if the agent has a way to name it now.
    async fn interrupt(&self, input: &StepInput) -> Result<bool, StepError> {
        if self.agent.interrupt(&self.handle(), &input.id.to_string()).is_none() {
            return Ok(false);
        }
        let sending = Sending {
            input: input.id,
            what: Sent::Interrupt,
        };
        let interrupted = Event::Interrupted {
            by: input.actor.clone(),
        };
        let settled = Some((input.id, InputStatus::Delivered));
        let pending = sending.clone();
        let change = |memo: &mut StepMemo| {
            memo.talk.sending = Some(pending);
            memo.talk.interrupted = true;
        };
        let recorder = &self.context.recorder;
        recorder.record_talk(vec![interrupted], settled, change).await?;
        self.send(&sending).await?;
        Ok(true)
    }

    async fn send(&self, sending: &Sending) -> Result<(), StepError> {
        let id = sending.input.to_string();
        let bytes = match &sending.what {
            Sent::Message { text } => {
                let prompt = Prompt::text(text.clone());
                Some(self.agent.user_message(&self.handle(), &prompt, &id))
            }
            Sent::Interrupt => self.agent.interrupt(&self.handle(), &id),
        };
        let sent = match bytes {
            Some(bytes) => self.sandbox.send_input(&self.tag, &id, Bytes::from(bytes)).await,
            None => Ok(()),
        };
        match (sent, &sending.what) {
            (Ok(()), _) | (Err(SandboxError::Refused { .. } | SandboxError::NotFound { .. }), Sent::Interrupt) => {
                self.context.recorder.note(Vec::new(), |memo| memo.talk.sending = None);
                Ok(())
            }
            // The process is over. The end of its output tells so, and the next one is given the message.
            (Err(SandboxError::Refused { .. } | SandboxError::NotFound { .. }), Sent::Message { .. }) => Ok(()),
            // Somebody stopped the sandbox just then: it is sent when that goes on.
            (Err(error), _) => match self.sandbox.state().await? {
                State::Paused => Ok(()),
                State::Running | State::Ended(_) => Err(error.into()),
            },
        }
    }

    /// Ends the process and lets the next one go on with the session.
    async fn hand_over(&self) -> Result<After, StepError> {
        let over = |memo: &mut StepMemo| memo.talk.process_over = true;
        self.context.recorder.record_talk(Vec::new(), None, over).await?;
        Ok(After::NextProcess)
    }

    /// What messages to the agent name.
    pub(super) fn handle(&self) -> SessionHandle {
        let handle = self.context.recorder.memo().handle;
        handle.unwrap_or_else(|| SessionHandle::of(&self.session.session))
    }
}

/// The end of a turn, if an event is one.
pub(super) fn last_turn(event: &Event) -> Option<LastTurn> {
    match event {
        Event::TurnEnded {
            outcome,
            final_text,
            error,
            status,
        } => Some(LastTurn {
            outcome: *outcome,
            final_text: shortened(final_text),
            error: error.clone(),
            status: *status,
        }),
        _ => None,
    }
}

/// The beginning and the end of the agent's last words. The end matters: a verdict may stand there.
fn shortened(text: &str) -> String {
    const HEAD: usize = 2_000;
    const TAIL: usize = 6_000;
    let count = text.chars().count();
    if count <= HEAD + TAIL {
        return text.to_owned();
    }
    let head: String = text.chars().take(HEAD).collect();
    let tail: String = text.chars().skip(count - TAIL).collect();
    format!("{head}\n[…]\n{tail}")
}

#[cfg(test)]
mod tests {
    use codecourier_domain::id::{InputId, ProjectId, RunId, StepId};
    use codecourier_domain::time::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn said(kind: InputKind) -> StepInput {
        StepInput {
            id: InputId::from_uuid(Uuid::now_v7()),
            project: ProjectId::from_uuid(Uuid::nil()),
            run: RunId::from_uuid(Uuid::nil()),
            step: StepId::from_uuid(Uuid::nil()),
            kind,
            body: String::new(),
            status: InputStatus::Waiting,
            actor: "operator".to_owned(),
            created_at: Timestamp(0),
            settled_at: None,
        }
    }

    #[test]
    fn an_interruption_overtakes_and_the_rest_keeps_its_order() {
        use InputKind::{Finish, Interrupt, Message, Model};
        let waiting = [Message, Model, Interrupt, Finish].map(said);
        let next = |turn, interrupted, steer| next_act(turn, interrupted, steer, &waiting);
        // Whatever waits before it, a turn is cut off at once, and once.
        assert_eq!(
            next(Whose::Agent, false, Support::No),
            Some(Act::Interrupt(&waiting[2]))
        );
        assert_eq!(next(Whose::Agent, true, Support::Yes), Some(Act::Drop(&waiting[2])));
        // Nothing is left to interrupt.
        assert_eq!(next(Whose::Person, false, Support::No), Some(Act::Message(&waiting[0])));
        assert_eq!(
            next_act(Whose::Person, false, Support::No, &waiting[2..]),
            Some(Act::Drop(&waiting[2]))
        );
        assert_eq!(
            next_act(Whose::Person, false, Support::No, &waiting[1..]),
            Some(Act::Model(&waiting[1]))
        );
        assert_eq!(
            next_act(Whose::Nobody, true, Support::No, &waiting[3..]),
            Some(Act::Finish(&waiting[3]))
        );
        // In a turn, a message is for who can hear it, and nothing overtakes it.
        let two = [Message, Model].map(said);
        assert_eq!(
            next_act(Whose::Agent, false, Support::Yes, &two),
            Some(Act::Message(&two[0]))
        );
        assert_eq!(next_act(Whose::Agent, false, Support::No, &two), None);
        assert_eq!(next_act(Whose::Agent, true, Support::Yes, &two), None);
        assert_eq!(next_act(Whose::Agent, false, Support::Yes, &two[1..]), None);
        assert_eq!(next_act(Whose::Person, false, Support::Yes, &[]), None);
    }
}
