//! What an agent does in a step.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The part an agent plays in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Writes the change.
    Designer,
    /// Judges the change: pass or fail, with feedback.
    Checker,
    /// Improves a change that works.
    Optimizer,
    /// Writes the prompt of the next step.
    Prompter,
    /// Finds out, changes nothing.
    Investigator,
    /// Writes a plan of sprints.
    Planner,
    /// Studies one question to its end.
    DeepDive,
    /// Reviews for people; decides nothing.
    Reviewer,
    /// Scores a step.
    Evaluator,
    /// Chooses among candidates.
    Judge,
    /// Answers open questions.
    Answerer,
    /// What its instructions say.
    Custom,
}

/// Whether a step's changes to the repository belong to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeAccess {
    /// Commits of the step become part of the run's branch.
    Writes,
    /// The step looks only: whatever it changes is thrown away with its sandbox.
    ReadsOnly,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 12] = [
        Self::Designer,
        Self::Checker,
        Self::Optimizer,
        Self::Prompter,
        Self::Investigator,
        Self::Planner,
        Self::DeepDive,
        Self::Reviewer,
        Self::Evaluator,
        Self::Judge,
        Self::Answerer,
        Self::Custom,
    ];

    /// The word for the role, as in data and in prompts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Designer => "designer",
            Self::Checker => "checker",
            Self::Optimizer => "optimizer",
            Self::Prompter => "prompter",
            Self::Investigator => "investigator",
            Self::Planner => "planner",
            Self::DeepDive => "deep-dive",
            Self::Reviewer => "reviewer",
            Self::Evaluator => "evaluator",
            Self::Judge => "judge",
            Self::Answerer => "answerer",
            Self::Custom => "custom",
        }
    }

    /// Whether the step's changes are kept. One who judges must not alter what is judged.
    #[must_use]
    pub const fn tree_access(self) -> TreeAccess {
        match self {
            Self::Designer | Self::Optimizer | Self::Custom => TreeAccess::Writes,
            Self::Checker
            | Self::Prompter
            | Self::Investigator
            | Self::Planner
            | Self::DeepDive
            | Self::Reviewer
            | Self::Evaluator
            | Self::Judge
            | Self::Answerer => TreeAccess::ReadsOnly,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
