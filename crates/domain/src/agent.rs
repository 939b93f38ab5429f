//! The coding agents by name, and what a step may ask of one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A coding CLI that the platform can drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentKind {
    /// Claude Code. `claude_code` is accepted as an alias.
    #[default]
    #[serde(alias = "claude_code")]
    Claude,
    /// OpenCode.
    Opencode,
    /// Codex.
    Codex,
    /// Pi.
    Pi,
    /// Any agent that speaks the Agent Client Protocol, by command.
    Acp,
}

/// Text that names no agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an agent; the agents are claude, opencode, codex, pi and acp")]
pub struct UnknownAgent(pub String);

impl AgentKind {
    /// Every agent.
    pub const ALL: [Self; 5] = [Self::Claude, Self::Opencode, Self::Codex, Self::Pi, Self::Acp];

    /// The name for people.
    #[must_use]
    pub const fn display_name(self) -> &'static str {
        match self {
            Self::Claude => "Claude Code",
            Self::Opencode => "OpenCode",
            Self::Codex => "Codex",
            Self::Pi => "Pi",
            Self::Acp => "ACP agent",
        }
    }

    /// The name in data, API and URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Opencode => "opencode",
            Self::Codex => "codex",
            Self::Pi => "pi",
            Self::Acp => "acp",
        }
    }
}

impl fmt::Display for AgentKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for AgentKind {
    type Err = UnknownAgent;

    fn from_str(text: &str) -> Result<Self, UnknownAgent> {
        match text {
            "claude" | "claude_code" => Ok(Self::Claude),
            "opencode" => Ok(Self::Opencode),
            "codex" => Ok(Self::Codex),
            "pi" => Ok(Self::Pi),
            "acp" => Ok(Self::Acp),
            other => Err(UnknownAgent(other.chars().take(64).collect())),
        }
    }
}

/// How hard the model shall think, where the agent has such a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// As little as possible.
    Low,
    /// The middle.
    Medium,
    /// More than the middle.
    High,
    /// Nearly all there is.
    Xhigh,
    /// All there is.
    Max,
}

impl Effort {
    /// Every effort, from the least to the most.
    pub const ALL: [Self; 5] = [Self::Low, Self::Medium, Self::High, Self::Xhigh, Self::Max];

    /// The word that agents' command lines take.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }
}

/// The name of a model as its provider spells it.
///
/// Invariant: 1 to 128 visible ASCII characters, and the first is no hyphen, so that it can never be read as a flag.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName(String);

/// Text that cannot name a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a model name has 1 to 128 visible ASCII characters and does not start with a hyphen")]
pub struct InvalidModelName;

impl ModelName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ModelName {
    type Error = InvalidModelName;

    fn try_from(text: String) -> Result<Self, InvalidModelName> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > 128 || text.starts_with('-') || !visible {
            return Err(InvalidModelName);
        }
        Ok(Self(text))
    }
}

impl FromStr for ModelName {
    type Err = InvalidModelName;

    fn from_str(text: &str) -> Result<Self, InvalidModelName> {
        Self::try_from(text.to_owned())
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.0
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alias_of_claude_is_accepted_and_not_written() {
        assert_eq!("claude_code".parse(), Ok(AgentKind::Claude));
        assert_eq!(
            serde_json::from_str::<AgentKind>("\"claude_code\"").unwrap(),
            AgentKind::Claude
        );
        assert_eq!(serde_json::to_string(&AgentKind::Claude).unwrap(), "\"claude\"");
    }

    #[test]
    fn a_model_name_can_never_be_a_flag() {
        assert!("--dangerously".parse::<ModelName>().is_err());
        assert!("a b".parse::<ModelName>().is_err());
        assert!("".parse::<ModelName>().is_err());
        assert_eq!(
            "claude-opus-5-5".parse::<ModelName>().unwrap().as_str(),
            "claude-opus-5-5"
        );
    }
}
