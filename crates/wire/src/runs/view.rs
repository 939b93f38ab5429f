//! What clients see of a run.

use codecourier_domain::id::{InputId, RunId, SandboxId, StepId};
use codecourier_domain::run;
use codecourier_domain::usage::Tokens;
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::RunImage;
use crate::schema;
use crate::time::Time;

/// The address of a run.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct RunPath {
    /// The run.
    #[param(value_type = schema::RunId)]
    pub run: RunId,
}

/// The address of a step.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct StepPath {
    /// The run.
    #[param(value_type = schema::RunId)]
    pub run: RunId,
    /// The step.
    #[param(value_type = schema::StepId)]
    pub step: StepId,
}

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RunStatus {
    /// Accepted, and no work has begun.
    Pending,
    /// Under way.
    Running,
    /// Waiting for a person or a time.
    Paused,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// Ended by a person.
    Cancelled,
}

impl From<run::RunStatus> for RunStatus {
    fn from(status: run::RunStatus) -> Self {
        match status {
            run::RunStatus::Pending => Self::Pending,
            run::RunStatus::Running => Self::Running,
            run::RunStatus::Paused => Self::Paused,
            run::RunStatus::Completed => Self::Completed,
            run::RunStatus::Failed => Self::Failed,
            run::RunStatus::Cancelled => Self::Cancelled,
        }
    }
}

impl From<RunStatus> for run::RunStatus {
    fn from(status: RunStatus) -> Self {
        match status {
            RunStatus::Pending => Self::Pending,
            RunStatus::Running => Self::Running,
            RunStatus::Paused => Self::Paused,
            RunStatus::Completed => Self::Completed,
            RunStatus::Failed => Self::Failed,
            RunStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// A run, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its identifier.
    #[schema(value_type = schema::RunId)]
    pub id: RunId,
    /// Its status.
    pub status: RunStatus,
    /// The name of its workflow.
    pub workflow: String,
    /// The beginning of its prompt.
    pub prompt_preview: String,
    /// When it was asked for.
    pub created_at: Time,
    /// When work on it began.
    #[schema(required)]
    pub started_at: Option<Time>,
    /// When it ended.
    #[schema(required)]
    pub finished_at: Option<Time>,
    /// How many requests went to models.
    pub requests: u64,
    /// The tokens of those requests.
    pub tokens: TokensView,
    /// What it cost, in millionths of a US dollar.
    pub cost_micro_usd: i64,
}

/// Tokens by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokensView {
    /// Read by the model.
    pub input: u64,
    /// Written by the model.
    pub output: u64,
    /// Read from the provider's cache.
    pub cache_read: u64,
    /// Written into the cache for five minutes.
    pub cache_write_5m: u64,
    /// Written into the cache for an hour.
    pub cache_write_1h: u64,
}

impl From<Tokens> for TokensView {
    fn from(tokens: Tokens) -> Self {
        Self {
            input: tokens.input,
            output: tokens.output,
            cache_read: tokens.cache_read,
            cache_write_5m: tokens.cache_write_5m,
            cache_write_1h: tokens.cache_write_1h,
        }
    }
}

impl From<TokensView> for Tokens {
    fn from(tokens: TokensView) -> Self {
        Self {
            input: tokens.input,
            output: tokens.output,
            cache_read: tokens.cache_read,
            cache_write_5m: tokens.cache_write_5m,
            cache_write_1h: tokens.cache_write_1h,
        }
    }
}

/// A run with everything about it but its events and its change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunDetail {
    /// What lists show of it.
    #[serde(flatten)]
    pub run: Run,
    /// The whole prompt.
    pub prompt: String,
    /// The agent of steps that name none.
    pub agent: String,
    /// The model of steps that name none.
    pub model: String,
    /// The effort of steps that name none.
    #[schema(required)]
    pub effort: Option<String>,
    /// What it may cost, in millionths of a US dollar.
    pub budget_micro_usd: i64,
    /// What requests under way may cost at most, in millionths of a US dollar.
    pub reserved_micro_usd: i64,
    /// The pictures that its agents are shown with the prompt.
    pub images: Vec<RunImage>,
    /// The branch it starts from, once known.
    #[schema(required)]
    pub base_branch: Option<String>,
    /// Its own branch, once made.
    #[schema(required)]
    pub branch: Option<String>,
    /// The commit it started from.
    #[schema(required)]
    pub base_commit: Option<String>,
    /// The commit its branch is at.
    #[schema(required)]
    pub tip_commit: Option<String>,
    /// Why it failed.
    #[schema(required)]
    pub failure: Option<FailureView>,
    /// Why it is paused.
    #[schema(required)]
    pub pause_reason: Option<String>,
    /// More on why it is paused, and until when.
    #[schema(required)]
    pub pause: Option<Pause>,
    /// The number of its last event; 0 before the first.
    pub last_event: u64,
    /// Its steps, oldest first.
    pub steps: Vec<StepView>,
}

