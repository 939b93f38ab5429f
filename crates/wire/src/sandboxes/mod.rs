//! Sandboxes that are alive, and the files in them.

use codecourier_domain::id::{RunId, SandboxId, StepId};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::runs::RunLimits;
use crate::schema;
use crate::settings::{AgentName, EffortName};
use crate::time::Time;

/// The address of a sandbox.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct SandboxPath {
    /// The sandbox.
    #[param(value_type = schema::SandboxId)]
    pub sandbox: SandboxId,
}

/// Which directory of a sandbox's repository.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DirectoryQuery {
    /// The directory, relative to the repository; empty for the repository itself.
    #[garde(length(bytes, max = 4_095))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[param(max_length = 4_095, example = "src")]
    pub path: String,
}

/// Which file of a sandbox's repository, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FileQuery {
    /// The file, relative to the repository.
    #[garde(length(bytes, min = 1, max = 4_095))]
    #[param(min_length = 1, max_length = 4_095, example = "src/main.rs")]
    pub path: String,
    /// How many bytes of its beginning, at most.
    #[garde(range(min = 1, max = 4_194_304))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4_194_304, default = 262_144)]
    pub limit: Option<u64>,
}

/// An entry of a directory in a sandbox. Its names are an agent's, and may hold anything but `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxFile {
    /// Its name. What is no UTF-8 in it is shown as U+FFFD, and it cannot be read by such a name.
    pub name: String,
    /// What it is itself.
    #[serde(rename = "type")]
    pub kind: SandboxFileType,
    /// Bytes.
    pub size: u64,
    /// When it was last written to.
    pub modified_at: Time,
    /// Of a link: where it leads; `null` for everything else.
    #[schema(required)]
    pub link: Option<SandboxLink>,
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxLink {
    /// What is written in it.
    pub target: String,
    /// What is there; `null` if that is nothing, or not in the repository. Such a link is not followed.
    #[schema(required)]
    pub leads_to: Option<SandboxFileType>,
}

/// What an entry of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SandboxFileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, a pipe, a socket.
    Other,
}

/// A conversation with an agent in a sandbox of its own. What is left out comes from the project's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartSandbox {
    /// The first message. Without one the agent waits for it.
    #[garde(length(chars, max = 51_200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 51_200, examples("What does this repository do?"))]
    pub prompt: Option<String>,
    /// The agent.
    #[garde(length(chars, min = 1, max = 32))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AgentName>, examples("claude"))]
    pub agent: Option<String>,
    /// The model.
    #[garde(length(chars, min = 1, max = 128))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 128, pattern = "^[!-,.-~][!-~]*$")]
    pub model: Option<String>,
    /// How hard the model thinks: `low`, `medium`, `high`, `xhigh` or `max`.
    #[garde(length(chars, min = 1, max = 16))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<EffortName>, examples("high"))]
    pub effort: Option<String>,
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
    /// What the sandbox may use.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<RunLimits>,
    /// What it may cost, in millionths of a US dollar.
    #[garde(range(min = 1, max = 1_000_000_000_000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    pub budget_micro_usd: Option<i64>,
}

/// Where a sandbox is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SandboxStatus {
    /// It is being made.
    Creating,
    /// It runs.
    Running,
    /// It is paused.
    Paused,
    /// It is over, and about to be removed.
    Killed,
}

/// A sandbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sandbox {
    /// Its identifier.
    #[schema(value_type = schema::SandboxId)]
    pub id: SandboxId,
    /// Its status.
    pub status: SandboxStatus,
    /// The run it serves.
    #[schema(value_type = schema::RunId)]
    pub run_id: RunId,
    /// The step it serves.
    #[schema(value_type = schema::StepId)]
    pub step_id: StepId,
    /// The step's name in the run.
    pub lane: String,
    /// Since when it was wanted.
    pub created_at: Time,
    /// What it may use.
    pub limits: RunLimits,
    /// What keeps it apart; `null` while it is being made.
    #[schema(required)]
    pub isolation: Option<SandboxIsolation>,
    /// What it uses; `null` while it is being made.
    #[schema(required)]
    pub usage: Option<SandboxUsage>,
}

/// What keeps a sandbox apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxIsolation {
    /// The tier.
    pub tier: String,
    /// What it protects from.
    pub protects_from: String,
    /// What is weaker than promised. Empty is normal.
    pub degraded: Vec<String>,
}

/// What a sandbox uses. What is not metered on this machine is `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxUsage {
    /// Memory, page cache included.
    #[schema(required)]
    pub memory_bytes: Option<u64>,
    /// CPU time so far.
    #[schema(required)]
    pub cpu_microseconds: Option<u64>,
    /// Processes and threads alive.
    #[schema(required)]
    pub processes: Option<u32>,
    /// Bytes written to disk.
    #[schema(required)]
    pub disk_bytes: Option<u64>,
}
