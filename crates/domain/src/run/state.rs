//! The state of a run: everything [`super::next`] needs to decide, and nothing that it does not.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::check::CheckResult;
use crate::failure::Failure;
use crate::pipeline::{Node, Pipeline, StepSpec};
use crate::role::Role;
use crate::run::{Feedback, KeyLimit};
use crate::verdict::Verdict;

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Accepted, and no worker has begun.
    Pending,
    /// Under way.
    Running,
    /// Waiting for a person or a time; everything is kept.
    Paused,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// Ended by a person.
    Cancelled,
}

impl RunStatus {
    /// The word in data, API and UI.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// True when nothing can change any more.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Cancelled => true,
            Self::Pending | Self::Running | Self::Paused => false,
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::str::FromStr for RunStatus {
    type Err = UnknownRunStatus;

    fn from_str(text: &str) -> Result<Self, UnknownRunStatus> {
        [
            Self::Pending,
            Self::Running,
            Self::Paused,
            Self::Completed,
            Self::Failed,
            Self::Cancelled,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| UnknownRunStatus(text.chars().take(32).collect()))
    }
}

/// Text that is no run status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a run status")]
pub struct UnknownRunStatus(pub String);

/// The whole decision state of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunState {
    /// What is executed. Pinned at the start.
    pub pipeline: Pipeline,
    /// What the run waits for.
    pub progress: Progress,
    /// The commit the run started from, once known.
    pub base: Option<String>,
    /// The commit the run's branch is at.
    pub tip: Option<String>,
    /// Every finished step, in order.
    pub steps: Vec<StepRecord>,
    /// The results of the checks on the newest tree. Older ones prove nothing.
    pub checks: Vec<CheckResult>,
    /// The last verdict of a checker.
    pub verdict: Option<Verdict>,
    /// What the next step must know of the iteration that failed.
    pub feedback: Option<Feedback>,
    /// The prompt that a prompter wrote for the next step.
    pub prompt_override: Option<String>,
    /// Set once somebody asked for the end of the run.
    pub cancel_requested: bool,
    /// Where the run can be taken up again, once it failed by accident. Absent when its work was judged.
    #[serde(default)]
    pub retry_from: Option<RetryFrom>,
}

/// Where a failed run can be taken up again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "camelCase")]
pub enum RetryFrom {
    /// Before anything was done.
    Preparation,
    /// At a step.
    Step {
        /// As it was tried last.
        plan: StepPlan,
    },
    /// When all steps were done.
    Delivery,
}

/// What a run waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "camelCase")]
pub enum Progress {
    /// Its start.
    New,
    /// The preparation: mirror, template, snapshot.
    Preparing,
    /// A step.
    Executing {
        /// Which.
        plan: StepPlan,
    },
    /// A person, or a time.
    Paused {
        /// Why.
        reason: PauseReason,
        /// The step to do again on the way on.
        plan: StepPlan,
    },
    /// The delivery of the result.
    Delivering,
    /// The clean-up after a failure.
    Closing {
        /// Why the run fails.
        failure: Failure,
    },
    /// The end of every process of the run, after a cancel.
    Cancelling,
    /// Nothing: ended well.
    Completed,
    /// Nothing: ended badly.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// Nothing: ended by a person.
    Cancelled,
}

/// Why a run is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PauseReason {
    /// The budget is used up.
    Budget {
        /// Which budget and what to do.
        message: String,
    },
    /// A provider has said when to come back with the key that the run uses. It goes on by itself then.
    RateLimit {
        /// Which key, and until when.
        limit: KeyLimit,
    },
}

impl PauseReason {
    /// What happened and what to do, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Budget { message } => message,
            Self::RateLimit { limit } => &limit.message,
        }
    }

    /// Whether the run stays paused until a person acts.
    #[must_use]
    pub const fn waits_for_a_person(&self) -> bool {
        match self {
            Self::Budget { .. } => true,
            Self::RateLimit { .. } => false,
        }
    }
}

