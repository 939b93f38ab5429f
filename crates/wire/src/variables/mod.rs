//! Environment variables of a project.

use codecourier_domain::id::VariableId;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::schema;
use crate::secret::SecretText;
use crate::time::Time;

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// Its identifier.
    #[schema(value_type = schema::VariableId)]
    pub id: VariableId,
    /// Its name.
    #[schema(examples("DATABASE_URL"))]
    pub name: String,
    /// Its value; `null` for a secret one, which is shown to nobody.
    #[schema(required)]
    pub value: Option<String>,
    /// Whether the value is secret.
    pub secret: bool,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// By whom.
    #[schema(value_type = schema::Actor)]
    pub updated_by: String,
}

/// A variable to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateVariable {
    /// Its name. Some are the platform's own, and refused with the reason.
    #[garde(length(chars, min = 1, max = 128))]
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[A-Za-z_][A-Za-z0-9_]*$",
        examples("DATABASE_URL")
    )]
    pub name: String,
    /// Its value: at most 32 kB; a secret one has at least 8 bytes.
    #[garde(length(chars, max = 32_768))]
    #[schema(value_type = String, max_length = 32_768)]
    pub value: SecretText,
    /// Whether the value is secret: then it is encrypted, shown to nobody, and taken out of transcripts.
    #[garde(skip)]
    #[serde(default)]
    pub secret: bool,
}

/// What is to be different in a variable. What is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateVariable {
    /// Another value.
    #[garde(length(chars, max = 32_768))]
    #[schema(value_type = Option<String>, max_length = 32_768)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<SecretText>,
    /// Whether the value is secret. A secret one becomes plain only together with a new value.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<bool>,
}

/// The address of a variable.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct VariablePath {
    /// The variable.
    #[param(value_type = schema::VariableId)]
    pub variable: VariableId,
}
