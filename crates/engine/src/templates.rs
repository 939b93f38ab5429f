//! Where a run's template comes from. A trait, so that the engine's tests need no file system of a whole Debian.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use codecourier_domain::agent::AgentKind;
use codecourier_domain::failure::Failure;
use codecourier_sandbox::LayerRef;

use crate::agents::AcpAgent;

/// Tells how far a preparation is: a stage and more about it.
pub type Report<'a> = &'a (dyn Fn(&str, &str) + Send + Sync);

/// A template that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyTemplate {
    /// What names its content.
    pub digest: String,
    /// Its layers, lowest first.
    pub layers: Vec<LayerRef>,
    /// The version that the agent's program states.
    pub agent_version: String,
}

/// A template that ships, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TemplateName {
    /// Debian with Git, Python and the tools agents reach for; no Node.js, no agent.
    #[default]
    Base,
    /// With Node.js and Claude Code.
    Claude,
    /// With Node.js and OpenCode.
    Opencode,
    /// With Node.js and Codex.
    Codex,
    /// With Node.js and Pi.
    Pi,
}

/// A word that names no template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a template is `base`, `claude`, `opencode`, `codex` or `pi`")]
pub struct UnknownTemplate;

impl TemplateName {
    /// Every template.
    pub const ALL: [Self; 5] = [Self::Base, Self::Claude, Self::Opencode, Self::Codex, Self::Pi];

    /// What an agent's sandboxes start from.
    #[must_use]
    pub fn of(agent: AgentKind, acp: Option<&AcpAgent>) -> Self {
        match agent {
            AgentKind::Claude => Self::Claude,
            AgentKind::Opencode => Self::Opencode,
            AgentKind::Codex => Self::Codex,
            AgentKind::Pi => Self::Pi,
            AgentKind::Acp => acp.map_or(Self::Base, |acp| acp.template),
        }
    }

    /// The word in data.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Claude => "claude",
            Self::Opencode => "opencode",
            Self::Codex => "codex",
            Self::Pi => "pi",
        }
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for TemplateName {
    type Err = UnknownTemplate;

    fn from_str(text: &str) -> Result<Self, UnknownTemplate> {
        let mut all = Self::ALL.into_iter();
        all.find(|name| name.as_str() == text).ok_or(UnknownTemplate)
    }
}

/// Gives templates, and builds one when it is not there.
#[async_trait]
pub trait Templates: Send + Sync {
    /// A template. Building takes minutes; `report` is told how far it is. Idempotent.
    async fn ensure(&self, template: TemplateName, report: Report<'_>) -> Result<ReadyTemplate, Failure>;

    /// The version of the agent's program that the template has, or will have once it is built. `None` without one.
    fn version(&self, template: TemplateName) -> Option<String>;
}
