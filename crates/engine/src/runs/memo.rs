//! What a step remembers across a crash: how far it came, and what it found on the way.
//!
//! Stored as the step's body, in the same transaction as the events that tell of it. Invariant: whatever is in here has
//! happened and is never done again; whatever is not in here may have happened, so doing it must be idempotent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use codecourier_agents::SessionHandle;
use codecourier_domain::check::CheckResult;
use codecourier_domain::event::{Phase, TurnOutcome};
use codecourier_domain::failure::Failure;
use codecourier_domain::run::{KeyLimit, StepPlan};
use codecourier_domain::time::Timestamp;
use codecourier_domain::verdict::Verdict;

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
    /// The commit after the step, once its work was taken over.
    pub collected: Option<String>,
    /// The checks that have ended.
    pub checks: Vec<CheckResult>,
    /// How the work ended. From here on only the clean-up is left: the sandbox may be gone.
    pub outcome: Option<StepOutcome>,
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
            asked_again: 0,
            last_problem: None,
            turns_before_message: 0,
            stderr_taken: false,
            verdict: None,
            journal: None,
            collected: None,
            checks: Vec::new(),
            outcome: None,
        }
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
