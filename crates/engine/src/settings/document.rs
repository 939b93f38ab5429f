//! The settings document, and what stands in it before anybody changed anything.
//!
//! Invariant: every field has a default, so that documents of earlier versions are read for ever.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use codecourier_domain::agent::{AgentKind, Effort, ModelName};
use codecourier_domain::check::CheckSpec;
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::money::MicroUsd;

use crate::agents::AcpAgent;
use crate::runs::spec::{Author, DEFAULT_BUDGET};

/// What agents are told about how to work, unless the project says it in its own words.
pub const DEFAULT_SANDBOX_PROMPT: &str = include_str!("sandbox_prompt.md");
/// What an agent that looks for work is told, unless the project says it in its own words.
pub const DEFAULT_DISCOVERY_PROMPT: &str = include_str!("discovery_prompt.md");

/// The settings of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SettingsDocument {
    /// What agents are told about how to work, beside their role; the default when absent.
    pub sandbox_prompt: Option<String>,
    /// The content of the instructions file, which agents find as `CLAUDE.md` or `AGENTS.md`; empty for none.
    pub instructions: String,
    /// What an agent is told that looks for issues; the default when absent.
    pub discovery_prompt: Option<String>,
    /// Whose name commits carry.
    pub git_author: Author,
    /// The commands that the platform runs on every change.
    pub checks: Vec<CheckSpec>,
    /// Commands that prepare a fresh copy of the repository, run by `bash` before the agent starts; empty for none.
    pub setup_script: String,
    /// The agent.
    pub agent: AgentKind,
    /// The model; the default when absent.
    pub model: Option<ModelName>,
    /// How hard it thinks; the agent's own default when absent.
    pub effort: Option<Effort>,
    /// How the agent `acp` is started; as the server says when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acp: Option<AcpAgent>,
    /// What each sandbox may use.
    pub limits: SandboxLimits,
    /// What a run may cost.
    pub run_budget: MicroUsd,
    /// What differs for the runs that the platform itself starts.
    pub session_types: BTreeMap<SessionType, SessionConfig>,
}

impl Default for SettingsDocument {
    fn default() -> Self {
        Self {
            sandbox_prompt: None,
            instructions: String::new(),
            discovery_prompt: None,
            git_author: Author::default(),
            checks: Vec::new(),
            setup_script: String::new(),
            agent: AgentKind::default(),
            model: None,
            effort: None,
            acp: None,
            limits: SandboxLimits::DEFAULT,
            run_budget: DEFAULT_BUDGET,
            session_types: BTreeMap::new(),
        }
    }
}

macro_rules! session_types {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// What a platform-made run is for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum SessionType { $($(#[$doc])* $variant,)* }

        impl SessionType {
            /// Every session type.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in data.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

session_types! {
    /// Looking for issues.
    Issue = "issue",
    /// Answering open questions.
    Answering = "answering",
    /// Extracting learnings.
    Learning = "learning",
    /// Resolving conflicts.
    Merging = "merging",
    /// Scoring.
    Evaluator = "evaluator",
    /// Choosing among candidates.
    Judge = "judge",
}

/// A word that names no session type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a session type is `issue`, `answering`, `learning`, `merging`, `evaluator` or `judge`")]
pub struct UnknownSessionType;

impl FromStr for SessionType {
    type Err = UnknownSessionType;

    fn from_str(text: &str) -> Result<Self, UnknownSessionType> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownSessionType)
    }
}

impl fmt::Display for SessionType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What differs for the runs of a session type. What is absent is as for every run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionConfig {
    /// The agent.
    pub agent: Option<AgentKind>,
    /// The model.
    pub model: Option<ModelName>,
    /// How hard it thinks.
    pub effort: Option<Effort>,
    /// The template, by name.
    pub template: Option<String>,
    /// The contexts it is given, by name.
    pub contexts: Vec<String>,
    /// The skills it has, by name.
    pub skills: Vec<String>,
    /// The commands it has, by name.
    pub commands: Vec<String>,
    /// The scripts it has, by name.
    pub scripts: Vec<String>,
}