/// Why a run is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// What kind of reason it is.
    pub kind: PauseKind,
    /// What happened and what to do, for people.
    pub message: String,
    /// Whose key has to wait: `anthropic`, `openai` or `openrouter`. Of a rate limit only.
    #[schema(required)]
    pub provider: Option<String>,
    /// The last four characters of that key.
    #[schema(required)]
    pub key_last_four: Option<String>,
    /// When the limit starts anew, as the provider says.
    #[schema(required)]
    pub resets_at: Option<Time>,
    /// When the run goes on by itself: a little later, each run at a moment of its own.
    #[schema(required)]
    pub resumes_at: Option<Time>,
}

/// A kind of reason to pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PauseKind {
    /// The budget is used up. A person raises it.
    Budget,
    /// A provider has said when to come back with the key. The run goes on by itself.
    RateLimit,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureView {
    /// The class, with a page in the manual.
    pub code: String,
    /// What happened, for people.
    pub message: String,
}

/// Where a step is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum StepStatus {
    /// Nothing was done yet.
    Pending,
    /// Under way.
    Running,
    /// Ended with a result.
    Completed,
    /// Ended without one.
    Failed,
    /// Ended by a person.
    Cancelled,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// Its identifier.
    #[schema(value_type = schema::StepId)]
    pub id: StepId,
    /// Its number in the run, from 1.
    pub ordinal: u32,
    /// Which attempt at that number.
    pub attempt: u32,
    /// The iteration of its loop.
    pub iteration: u32,
    /// Its name in the run: `designer#2`.
    pub lane: String,
    /// Its role.
    pub role: String,
    /// Its agent.
    pub agent: String,
    /// The model that its agent uses now.
    pub model: String,
    /// Whether a person says when it is done: at the end of a turn its agent waits for the next message.
    pub interactive: bool,
    /// Its status.
    pub status: StepStatus,
    /// Whether its agent waits for a person.
    pub awaits_input: bool,
    /// What its agent may be told now.
    pub accepts: StepAccepts,
    /// What was said to its agent and has not been given to it yet, in order.
    pub waiting: Vec<StepInput>,
    /// Its sandbox, while there is one.
    #[schema(value_type = Option<schema::SandboxId>, required)]
    pub sandbox_id: Option<SandboxId>,
    /// When it was ordered.
    pub created_at: Time,
    /// When work on it began.
    #[schema(required)]
    pub started_at: Option<Time>,
    /// When it ended.
    #[schema(required)]
    pub finished_at: Option<Time>,
    /// The agent's last words.
    #[schema(required)]
    pub summary: Option<String>,
    /// The commit after it.
    #[schema(required)]
    pub commit: Option<String>,
    /// A checker's verdict.
    #[schema(required)]
    pub verdict: Option<VerdictView>,
    /// The checks that the platform ran.
    pub checks: Vec<CheckView>,
    /// The phases that began, in their order.
    #[serde(default)]
    pub phases: Vec<PhaseView>,
    /// How many requests went to models.
    #[serde(default)]
    pub requests: u64,
    /// The tokens of those requests.
    #[serde(default)]
    pub tokens: TokensView,
    /// What it cost, in millionths of a US dollar.
    #[serde(default)]
    pub cost_micro_usd: i64,
    /// What its agent says it used, where it was handed a subscription's login: then its requests pass no gateway that
    /// could count them. In no other number; `null` for every other step.
    #[serde(default)]
    #[schema(required)]
    pub reported_usage: Option<ReportedUsageView>,
    /// Why it failed.
    #[schema(required)]
    pub failure: Option<FailureView>,
}

/// Usage by the agent's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedUsageView {
    /// Tokens.
    pub tokens: TokensView,
    /// What they would have cost by the agent's own list of prices, in millionths of a US dollar: an estimate, which the
    /// subscription does not charge. `null` when the agent says nothing of it.
    #[schema(required)]
    pub estimated_cost_micro_usd: Option<i64>,
}

/// What a step's agent may be told now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a button of its own")]
pub struct StepAccepts {
    /// A message. While the agent works, it hears it in its turn if it can, or else after it.
    pub messages: bool,
    /// That it end its turn.
    pub interrupt: bool,
    /// That it go on with another model.
    pub model_switch: bool,
    /// That the conversation is over, and what was done is taken over.
    pub finish: bool,
}

/// What a person told an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum StepInputKind {
    /// A message.
    Message,
    /// To end its turn.
    Interrupt,
    /// To go on with another model.
    Model,
    /// To end the conversation.
    Finish,
}

