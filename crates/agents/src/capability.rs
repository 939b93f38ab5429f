//! What an agent can do. The user interface offers only that, and the engine asks before it relies on it.

/// Whether an agent can do a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It can.
    Yes,
    /// It cannot.
    No,
}

/// What an agent can do, by the adapter's own account. Each `Yes` has a test against the real CLI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Text arrives while the model writes it.
    pub partial_text: Support,
    /// Thinking is told apart from text.
    pub thinking: Support,
    /// A message sent in the middle of a turn reaches the model in that turn.
    pub steer: Support,
    /// A turn can be interrupted and the session goes on.
    pub interrupt: Support,
    /// A further message in the same process continues the session.
    pub follow_up: Support,
    /// A new process continues the session.
    pub resume: Support,
    /// It has a setting for the effort.
    pub effort: Support,
    /// It ends a turn by itself after a number of model calls.
    pub turn_limit: Support,
    /// It takes MCP servers.
    pub mcp: Support,
    /// It takes skills.
    pub skills: Support,
    /// It takes commands.
    pub commands: Support,
    /// It takes pictures.
    pub images: Support,
    /// It can start sub-agents.
    pub sub_agents: Support,
}
