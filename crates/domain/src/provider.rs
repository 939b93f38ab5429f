//! Outside services that the platform holds a credential for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A service whose key a project stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Sandboxes in the E2B cloud.
    E2b,
    /// Anthropic's API, by key.
    Anthropic,
    /// A Claude subscription, by token. Never proxied: it is given to the unmodified agent only.
    AnthropicToken,
    /// OpenAI's API.
    Openai,
    /// OpenRouter's API.
    Openrouter,
    /// GitHub.
    Github,
}

/// A word that names no provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a provider is `e2b`, `anthropic`, `anthropic_token`, `openai`, `openrouter` or `github`")]
pub struct UnknownProvider;

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 6] = [
        Self::E2b,
        Self::Anthropic,
        Self::AnthropicToken,
        Self::Openai,
        Self::Openrouter,
        Self::Github,
    ];

    /// What whoever stores such a key should know first. Absent where there is nothing out of the ordinary.
    #[must_use]
    pub const fn risk(self) -> Option<&'static str> {
        match self {
            Self::AnthropicToken => Some(
                "The token of a subscription cannot stay at the gateway: it is handed to Claude Code inside the sandbox, \
                 where whatever runs there can read it. What it uses is known by the agent's own count alone, and no budget holds it. Anthropic decides \
                 what a subscription may be used for, and what happens to one that is used otherwise happens to the whole \
                 account. An API key has none of these risks.",
            ),
            Self::E2b | Self::Anthropic | Self::Openai | Self::Openrouter | Self::Github => None,
        }
    }

    /// The word in data.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::E2b => "e2b",
            Self::Anthropic => "anthropic",
            Self::AnthropicToken => "anthropic_token",
            Self::Openai => "openai",
            Self::Openrouter => "openrouter",
            Self::Github => "github",
        }
    }
}

impl Provider {
    /// The provider of models that this is a key for, if it is for one that the gateway asks.
    #[must_use]
    pub const fn of_models(self) -> Option<ModelProvider> {
        match self {
            Self::Anthropic => Some(ModelProvider::Anthropic),
            Self::Openai => Some(ModelProvider::Openai),
            Self::Openrouter => Some(ModelProvider::Openrouter),
            Self::AnthropicToken | Self::E2b | Self::Github => None,
        }
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.as_str() == text)
            .ok_or(UnknownProvider)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A provider of models, by the interface its models are reached through: what the gateway forwards to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelProvider {
    /// Anthropic's Messages.
    Anthropic,
    /// OpenAI's Responses, and its Chat Completions.
    Openai,
    /// OpenRouter: Chat Completions of many providers' models.
    Openrouter,
}

impl ModelProvider {
    /// Every provider of models.
    pub const ALL: [Self; 3] = [Self::Anthropic, Self::Openai, Self::Openrouter];

    /// The word in data, in the gateway's paths and before a model's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Openai => "openai",
            Self::Openrouter => "openrouter",
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn display_name(self) -> &'static str {
        match self {
            Self::Anthropic => "Anthropic",
            Self::Openai => "OpenAI",
            Self::Openrouter => "OpenRouter",
        }
    }

    /// The key that reaches it.
    #[must_use]
    pub const fn key(self) -> Provider {
        match self {
            Self::Anthropic => Provider::Anthropic,
            Self::Openai => Provider::Openai,
            Self::Openrouter => Provider::Openrouter,
        }
    }
}

impl FromStr for ModelProvider {
    type Err = UnknownModelProvider;

    fn from_str(text: &str) -> Result<Self, UnknownModelProvider> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.as_str() == text)
            .ok_or(UnknownModelProvider)
    }
}

impl fmt::Display for ModelProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A word that names no provider of models.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a provider of models is `anthropic`, `openai` or `openrouter`")]
pub struct UnknownModelProvider;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_of_models_has_the_word_of_its_key() {
        for provider in ModelProvider::ALL {
            assert_eq!(provider.as_str().parse(), Ok(provider));
            assert_eq!(provider.as_str(), provider.key().as_str());
        }
        assert!("github".parse::<ModelProvider>().is_err());
    }

    #[test]
    fn one_word_in_data_and_in_json() {
        for provider in Provider::ALL {
            assert_eq!(provider.as_str().parse(), Ok(provider));
            let json = serde_json::to_string(&provider).unwrap();
            assert_eq!(json, format!("\"{provider}\""));
        }
        assert!("aws".parse::<Provider>().is_err());
    }
}
