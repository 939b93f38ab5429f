//! The settings of a project.

mod change;

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;
use crate::time::Time;

pub use change::{SessionTypesChange, UpdateSettings};

/// The settings of a project: what its runs take unless whoever starts one says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// What agents are told about how to work, beside their role; `null` for the default.
    #[schema(required)]
    pub sandbox_prompt: Option<String>,
    /// What they are told by default.
    pub default_sandbox_prompt: String,
    /// The content of the instructions file, which agents find as `CLAUDE.md` or `AGENTS.md`; empty for none.
    pub instructions: String,
    /// What an agent is told that looks for issues; `null` for the default.
    #[schema(required)]
    pub discovery_prompt: Option<String>,
    /// What it is told by default.
    pub default_discovery_prompt: String,
    /// Whose name commits carry.
    pub git_author: GitAuthor,
    /// The commands that the platform runs on every change.
    pub checks: Vec<ProjectCheck>,
    /// Commands that prepare a fresh copy of the repository, run by `bash` before the agent starts; empty for none.
    pub setup_script: String,
    /// The agent.
    pub agent: AgentName,
    /// The model; `null` for the default.
    #[schema(required)]
    pub model: Option<String>,
    /// The model by default.
    pub default_model: String,
    /// How hard the model thinks; `null` for the agent's own default.
    #[schema(required)]
    pub effort: Option<EffortName>,
    /// How the agent `acp` is started; `null` as the server says.
    #[schema(required)]
    pub acp: Option<AcpSettings>,
    /// What each sandbox may use.
    pub limits: ProjectLimits,
    /// What a run may cost, in millionths of a US dollar.
    pub run_budget_micro_usd: i64,
    /// What differs for the runs that the platform itself starts.
    pub session_types: SessionTypes,
    /// When they were last changed; `null` before the first time.
    #[schema(required)]
    pub updated_at: Option<Time>,
    /// By whom.
    #[schema(value_type = Option<schema::Actor>, required)]
    pub updated_by: Option<String>,
}

/// Whose name commits carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitAuthor {
    /// The name.
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^(?=.*\\S)[^<>\\u0000-\\u001F\\u007F-\\u009F]+$"
    )]
    pub name: String,
    /// The email address.
    #[garde(length(chars, min = 1, max = 254))]
    #[schema(
        min_length = 1,
        max_length = 254,
        pattern = "^(?=.*\\S)[^<>\\u0000-\\u001F\\u007F-\\u009F]+$"
    )]
    pub email: String,
}

/// A command that the platform runs on every change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectCheck {
    /// What people call it; unique in the project.
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
    /// Whether a run cannot pass while it fails.
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

/// What each sandbox may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectLimits {
    /// Memory.
    #[garde(range(min = 256, max = 8_192))]
    #[schema(minimum = 256, maximum = 8_192)]
    pub memory_mb: u32,
    /// Whole CPUs.
    #[garde(range(min = 1, max = 8))]
    #[schema(minimum = 1, maximum = 8)]
    pub cpus: u32,
    /// Processes and threads together.
    #[garde(range(min = 64, max = 32_768))]
    #[schema(minimum = 64, maximum = 32_768)]
    pub processes: u32,
    /// What it may write to disk.
    #[garde(range(min = 64, max = 102_400))]
    #[schema(minimum = 64, maximum = 102_400)]
    pub disk_mb: u32,
    /// How long it may live.
    #[garde(range(min = 60, max = 14_400))]
    #[schema(minimum = 60, maximum = 14_400)]
    pub timeout_seconds: u32,
}

/// An agent that this version can drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AgentName {
    /// Claude Code.
    Claude,
    /// OpenCode.
    Opencode,
    /// Codex.
    Codex,
    /// Pi.
    Pi,
    /// Whatever a configured command starts that speaks the Agent Client Protocol.
    Acp,
}

/// A template that ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TemplateChoice {
    /// Debian with Git, Python and the tools agents reach for; no Node.js, no agent.
    #[default]
    Base,
    /// With Node.js and Claude Code.
    Claude,
    /// With Node.js and OpenCode.
    Opencode,
    /// With Node.js and Codex.
    Codex,
    /// With Node.js and Pi.
    Pi,
}

/// How the agent `acp` is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcpSettings {
    /// The program and its arguments, each a word of its own. It is started in the sandbox, and by no shell.
    #[garde(length(min = 1, max = 64))]
    #[schema(min_items = 1, max_items = 64, examples("opencode", "acp"))]
    pub command: Vec<String>,
    /// What its sandbox starts from: a template that has the program, or `base` when the setup script brings it.
    #[garde(skip)]
    #[serde(default)]
    pub template: TemplateChoice,
    /// Its environment, beside the project's variables, which win. For what is no secret.
    #[garde(length(max = 50), dive)]
    #[serde(default)]
    #[schema(max_items = 50)]
    pub environment: Vec<AcpVariable>,
}

/// A variable of an agent's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcpVariable {
    /// Its name.
    #[garde(length(chars, min = 1, max = 128))]
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z_][A-Za-z0-9_]*$")]
    pub name: String,
    /// Its value.
    #[garde(length(chars, max = 4_096))]
    #[schema(max_length = 4_096, pattern = "^[^\\u0000]*$")]
    pub value: String,
}

/// How hard a model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EffortName {
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

/// What differs for the runs that the platform itself starts; `null` where nothing does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionTypes {
    /// Looking for issues.
    #[schema(required)]
    pub issue: Option<SessionSettings>,
    /// Answering open questions.
    #[schema(required)]
    pub answering: Option<SessionSettings>,
    /// Extracting learnings.
    #[schema(required)]
    pub learning: Option<SessionSettings>,
    /// Resolving conflicts.
    #[schema(required)]
    pub merging: Option<SessionSettings>,
    /// Scoring.
    #[schema(required)]
    pub evaluator: Option<SessionSettings>,
    /// Choosing among candidates.
    #[schema(required)]
    pub judge: Option<SessionSettings>,
}

/// What differs for the runs of one session type. What is absent is as for every run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SessionSettings {
    /// The agent.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// The model.
    #[garde(length(chars, min = 1, max = 128))]
    #[schema(min_length = 1, max_length = 128, pattern = "^[!-,.-~][!-~]*$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How hard it thinks.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<EffortName>,
    /// The template, by name.
    #[garde(length(chars, min = 1, max = 64))]
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The contexts it is given, by name.
    #[garde(length(max = 50))]
    #[schema(max_items = 50, value_type = Vec<ThingName>)]
    pub contexts: Vec<String>,
    /// The skills it has, by name.
    #[garde(length(max = 50))]
    #[schema(max_items = 50, value_type = Vec<ThingName>)]
    pub skills: Vec<String>,
    /// The commands it has, by name.
    #[garde(length(max = 50))]
    #[schema(max_items = 50, value_type = Vec<ThingName>)]
    pub commands: Vec<String>,
    /// The scripts it has, by name.
    #[garde(length(max = 50))]
    #[schema(max_items = 50, value_type = Vec<ThingName>)]
    pub scripts: Vec<String>,
}

/// The name of a context, skill, command or script, as it is in lists. For the description only.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$")]
pub struct ThingName(pub String);
