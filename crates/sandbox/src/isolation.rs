//! What a tier protects from, what a host can give of it, and what is degraded and why. Shown by `doctor` and the UI.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Linux namespaces, made by this program itself.
    Ns,
    /// A second kernel in user space.
    Gvisor,
    /// A virtual machine.
    Microvm,
    /// E2B's cloud, or anything that speaks its protocol.
    E2b,
}

impl Tier {
    /// The name in data, API and configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ns => "ns",
            Self::Gvisor => "gvisor",
            Self::Microvm => "microvm",
            Self::E2b => "e2b",
        }
    }

    /// One honest sentence on what it protects from, and what not.
    #[must_use]
    pub const fn protects_from(self) -> &'static str {
        match self {
            Self::Ns => {
                "Damage by an agent or by text injected into it: host files, other sandboxes, secrets and the network \
                 are out of reach. The kernel is shared, so it is no wall against an attacker with a kernel exploit."
            }
            Self::Gvisor => "The same, and most kernel exploits: system calls are answered by a second kernel.",
            Self::Microvm => "The same, and kernel exploits: the sandbox has a kernel of its own.",
            Self::E2b => "Everything on this host: the sandbox runs on another one.",
        }
    }
}

/// A guarantee that a host may be unable to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guarantee {
    /// The memory limit.
    Memory,
    /// The CPU limit.
    Cpu,
    /// The limit on processes.
    Processes,
    /// The disk limit.
    Disk,
    /// Pause and resume.
    Pause,
    /// Many user ids inside, none of which is one of the host's.
    UserIds,
    /// The filter of system calls.
    SystemCallFilter,
    /// Killing by control group, beside the killing by process namespace.
    ControlGroup,
}

impl Guarantee {
    /// The name for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory limit",
            Self::Cpu => "CPU limit",
            Self::Processes => "process limit",
            Self::Disk => "disk limit",
            Self::Pause => "pause and resume",
            Self::UserIds => "separate user ids",
            Self::SystemCallFilter => "system call filter",
            Self::ControlGroup => "control group",
        }
    }
}

/// One guarantee that is weaker than promised, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Degradation {
    /// Which guarantee.
    pub guarantee: Guarantee,
    /// Why this host can't give it.
    pub why: String,
    /// What holds instead.
    pub instead: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Degradation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            guarantee,
            why,
            instead,
            remedy,
        } = self;
        write!(
            formatter,
            "{}: {why} (instead: {instead}; to do: {remedy})",
            guarantee.as_str()
        )
    }
}

/// The isolation of one sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Isolation {
    /// Its tier; [`Tier::protects_from`] has the words.
    pub tier: Tier,
    /// What is weaker than promised. Empty is normal.
    pub degraded: Vec<Degradation>,
}

/// What a tier can do on this host, found out by doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Support {
    /// Which tier.
    pub tier: Tier,
    /// Whether a sandbox can be made at all.
    pub available: bool,
    /// Each thing tried, in order.
    pub checks: Vec<Check>,
    /// What would be degraded.
    pub degraded: Vec<Degradation>,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What was tried.
    pub name: String,
    /// How it went.
    pub state: CheckState,
}

/// How a check went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum CheckState {
    /// It works.
    Works {
        /// How, for people.
        detail: String,
    },
    /// It does not, and something weaker is used.
    Degraded {
        /// Why not.
        why: String,
        /// What to do about it.
        remedy: String,
    },
    /// It does not, and no sandbox can be made without it.
    Missing {
        /// Why not.
        why: String,
        /// What to do about it.
        remedy: String,
    },
}
