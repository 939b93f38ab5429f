//! The audit log of a project.

use codecourier_domain::id::AuditEntryId;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::schema;
use crate::time::Time;

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Its identifier.
    #[schema(value_type = schema::AuditEntryId)]
    pub id: AuditEntryId,
    /// When it was done.
    pub at: Time,
    /// Who did it.
    #[schema(value_type = schema::Actor)]
    pub actor: String,
    /// The name of the person who did it; `null` for others.
    #[schema(required)]
    pub actor_name: Option<String>,
    /// The network address that it was asked for from; `null` for what the platform does by itself, and for entries from
    /// before this was kept.
    #[schema(required, examples("203.0.113.7"))]
    pub address: Option<String>,
    /// What was done: a kind of thing, a dot, a verb.
    #[schema(examples("member.remove"))]
    pub action: String,
    /// The kind of thing that it was done to.
    #[schema(examples("member"))]
    pub target_kind: String,
    /// Which one.
    pub target: String,
    /// What else is worth knowing of it.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
}

/// Which entries to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// Only what this actor did.
    #[garde(length(bytes, max = 64))]
    #[param(value_type = Option<schema::Actor>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Only this action: `member.remove`.
    #[garde(length(chars, max = 64))]
    #[param(max_length = 64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Only from this moment on.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// Only before this moment.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// What to export, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditExport {
    /// What the file is.
    #[garde(skip)]
    #[param(inline)]
    #[serde(default)]
    pub format: ExportFormat,
    /// Only what this actor did.
    #[garde(length(bytes, max = 64))]
    #[param(value_type = Option<schema::Actor>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Only this action: `member.remove`.
    #[garde(length(chars, max = 64))]
    #[param(max_length = 64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Only from this moment on.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// Only before this moment.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// What an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ExportFormat {
    /// Comma-separated values.
    #[default]
    Csv,
    /// A JSON object per line.
    Jsonl,
}
