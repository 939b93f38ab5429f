//! What is asked of an agent, held against what it can do: one set of words for runs, workflows and settings.

use codecourier_agents::Ability;
use codecourier_agents::capability;
use codecourier_domain::agent::{AgentKind, Effort, ModelName};
use codecourier_domain::model_route;

use super::AcpAgent;
use crate::error::{Error, sentence};

/// What is asked of an agent. What is absent is not asked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked<'a> {
    /// To use this model.
    pub(crate) model: Option<&'a ModelName>,
    /// To make this effort.
    pub(crate) effort: Option<Effort>,
    /// To look at pictures, and so on.
    pub(crate) abilities: &'a [(&'static str, Ability)],
}

/// Refuses what an agent cannot do, with the field that asks for it and the agents that can.
pub(crate) fn require(agent: AgentKind, asked: Asked<'_>) -> Result<(), Error> {
    let refused =
        |field: &str, error: &dyn std::fmt::Display| Error::validation(sentence(&error.to_string())).of_field(field);
    if let Some(model) = asked.model {
        model_route::route(agent, model).map_err(|error| refused("model", &error))?;
    }
    let effort = asked.effort.map(|effort| ("effort", Ability::Effort(effort)));
    for (field, ability) in effort.into_iter().chain(asked.abilities.iter().copied()) {
        capability::require(agent, ability).map_err(|error| refused(field, &error))?;
    }
    Ok(())
}

/// Refuses an agent that nothing can start here.
pub(crate) fn can_be_started(agent: AgentKind, acp: Option<&AcpAgent>) -> Result<(), Error> {
    if codecourier_agents::adapter_with(agent, acp.map(|acp| &acp.command)).is_some() {
        return Ok(());
    }
    let message = format!(
        "The agent `{agent}` is whatever a command starts that speaks the Agent Client Protocol, and no command is \
         configured: name one in the project's settings, or as `agents.acp_command` in the server's configuration."
    );
    Err(Error::validation(message).of_field("agent"))
}
