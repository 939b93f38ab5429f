//! Checks: commands that the platform itself runs in the step's sandbox. Their result is not the agent's word.

use serde::{Deserialize, Serialize};

/// Whether a failing check stops the run from passing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Requirement {
    /// No pass while it fails.
    #[default]
    Required,
    /// Shown, but decides nothing.
    Advisory,
}

impl Requirement {
    /// The requirement of a check that clients call required, or not.
    #[must_use]
    pub const fn of(required: bool) -> Self {
        if required { Self::Required } else { Self::Advisory }
    }

    /// Whether nothing passes while it fails.
    #[must_use]
    pub const fn is_required(self) -> bool {
        match self {
            Self::Required => true,
            Self::Advisory => false,
        }
    }
}

/// A named command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckSpec {
    /// What people call it; unique in a run.
    pub name: String,
    /// The command line, given to `bash -c` in the repository's folder, with an empty home directory. It comes from the
    /// project, not from an agent.
    pub command: String,
    /// Whether it must pass.
    #[serde(default)]
    pub requirement: Requirement,
    /// How long it may take.
    #[serde(default = "CheckSpec::default_timeout_seconds")]
    pub timeout_seconds: u32,
}

impl CheckSpec {
    /// Ten minutes.
    #[must_use]
    pub const fn default_timeout_seconds() -> u32 {
        600
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CheckOutcome {
    /// The command ended by itself; zero is a pass.
    Exited {
        /// The exit code.
        code: i32,
    },
    /// The command was ended by a signal, its own or the kernel's.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// The command took longer than it may.
    TimedOut,
    /// The command needed more memory than the sandbox may have.
    OutOfMemory,
}

/// What a check gave, on one exact commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckResult {
    /// The check's name.
    pub name: String,
    /// Whether it must pass.
    pub requirement: Requirement,
    /// The commit it ran on. A result says nothing about any other.
    pub commit: String,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// How long it took.
    pub duration_ms: u64,
    /// The end of its output, standard output and error together, cut to a few kilobytes; the whole is in the event log.
    pub output_tail: String,
}

impl CheckResult {
    /// True when the command ended by itself with code zero.
    #[must_use]
    pub const fn passed(&self) -> bool {
        matches!(self.outcome, CheckOutcome::Exited { code: 0 })
    }

    /// True when this result forbids a pass.
    #[must_use]
    pub const fn blocks(&self) -> bool {
        matches!(self.requirement, Requirement::Required) && !self.passed()
    }
}
