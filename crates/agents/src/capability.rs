//! What an agent can do. The user interface offers only that, and the engine asks before it relies on it.
//!
//! Invariant: there is one account of it, each adapter's own. Whoever refuses what an agent cannot do asks [`require`],
//! so that the words are the same everywhere and name the agents that can.

use std::fmt;

use codecourier_domain::agent::{AgentKind, Effort};

use crate::{acp, claude, codex, opencode, pi};

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
    /// The efforts it can be told to make, from the least to the most.
    pub efforts: &'static [Effort],
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
    /// It says what its requests cost. The gateway knows better, whatever it says.
    pub cost: Support,
    /// It can start sub-agents.
    pub sub_agents: Support,
}

/// Something that a run, a workflow or a setting asks of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// To think as hard as that.
    Effort(Effort),
    /// To look at pictures.
    Images,
    /// To know skills.
    Skills,
    /// To know commands.
    Commands,
    /// To use MCP servers.
    Mcp,
}

/// An agent was asked for what it cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incapable {
    /// The agent.
    pub agent: AgentKind,
    /// What it cannot do.
    pub ability: Ability,
}

impl Support {
    /// Whether it is a yes.
    #[must_use]
    pub const fn is_yes(self) -> bool {
        matches!(self, Self::Yes)
    }
}

impl Capabilities {
    /// What an agent can do.
    #[must_use]
    pub const fn of(agent: AgentKind) -> Self {
        match agent {
            AgentKind::Claude => claude::CAPABILITIES,
            AgentKind::Opencode => opencode::CAPABILITIES,
            AgentKind::Codex => codex::CAPABILITIES,
            AgentKind::Pi => pi::CAPABILITIES,
            AgentKind::Acp => acp::CAPABILITIES,
        }
    }

    /// Whether it can do this.
    #[must_use]
    pub fn include(&self, ability: Ability) -> bool {
        match ability {
            Ability::Effort(effort) => self.efforts.contains(&effort),
            Ability::Images => self.images.is_yes(),
            Ability::Skills => self.skills.is_yes(),
            Ability::Commands => self.commands.is_yes(),
            Ability::Mcp => self.mcp.is_yes(),
        }
    }
}

/// Refuses what an agent cannot do.
///
/// # Errors
/// When it cannot.
pub fn require(agent: AgentKind, ability: Ability) -> Result<(), Incapable> {
    if Capabilities::of(agent).include(ability) {
        return Ok(());
    }
    Err(Incapable { agent, ability })
}

impl std::error::Error for Incapable {}

impl fmt::Display for Incapable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agent = self.agent;
        match self.ability {
            Ability::Effort(effort) => write!(formatter, "the agent {agent} has no effort `{}`", effort.as_str())?,
            Ability::Images => write!(formatter, "the agent {agent} takes no pictures")?,
            Ability::Skills => write!(formatter, "the agent {agent} takes no skills")?,
            Ability::Commands => write!(formatter, "the agent {agent} takes no commands")?,
            Ability::Mcp => write!(formatter, "the agent {agent} takes no MCP servers")?,
        }
        let able = AgentKind::ALL.into_iter();
        let able = able.filter(|agent| Capabilities::of(*agent).include(self.ability));
        let able: Vec<&str> = able.map(AgentKind::as_str).collect();
        match able.as_slice() {
            [] => write!(formatter, "; no agent does"),
            able => write!(formatter, "; agents that can are {}", able.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_cannot_do_is_refused_with_the_agents_that_can() {
        assert_eq!(
            require(AgentKind::Codex, Ability::Commands).unwrap_err().to_string(),
            "the agent codex takes no commands; agents that can are claude, opencode, pi"
        );
        assert_eq!(require(AgentKind::Claude, Ability::Commands), Ok(()));
        assert_eq!(require(AgentKind::Pi, Ability::Effort(Effort::Max)), Ok(()));
    }

    #[test]
    fn an_adapter_says_of_itself_what_is_said_of_it() {
        for agent in AgentKind::ALL {
            if let Some(adapter) = crate::adapter(agent) {
                assert_eq!(adapter.capabilities(), Capabilities::of(agent), "{agent}");
            }
        }
    }
}
