//! How a run is asked for, and how runs are listed.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ImageName, RunStatus};
use crate::settings::{AgentName, EffortName};

/// A run to start. What is left out comes from the project's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartRun {
    /// What the result should be.
    #[garde(length(chars, min = 1, max = 51_200))]
    #[schema(min_length = 1, max_length = 51_200, pattern = "\\S", examples("Add a changelog"))]
    pub prompt: String,
    /// The workflow, by its name: `single`, `designer-checker`, or one of the project's own.
    #[garde(length(chars, min = 1, max = 64))]
    #[serde(default = "default_workflow")]
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[a-z0-9]+(-[a-z0-9]+)*$",
        default = "designer-checker"
    )]
    pub workflow: String,
    /// Another repository than the project's: a URL that begins with `https://` or `ssh://`, or `user@host:path`.
    #[garde(length(chars, min = 1, max = 2_000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 2_000)]
    pub repository: Option<String>,
    /// The branch to start from.
    #[garde(length(chars, min = 1, max = 200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub base_branch: Option<String>,
    /// The agent of steps that name none.
    #[garde(length(chars, min = 1, max = 32))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AgentName>, examples("claude"))]
    pub agent: Option<String>,
    /// The model of steps that name none.
    #[garde(length(chars, min = 1, max = 128))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 128, pattern = "^[!-,.-~][!-~]*$")]
    pub model: Option<String>,
    /// Another agent for the steps that check, whatever the workflow says.
    #[garde(length(chars, min = 1, max = 32))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AgentName>, examples("codex"))]
    pub checker_agent: Option<String>,
    /// Another model for the steps that check; without it the run's, or the checking agent's default where that agent
    /// cannot reach the run's.
    #[garde(length(chars, min = 1, max = 128))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 128, pattern = "^[!-,.-~][!-~]*$")]
    pub checker_model: Option<String>,
    /// How hard the model thinks: `low`, `medium`, `high`, `xhigh` or `max`.
    #[garde(length(chars, min = 1, max = 16))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<EffortName>, examples("high"))]
    pub effort: Option<String>,
    /// The commands that the platform runs on every change.
    #[garde(length(max = 20), dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 20)]
    pub checks: Option<Vec<RunCheck>>,
    /// What the checker is told besides its role.
    #[garde(length(chars, max = 10_000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 10_000)]
    pub checker_instructions: Option<String>,
    /// What each sandbox may use.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<RunLimits>,
    /// What the run may cost, in millionths of a US dollar.
    #[garde(range(min = 1, max = 1_000_000_000_000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    pub budget_micro_usd: Option<i64>,
    /// Pictures that agents are shown with the prompt: what `POST /projects/{slug}/images` called them, in their order.
    #[garde(length(max = 8))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 8, value_type = Vec<ImageName>)]
    pub images: Vec<String>,
}

fn default_workflow() -> String {
    "designer-checker".to_owned()
}

/// A run to start like another one. What is left out is as it was there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RerunRun {
    /// Another prompt.
    #[garde(length(chars, min = 1, max = 51_200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 51_200, pattern = "\\S")]
    pub prompt: Option<String>,
    /// Another branch to start from.
    #[garde(length(chars, min = 1, max = 200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub base_branch: Option<String>,
    /// Another agent of steps that name none. Without another model, it works with its own default.
    #[garde(length(chars, min = 1, max = 32))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AgentName>, examples("codex"))]
    pub agent: Option<String>,
    /// Another model.
    #[garde(length(chars, min = 1, max = 128))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 128, pattern = "^[!-,.-~][!-~]*$")]
    pub model: Option<String>,
    /// Another effort.
    #[garde(length(chars, min = 1, max = 16))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<EffortName>)]
    pub effort: Option<String>,
    /// Other instructions for the checker.
    #[garde(length(chars, max = 10_000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 10_000)]
    pub checker_instructions: Option<String>,
    /// Another budget, in millionths of a US dollar.
    #[garde(range(min = 1, max = 1_000_000_000_000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    pub budget_micro_usd: Option<i64>,
    /// Other pictures, all of them; an empty list for none.
    #[garde(length(max = 8))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 8, value_type = Option<Vec<ImageName>>)]
    pub images: Option<Vec<String>>,
}