/// What became of what a person told an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum StepInputStatus {
    /// It waits to be given to the agent.
    Waiting,
    /// The agent has it: it is in the transcript, where it was given.
    Delivered,
    /// The step ended, or the turn that it was for.
    Dropped,
}

/// Something that a person told a step's agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepInput {
    /// Its identifier.
    #[schema(value_type = schema::InputId)]
    pub id: InputId,
    /// What it is.
    pub kind: StepInputKind,
    /// The text of a message, or the name of a model.
    #[schema(required)]
    pub text: Option<String>,
    /// What became of it.
    pub status: StepInputStatus,
    /// Who said it.
    #[schema(value_type = schema::Actor)]
    pub actor: String,
    /// When.
    pub created_at: Time,
}

/// A checker's verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VerdictView {
    /// `pass` or `fail`.
    pub verdict: String,
    /// What is to be done.
    pub feedback: String,
    /// Single findings: severity, message, file and line.
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Value>,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckView {
    /// Its name.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// Whether the run cannot pass while it fails.
    pub required: bool,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
    /// The end of what it wrote.
    #[serde(default)]
    pub output_tail: String,
}

/// A phase of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhaseView {
    /// Its name: `sandbox-create`, `clone`, `agent-cli`.
    pub name: String,
    /// When it began.
    pub started_at: Time,
    /// When it ended.
    #[schema(required)]
    pub finished_at: Option<Time>,
}

/// Which change of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// That of one step; else all of it so far.
    #[garde(skip)]
    #[param(required = false, value_type = schema::StepId)]
    pub step: Option<StepId>,
    /// That of one file, by its path; else of all.
    #[garde(length(bytes, min = 1, max = 4_096))]
    #[param(required = false, min_length = 1, max_length = 4_096)]
    pub path: Option<String>,
}

/// Which patch of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PatchQuery {
    /// That of one step; else all of it so far.
    #[garde(skip)]
    #[param(required = false, value_type = schema::StepId)]
    pub step: Option<StepId>,
}

/// How many runs of each status a project has; 1,000 stands for as many or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunCounts {
    /// Accepted, and no work has begun.
    pub pending: u64,
    /// Under way.
    pub running: u64,
    /// Waiting for a person or a time.
    pub paused: u64,
    /// Ended well.
    pub completed: u64,
    /// Ended badly.
    pub failed: u64,
    /// Ended by a person.
    pub cancelled: u64,
}

/// Which branches to look for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BranchesFilter {
    /// Only those with this text in their name, whatever the case of its letters.
    #[garde(length(chars, min = 1, max = 200))]
    #[param(required = false, min_length = 1, max_length = 200)]
    pub text: Option<String>,
}

/// Branches that a run may start from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Branches {
    /// Their names: the default one, those of the repository by their newest commit, then those of runs. At most 100.
    pub names: Vec<String>,
    /// Whether there are more: ask with a text.
    pub more: bool,
    /// The repository's own default branch, where it names one.
    #[schema(required)]
    pub default_branch: Option<String>,
}

/// Which events of a run to read.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Those after this number, oldest first. Without `after` and `before`: the newest.
    #[garde(range(max = 9_007_199_254_740_991))]
    #[param(required = false, minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub after: Option<u64>,
    /// Those before this number, newest first.
    #[garde(range(min = 1, max = 9_007_199_254_740_991))]
    #[param(required = false, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub before: Option<u64>,
    /// How many.
    #[garde(range(min = 1, max = 1_000))]
    #[param(required = false, minimum = 1, maximum = 1_000, default = 100)]
    pub limit: Option<u32>,
}

/// Events of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventsPage {
    /// The events, in the order that was asked for.
    pub data: Vec<EventView>,
    /// Whether there are more in that direction.
    pub has_more: bool,
}

/// One recorded thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// Its number in the run, from 1, without a gap.
    pub seq: u64,
    /// Its step, if it belongs to one.
    #[schema(value_type = Option<schema::StepId>, required)]
    pub step_id: Option<StepId>,
    /// When it happened.
    pub at: Time,
    /// What happened: `kind`, and what belongs to that kind.
    #[schema(value_type = Object)]
    pub event: Value,
}

/// The change that a run made so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunDiff {
    /// The files, by path.
    pub files: Vec<DiffFile>,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
    /// The change as text. Binary files are only named.
    pub unified: String,
    /// Whether the text is cut.
    pub truncated: bool,
}

/// A file of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiffFile {
    /// Its path.
    pub path: String,
    /// What happened to it.
    pub change: String,
    /// Lines added; `null` for binary files.
    #[schema(required)]
    pub additions: Option<u64>,
    /// Lines removed; `null` for binary files.
    #[schema(required)]
    pub deletions: Option<u64>,
}