/// A step that is to be, or is being, executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepPlan {
    /// The number of the step in the run, from 1. Attempts at the same step share it.
    pub ordinal: u32,
    /// Which attempt at the step, from 1.
    pub attempt: u32,
    /// Where it stands in the tree: an index per level.
    pub path: Vec<usize>,
    /// The iteration of the innermost loop, from 1; 1 outside loops.
    pub iteration: u32,
    /// The iteration at each level of `path`.
    pub iterations: Vec<u32>,
    /// What it is to be.
    pub spec: StepSpec,
    /// Role and how often that role has been executed in the run: `designer#2`. The name people, prompts and cassettes
    /// use.
    pub lane: String,
}

/// What a finished step gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepResult {
    /// The agent's last words, cut to a few kilobytes: context for later steps.
    pub summary: String,
    /// The commit the run's branch is at after the step. Ignored of a step that only reads.
    pub commit: Option<String>,
    /// A checker's verdict.
    pub verdict: Option<Verdict>,
    /// Results of the checks that the platform ran on `commit`.
    pub checks: Vec<CheckResult>,
}

/// A finished step, as the run remembers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRecord {
    /// Its number in the run.
    pub ordinal: u32,
    /// Its role.
    pub role: Role,
    /// Its iteration.
    pub iteration: u32,
    /// Its lane.
    pub lane: String,
    /// The agent's last words.
    pub summary: String,
    /// The commit after it.
    pub commit: Option<String>,
    /// Its verdict.
    pub verdict: Option<Verdict>,
}

impl RunState {
    /// A run that has not begun.
    #[must_use]
    pub const fn new(pipeline: Pipeline) -> Self {
        Self {
            pipeline,
            progress: Progress::New,
            base: None,
            tip: None,
            steps: Vec::new(),
            checks: Vec::new(),
            verdict: None,
            feedback: None,
            prompt_override: None,
            cancel_requested: false,
            retry_from: None,
        }
    }

    /// The status that people see.
    #[must_use]
    pub const fn status(&self) -> RunStatus {
        match &self.progress {
            Progress::New => RunStatus::Pending,
            Progress::Preparing
            | Progress::Executing { .. }
            | Progress::Delivering
            | Progress::Closing { .. }
            | Progress::Cancelling => RunStatus::Running,
            Progress::Paused { .. } => RunStatus::Paused,
            Progress::Completed => RunStatus::Completed,
            Progress::Failed { .. } => RunStatus::Failed,
            Progress::Cancelled => RunStatus::Cancelled,
        }
    }

    /// Why the run failed or is about to.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        match &self.progress {
            Progress::Closing { failure } | Progress::Failed { failure } => Some(failure),
            Progress::New
            | Progress::Preparing
            | Progress::Executing { .. }
            | Progress::Paused { .. }
            | Progress::Delivering
            | Progress::Cancelling
            | Progress::Completed
            | Progress::Cancelled => None,
        }
    }

    /// Why the run is paused, while it is.
    #[must_use]
    pub const fn pause(&self) -> Option<&PauseReason> {
        match &self.progress {
            Progress::Paused { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// The step being executed.
    #[must_use]
    pub const fn current(&self) -> Option<&StepPlan> {
        match &self.progress {
            Progress::Executing { plan } => Some(plan),
            _ => None,
        }
    }

    /// The children at a path's level: the list that `path[level]` indexes.
    pub(super) fn siblings(&self, path: &[usize], level: usize) -> &[Node] {
        let mut nodes = self.pipeline.nodes();
        for &index in &path[..level] {
            nodes = match nodes.get(index) {
                Some(Node::Loop(inner)) => &inner.nodes,
                Some(Node::Candidates(inner)) => &inner.nodes,
                Some(Node::Step(_)) | None => &[],
            };
        }
        nodes
    }
}
