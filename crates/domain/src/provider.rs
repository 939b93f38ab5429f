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

#[cfg(test)]
mod tests {
    use super::*;

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