/// A message to a step's agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendMessage {
    /// The text.
    #[garde(length(chars, min = 1, max = 51_200))]
    #[schema(
        min_length = 1,
        max_length = 51_200,
        pattern = "\\S",
        examples("Add a test for it, too")
    )]
    pub text: String,
}

/// Another model for a step's agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SwitchModel {
    /// The model, by a name that its agent can reach.
    #[garde(length(chars, min = 1, max = 128))]
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[!-,.-~][!-~]*$",
        examples("claude-haiku-4-5")
    )]
    pub model: String,
}

/// A command that the platform runs on every change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunCheck {
    /// What people call it; unique in a run.
    #[garde(length(chars, min = 1, max = 64))]
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^(?=.*\\S)[^\\u0000-\\u001F\\u007F-\\u009F]+$",
        examples("tests")
    )]
    pub name: String,
    /// The command line, for `bash -c`.
    #[garde(length(chars, min = 1, max = 8_000))]
    #[schema(min_length = 1, max_length = 8_000, pattern = "\\S", examples("npm test"))]
    pub command: String,
    /// Whether the run cannot pass while it fails.
    #[garde(skip)]
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub required: bool,
    /// How long it may take.
    #[garde(range(min = 1, max = 14_400))]
    #[serde(default = "ten_minutes")]
    #[schema(minimum = 1, maximum = 14_400, default = 600)]
    pub timeout_seconds: u32,
}

const fn yes() -> bool {
    true
}

const fn ten_minutes() -> u32 {
    600
}

/// What each sandbox may use. What is left out is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunLimits {
    /// Memory.
    #[garde(range(min = 256, max = 8_192))]
    #[serde(default = "default_memory")]
    #[schema(minimum = 256, maximum = 8_192, default = 2_048)]
    pub memory_mb: u32,
    /// Whole CPUs.
    #[garde(range(min = 1, max = 8))]
    #[serde(default = "default_cpus")]
    #[schema(minimum = 1, maximum = 8, default = 2)]
    pub cpus: u32,
    /// Processes and threads together.
    #[garde(range(min = 64, max = 32_768))]
    #[serde(default = "default_processes")]
    #[schema(minimum = 64, maximum = 32_768, default = 1_024)]
    pub processes: u32,
    /// What it may write to disk.
    #[garde(range(min = 64, max = 102_400))]
    #[serde(default = "default_disk")]
    #[schema(minimum = 64, maximum = 102_400, default = 10_240)]
    pub disk_mb: u32,
    /// How long it may live.
    #[garde(range(min = 60, max = 14_400))]
    #[serde(default = "default_timeout")]
    #[schema(minimum = 60, maximum = 14_400, default = 3_600)]
    pub timeout_seconds: u32,
}

const fn default_memory() -> u32 {
    2_048
}

const fn default_cpus() -> u32 {
    2
}

const fn default_processes() -> u32 {
    1_024
}

const fn default_disk() -> u32 {
    10_240
}

const fn default_timeout() -> u32 {
    3_600
}

/// Which runs to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RunsFilter {
    /// Only those of this status.
    #[garde(skip)]
    #[param(required = false)]
    pub status: Option<RunStatus>,
    /// Only those of this workflow.
    #[garde(length(chars, min = 1, max = 64))]
    #[param(required = false, min_length = 1, max_length = 64)]
    pub workflow: Option<String>,
    /// Only those whose prompt's first line has this text in it, whatever the case of its letters.
    #[garde(length(chars, min = 1, max = 200))]
    #[param(required = false, min_length = 1, max_length = 200)]
    pub text: Option<String>,
    /// In which order: `newest` first, or `oldest`.
    #[garde(skip)]
    #[param(required = false)]
    pub sort: Option<RunSort>,
}

/// The order of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RunSort {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
}
