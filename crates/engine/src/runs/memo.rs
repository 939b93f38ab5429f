//! What a step remembers across a crash: how far it came, and what it found on the way.
//!
//! Stored as the step's body, in the same transaction as the events that tell of it. Invariant: whatever is in here has
//! happened and is never done again; whatever is not in here may have happened, so doing it must be idempotent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use codecourier_agents::SessionHandle;
use codecourier_domain::agent::ModelName;
use codecourier_domain::check::CheckResult;
use codecourier_domain::event::{Phase, TurnOutcome};
use codecourier_domain::failure::Failure;
use codecourier_domain::id::InputId;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::run::{KeyLimit, StepPlan};
use codecourier_domain::time::Timestamp;
use codecourier_domain::usage::Tokens;
use codecourier_domain::verdict::Verdict;

use super::spec::RunSpec;

/// The body of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepMemo {
    /// What the step is to be.
    pub plan: StepPlan,
    /// The commit its tree started from.
    pub base: String,
    /// The message that started the agent.
    pub prompt: String,
    /// The phases that began, and when.
    pub phases: BTreeMap<Phase, PhaseTimes>,
    /// How many turns of the agent have ended.
    pub turns_ended: u32,
    /// How the last of them ended.
    pub last_turn: Option<LastTurn>,
    /// What messages to the agent must name, by its last word on that.
    #[serde(default)]
    pub handle: Option<SessionHandle>,
    /// What people have to do with it.
    #[serde(default)]
    pub talk: Talk,
    /// What its agent logs in with, once its sandbox is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// What the agent says it has used, where nothing else knows: its login does not pass the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Reported>,
    /// How often the agent was asked for its structured result again.
    pub asked_again: u32,
    /// What was wrong with it the last time.
    pub last_problem: Option<String>,
    /// How many turns had ended when the agent was last given a message: only a later one answers it.
    pub turns_before_message: u32,
    /// Whether the agent's standard error was taken over.
    pub stderr_taken: bool,
    /// The verdict, once it was read.
    pub verdict: Option<Verdict>,
    /// The agent's whole standard output, in blob storage, once the agent has ended.
    pub journal: Option<String>,
    /// Where the output of each of the agent's processes ends in it, in bytes. A process is understood by itself: what one
    /// said does not explain what the next one says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journal_ends: Vec<u64>,
    /// The commit after the step, once its work was taken over.
    pub collected: Option<String>,
    /// The checks that have ended.
    pub checks: Vec<CheckResult>,
    /// How the work ended. From here on only the clean-up is left: the sandbox may be gone.
    pub outcome: Option<StepOutcome>,
}

/// What an agent logs in with at its model's provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// A key that stays at the gateway, which meters what is used.
    Gateway,
    /// A subscription's token, which the agent is handed. What is used is known by the agent's own word alone.
    Subscription,
}

/// Usage by the agent's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reported {
    /// Tokens.
    pub tokens: Tokens,
    /// What they would have cost by the agent's own list of prices, if it says so.
    pub cost: Option<MicroUsd>,
}

impl Reported {
    /// Adds one report.
    pub fn add(&mut self, tokens: Tokens, cost: Option<MicroUsd>) {
        self.tokens += tokens;
        self.cost = match (self.cost, cost) {
            (Some(before), Some(more)) => Some(MicroUsd(before.0.saturating_add(more.0))),
            (before, more) => before.or(more),
        };
    }
}

/// Where the conversation between people and a step's agent stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Talk {
    /// Whose turn it is.
    pub turn: Whose,
    /// The agent's process, where it is another than the first, which the step's prompt started.
    pub process: Option<AgentProcess>,
    /// Whether that process is over although the conversation is not.
    pub process_over: bool,
    /// The model, where a person chose another.
    pub model: Option<ModelName>,
    /// What was recorded as given to the agent, and may not have reached it yet.
    pub sending: Option<Sending>,
    /// Whether the last message was given to it in the middle of a turn: it may begin another one with it.
    pub steered: bool,
    /// Whether a person cut the turn off.
    pub interrupted: bool,
    /// Whether no more turns follow.
    pub finished: bool,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whose {
    /// Nobody's: the agent has not begun, or its turn has ended and is being judged.
    #[default]
    Nobody,
    /// The agent's: it works.
    Agent,
    /// A person's: the agent waits for them.
    Person,
}

/// A process of the agent. A conversation may take several, one after the other: they share the session's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentProcess {
    /// Its number in the step, from 1.
    pub number: u32,
    /// What it was started with.
    pub prompt: String,
    /// The session that it takes up; none for a new one.
    pub resumes: Option<SessionHandle>,
}

/// An input on its way into the agent's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sending {
    /// Which: the name under which the sandbox takes it once.
    pub input: InputId,
    /// What it is.
    pub what: Sent,
}

/// What is sent to an agent's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Sent {
    /// A message.
    Message {
        /// Its text.
        text: String,
    },
    /// The wish that the turn ends.
    Interrupt,
}

/// How a step's work ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepOutcome {
    /// With a result: the rest of the memo holds it.
    Finished,
    /// With a failure.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// At the limit of a key, for longer than a sandbox can wait: the step is done again after it.
    Limited {
        /// Which.
        limit: KeyLimit,
    },
}

/// When a phase began and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseTimes {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastTurn {
    /// In which way.
    pub outcome: TurnOutcome,
    /// The agent's last words, cut to a few kilobytes.
    pub final_text: String,
    /// The error in the agent's words.
    pub error: Option<String>,
    /// The HTTP status behind it.
    pub status: Option<u16>,
}

impl StepMemo {
    /// A step that has not begun.
    #[must_use]
    pub fn new(plan: StepPlan, base: String, prompt: String) -> Self {
        Self {
            plan,
            base,
            prompt,
            phases: BTreeMap::new(),
            turns_ended: 0,
            last_turn: None,
            handle: None,
            talk: Talk::default(),
            login: None,
            reported: None,
            asked_again: 0,
            last_problem: None,
            turns_before_message: 0,
            stderr_taken: false,
            verdict: None,
            journal: None,
            journal_ends: Vec::new(),
            collected: None,
            checks: Vec::new(),
            outcome: None,
        }
    }

    /// The agent's process that is, or was last, at work: the first is the prompt's. None before anybody said anything.
    #[must_use]
    pub fn process(&self) -> Option<AgentProcess> {
        self.talk.process.clone().or_else(|| {
            (!self.prompt.is_empty()).then(|| AgentProcess {
                number: 1,
                prompt: self.prompt.clone(),
                resumes: None,
            })
        })
    }

    /// The model that the agent uses: the one a person chose, the step's, or the run's.
    #[must_use]
    pub fn model<'a>(&'a self, spec: &'a RunSpec) -> &'a ModelName {
        let chosen = self.talk.model.as_ref().or(self.plan.spec.model.as_ref());
        chosen.unwrap_or(&spec.model)
    }

    /// Whether a phase has ended.
    #[must_use]
    pub fn has_ended(&self, phase: Phase) -> bool {
        self.phases.get(&phase).is_some_and(|times| times.ended_at.is_some())
    }

    /// Whether a phase began.
    #[must_use]
    pub fn has_begun(&self, phase: Phase) -> bool {
        self.phases.contains_key(&phase)
    }
}
