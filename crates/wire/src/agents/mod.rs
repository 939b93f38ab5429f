//! The coding agents: what each can do, and whether it can work here.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::settings::{AgentName, EffortName, TemplateChoice};

/// A coding agent, as people choose it. Runs, workflows and settings are checked by exactly this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// Its name in data.
    pub id: AgentName,
    /// Its name for people.
    #[schema(examples("Claude Code"))]
    pub name: String,
    /// What its sandboxes start from.
    pub template: TemplateChoice,
    /// The version of its program in new sandboxes; `null` where the template has none.
    #[schema(required)]
    pub version: Option<String>,
    /// The version that this CodeCourier was tested with; of an ACP agent the protocol's. Empty when nothing starts it.
    pub tested_version: String,
    /// The model when nobody names one.
    pub default_model: String,
    /// Models that are known by name, for choosing. It takes others too.
    pub models: Vec<AgentModel>,
    /// The providers it can reach models at.
    pub providers: Vec<AgentProvider>,
    /// The efforts it can be told to make, from the least to the most.
    pub efforts: Vec<EffortName>,
    /// What it can do.
    pub capabilities: AgentCapabilities,
    /// Whether it can work here now.
    pub available: bool,
    /// Why not, in a sentence.
    #[schema(required)]
    pub problem: Option<String>,
}

/// A model that is known by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentModel {
    /// Its name, as runs name it.
    pub name: String,
    /// The provider that it is reached at.
    pub provider: ModelProviderName,
}

/// A provider that an agent can reach models at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentProvider {
    /// Which.
    pub provider: ModelProviderName,
    /// Whose key there is for it.
    pub key: KeyHolder,
}

/// A provider of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelProviderName {
    /// Anthropic, or a server that speaks like it.
    Anthropic,
    /// OpenAI, or a server that speaks like it.
    Openai,
    /// OpenRouter.
    Openrouter,
}

/// Whose key there is for a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyHolder {
    /// The project's.
    Project,
    /// The server's, for projects that have none.
    Server,
    /// Nobody's: there is none.
    None,
}

/// What an agent can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentCapabilities {
    /// Text arrives while the model writes it.
    pub partial_text: bool,
    /// Thinking is told apart from text.
    pub thinking: bool,
    /// A message sent in the middle of a turn reaches the model in that turn.
    pub steer: bool,
    /// A turn can be interrupted and the session goes on.
    pub interrupt: bool,
    /// A further message in the same process continues the session.
    pub follow_up: bool,
    /// A new process continues the session.
    pub resume: bool,
    /// It ends a turn by itself after a number of model calls.
    pub turn_limit: bool,
    /// It takes MCP servers.
    pub mcp: bool,
    /// It takes skills.
    pub skills: bool,
    /// It takes commands.
    pub commands: bool,
    /// It looks at pictures in prompts.
    pub images: bool,
    /// It starts sub-agents.
    pub sub_agents: bool,
    /// It says itself what its requests cost. What is booked is the gateway's count, whatever it says.
    pub cost: bool,
}
