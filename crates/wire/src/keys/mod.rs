//! API keys of a project.

use codecourier_domain::id::ApiKeyId;
use codecourier_domain::permission::Permission;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::schema;
use crate::secret::SecretText;
use crate::time::Time;

/// An API key. Its token is shown once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// Its identifier, which is no secret.
    #[schema(value_type = schema::ApiKeyId)]
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// The beginning of its token, by which people recognise it.
    #[schema(examples("cc_live_BwcH"))]
    pub display_prefix: String,
    /// What it may do.
    #[schema(value_type = Vec<schema::Permission>)]
    pub permissions: Vec<Permission>,
    /// What it is worth.
    pub status: ApiKeyStatus,
    /// When it was made.
    pub created_at: Time,
    /// By whom.
    #[schema(value_type = schema::Actor)]
    pub created_by: String,
    /// From when on it is worth nothing; `null` for a key without an end.
    #[schema(required)]
    pub expires_at: Option<Time>,
    /// When it was last used, to the minute; `null` before.
    #[schema(required)]
    pub last_used_at: Option<Time>,
    /// When it was revoked.
    #[schema(required)]
    pub revoked_at: Option<Time>,
    /// The key that took its place when it was rotated.
    #[schema(value_type = Option<schema::ApiKeyId>, required)]
    pub replaced_by: Option<ApiKeyId>,
    /// From when on it is worth nothing because it was rotated.
    #[schema(required)]
    pub retires_at: Option<Time>,
}

/// What a key is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ApiKeyStatus {
    /// It opens the project.
    Active,
    /// It was rotated, and opens the project until the overlap ends.
    Retiring,
    /// It was rotated, and the overlap is over.
    Retired,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

/// A key that was made, with its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedApiKey {
    /// The key.
    pub key: ApiKey,
    /// The token: keep it now, since it is never shown again.
    #[schema(value_type = String, examples("cc_live_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcamstsc"))]
    pub token: SecretText,
}

/// A key to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateApiKey {
    /// What people call it.
    #[garde(length(chars, max = 80))]
    #[schema(value_type = schema::DisplayName)]
    pub name: String,
    /// What it may do.
    #[garde(length(min = 1, max = 64))]
    #[schema(value_type = Vec<schema::Permission>, min_items = 1, max_items = 64)]
    pub permissions: Vec<Permission>,
    /// For how long it is worth something; without an end when absent.
    #[garde(range(min = 60, max = 315_360_000))]
    #[schema(minimum = 60, maximum = 315_360_000)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u32>,
}

/// How a key is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateApiKey {
    /// For how long both keys are good: at most seven days.
    #[garde(range(max = 604_800))]
    #[schema(maximum = 604_800, default = 86_400)]
    #[serde(default = "one_day")]
    pub overlap_seconds: u32,
}

const fn one_day() -> u32 {
    86_400
}

/// The address of an API key.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ApiKeyPath {
    /// The key.
    #[param(value_type = schema::ApiKeyId)]
    pub key: ApiKeyId,
}
