//! Keys that a project has for outside services.

use codecourier_domain::provider::Provider;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::schema;
use crate::secret::SecretText;
use crate::time::Time;

/// A key for an outside service. The key itself is shown to nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderKey {
    /// Of which service.
    #[schema(value_type = ProviderName)]
    pub provider: Provider,
    /// Its last four characters.
    #[schema(examples("x7Qa"))]
    pub last_four: String,
    /// When it was set.
    pub set_at: Time,
    /// By whom.
    #[schema(value_type = schema::Actor)]
    pub set_by: String,
    /// When it was last used, to the minute; `null` before.
    #[schema(required)]
    pub last_used_at: Option<Time>,
    /// What its holder should know of keeping such a key here; `null` where there is nothing out of the ordinary.
    #[schema(required)]
    pub risk: Option<String>,
}

/// A service that projects have keys for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderName {
    /// Sandboxes in the E2B cloud.
    E2b,
    /// Anthropic's API.
    Anthropic,
    /// A Claude subscription's token. It is only ever given to the unmodified agent.
    AnthropicToken,
    /// OpenAI's API.
    Openai,
    /// OpenRouter's API.
    Openrouter,
    /// GitHub.
    Github,
}

/// A key to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetProviderKey {
    /// The key, as the service shows it.
    #[garde(length(chars, min = 16, max = 4_096))]
    #[schema(value_type = String, min_length = 16, max_length = 4_096, pattern = "^[!-~]+$")]
    pub key: SecretText,
}

/// What trying a key gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderKeyCheck {
    /// Of which service.
    #[schema(value_type = ProviderName)]
    pub provider: Provider,
    /// What it came to.
    pub verdict: ProviderKeyVerdict,
    /// What that means, for people; `null` when the key is taken.
    #[schema(required)]
    pub reason: Option<String>,
    /// When it was tried.
    pub checked_at: Time,
}

/// What a service says about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProviderKeyVerdict {
    /// It takes it.
    Valid,
    /// It does not.
    Refused,
    /// It could not be asked.
    Unreachable,
    /// The platform does not ask about such keys.
    Untried,
}

/// The address of a provider key.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ProviderKeyPath {
    /// The service.
    #[param(value_type = ProviderName)]
    pub provider: Provider,
}
