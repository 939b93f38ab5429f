//! A change of a project's settings.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AcpSettings, AgentName, EffortName, GitAuthor, ProjectCheck, ProjectLimits, SessionSettings};
use crate::nullable;

/// What is to be different in the settings. What is absent stays; `null` goes back to the default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateSettings {
    /// What agents are told about how to work; `null` for the default.
    #[garde(skip)]
    #[schema(value_type = Option<String>, max_length = 50_000)]
    #[serde(deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub sandbox_prompt: Option<Option<String>>,
    /// The content of the instructions file; empty for none.
    #[garde(length(chars, max = 50_000))]
    #[schema(max_length = 50_000, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// What an agent is told that looks for issues; `null` for the default.
    #[garde(skip)]
    #[schema(value_type = Option<String>, max_length = 50_000)]
    #[serde(deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub discovery_prompt: Option<Option<String>>,
    /// Whose name commits carry.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_author: Option<GitAuthor>,
    /// The commands that the platform runs on every change: all of them.
    #[garde(length(max = 20), dive)]
    #[schema(max_items = 20)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<ProjectCheck>>,
    /// Commands that prepare a fresh copy of the repository; empty for none.
    #[garde(length(chars, max = 50_000))]
    #[schema(max_length = 50_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup_script: Option<String>,
    /// The agent.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// The model; `null` for the default.
    #[garde(skip)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128, pattern = "^[!-,.-~][!-~]*$")]
    #[serde(deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub model: Option<Option<String>>,
    /// How hard the model thinks; `null` for the agent's own default.
    #[garde(skip)]
    #[schema(value_type = Option<EffortName>)]
    #[serde(deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub effort: Option<Option<EffortName>>,
    /// How the agent `acp` is started; `null` as the server says.
    #[garde(skip)]
    #[schema(value_type = Option<AcpSettings>)]
    #[serde(deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub acp: Option<Option<AcpSettings>>,
    /// What each sandbox may use.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<ProjectLimits>,
    /// What a run may cost, in millionths of a US dollar.
    #[garde(range(min = 1, max = 1_000_000_000))]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_budget_micro_usd: Option<i64>,
    /// What differs for the runs that the platform itself starts.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_types: Option<SessionTypesChange>,
}

/// What is to be different for session types. One that is absent stays; one that is `null` becomes as every run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SessionTypesChange {
    /// Looking for issues.
    #[garde(skip)]
    #[schema(value_type = Option<SessionSettings>)]
    #[serde(deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub issue: Option<Option<SessionSettings>>,
    /// Answering open questions.
    #[garde(skip)]
    #[schema(value_type = Option<SessionSettings>)]
    #[serde(deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub answering: Option<Option<SessionSettings>>,
    /// Extracting learnings.
    #[garde(skip)]
    #[schema(value_type = Option<SessionSettings>)]
    #[serde(deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub learning: Option<Option<SessionSettings>>,
    /// Resolving conflicts.
    #[garde(skip)]
    #[schema(value_type = Option<SessionSettings>)]
    #[serde(deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub merging: Option<Option<SessionSettings>>,
    /// Scoring.
    #[garde(skip)]
    #[schema(value_type = Option<SessionSettings>)]
    #[serde(deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub evaluator: Option<Option<SessionSettings>>,
    /// Choosing among candidates.
    #[garde(skip)]
    #[schema(value_type = Option<SessionSettings>)]
    #[serde(deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub judge: Option<Option<SessionSettings>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_and_null_are_two_things() {
        let change: UpdateSettings = serde_json::from_str(r#"{"model": null, "instructions": ""}"#).unwrap();
        assert_eq!((change.model, change.effort), (Some(None), None));
        assert_eq!(change.instructions.as_deref(), Some(""));
        let change: UpdateSettings = serde_json::from_str(r#"{"sessionTypes": {"judge": null}}"#).unwrap();
        let types = change.session_types.clone().unwrap();
        assert_eq!((types.judge, types.issue), (Some(None), None));
        assert_eq!(
            serde_json::to_string(&change).unwrap(),
            r#"{"sessionTypes":{"judge":null}}"#
        );
        assert!(serde_json::from_str::<UpdateSettings>(r#"{"sandbox": 1}"#).is_err());
    }
}
