//! Which provider an agent's model is reached at, and by what name.
//!
//! Validation, the engine and the user interface all ask here. Invariants: pure; a model's name may say its provider
//! (`anthropic/…`, `openai/…`, `openrouter/…`), and that is then the provider or an error, never another one; the name
//! that is sent has no such prefix.

use crate::agent::{AgentKind, ModelName};
use crate::provider::ModelProvider;

/// Where a model is reached, and how it is called there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRoute {
    /// The provider.
    pub provider: ModelProvider,
    /// The name that the provider knows.
    pub name: ModelName,
}

/// A model of a provider that the agent cannot speak to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the agent {agent} cannot use the model `{model}` of {provider}; {}", use_instead(.provider))]
pub struct UnreachableModel {
    /// The agent.
    pub agent: AgentKind,
    /// The model as it was named.
    pub model: ModelName,
    /// The provider it is a model of.
    pub provider: ModelProvider,
}

/// The model that an agent is given when nobody names one.
#[must_use]
pub const fn default_model(agent: AgentKind) -> &'static str {
    match agent {
        AgentKind::Claude | AgentKind::Opencode | AgentKind::Pi | AgentKind::Acp => "claude-opus-5-5",
        AgentKind::Codex => "gpt-5.5",
    }
}

/// The providers whose interface an agent speaks, the one for names that say nothing last.
#[must_use]
pub const fn providers(agent: AgentKind) -> &'static [ModelProvider] {
    use ModelProvider::{Anthropic, Openai, Openrouter};
    match agent {
        AgentKind::Claude => &[Anthropic],
        AgentKind::Codex => &[Openai],
        AgentKind::Opencode | AgentKind::Pi | AgentKind::Acp => &[Anthropic, Openai, Openrouter],
    }
}

/// Where an agent reaches a model.
pub fn route(agent: AgentKind, model: &ModelName) -> Result<ModelRoute, UnreachableModel> {
    let spoken = providers(agent);
    let (said, name) = match explicit(model) {
        Some((provider, name)) => (Some(provider), name),
        None => (provider_by_name(model.as_str()), model.clone()),
    };
    match said {
        Some(provider) if spoken.contains(&provider) => Ok(ModelRoute { provider, name }),
        Some(provider) => Err(UnreachableModel {
            agent,
            model: model.clone(),
            provider,
        }),
        // A name of nobody in particular: one's own server behind the provider's interface, or one of OpenRouter's.
        None => Ok(ModelRoute {
            provider: spoken.last().copied().unwrap_or(ModelProvider::Openrouter),
            name,
        }),
    }
}

/// The provider that a name says itself, and the rest of it.
fn explicit(model: &ModelName) -> Option<(ModelProvider, ModelName)> {
    let (provider, name) = model.as_str().split_once('/')?;
    Some((provider.parse().ok()?, name.parse().ok()?))
}

/// The provider whose names look like this one.
fn provider_by_name(name: &str) -> Option<ModelProvider> {
    let is_o_series = || {
        let digit = name.strip_prefix('o').and_then(|rest| rest.bytes().next());
        digit.is_some_and(|byte| byte.is_ascii_digit())
    };
    if name.starts_with("claude-") {
        Some(ModelProvider::Anthropic)
    } else if name.starts_with("gpt-") || name.starts_with("codex-") || is_o_series() {
        Some(ModelProvider::Openai)
    } else {
        None
    }
}

fn use_instead(provider: &ModelProvider) -> String {
    let agents: Vec<&str> = AgentKind::ALL
        .into_iter()
        .filter(|agent| providers(*agent).contains(provider))
        .map(AgentKind::as_str)
        .collect();
    format!("agents that can are {}", agents.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(agent: AgentKind, model: &str) -> Result<(ModelProvider, String), String> {
        route(agent, &model.parse().unwrap())
            .map(|route| (route.provider, route.name.as_str().to_owned()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_prefix_names_the_provider_and_is_not_sent() {
        use ModelProvider::{Anthropic, Openai, Openrouter};
        for agent in [AgentKind::Opencode, AgentKind::Pi, AgentKind::Acp] {
            for (model, provider, name) in [
                ("anthropic/claude-opus-5-5", Anthropic, "claude-opus-5-5"),
                ("openai/my-own", Openai, "my-own"),
                (
                    "openrouter/anthropic/claude-opus-5-5",
                    Openrouter,
                    "anthropic/claude-opus-5-5",
                ),
                ("openrouter/gpt-5.5", Openrouter, "gpt-5.5"),
                ("claude-opus-5-5", Anthropic, "claude-opus-5-5"),
                ("gpt-5.5", Openai, "gpt-5.5"),
                ("o3", Openai, "o3"),
                ("codex-mini", Openai, "codex-mini"),
                ("opus", Openrouter, "opus"),
                ("meta-llama/llama-5", Openrouter, "meta-llama/llama-5"),
            ] {
                assert_eq!(routed(agent, model), Ok((provider, name.to_owned())), "{agent} {model}");
            }
        }
    }

    #[test]
    fn an_agent_of_one_provider_takes_its_models_and_those_of_nobody() {
        assert_eq!(
            routed(AgentKind::Claude, "opus"),
            Ok((ModelProvider::Anthropic, "opus".to_owned()))
        );
        assert_eq!(
            routed(AgentKind::Claude, "anthropic/gpt-like"),
            Ok((ModelProvider::Anthropic, "gpt-like".to_owned()))
        );
        assert_eq!(
            routed(AgentKind::Codex, "qwen-coder"),
            Ok((ModelProvider::Openai, "qwen-coder".to_owned()))
        );
    }

    #[test]
    fn a_model_the_agent_cannot_reach_is_refused_with_the_agents_that_can() {
        assert_eq!(
            routed(AgentKind::Claude, "gpt-5.5").unwrap_err(),
            "the agent claude cannot use the model `gpt-5.5` of openai; agents that can are opencode, codex, pi, acp"
        );
        assert_eq!(
            routed(AgentKind::Codex, "anthropic/claude-opus-5-5").unwrap_err(),
            "the agent codex cannot use the model `anthropic/claude-opus-5-5` of anthropic; agents that can are claude, \
             opencode, pi, acp"
        );
        assert!(routed(AgentKind::Claude, "openrouter/x").is_err());
    }

    #[test]
    fn every_agent_reaches_its_default() {
        for agent in AgentKind::ALL {
            assert!(routed(agent, default_model(agent)).is_ok(), "{agent}");
        }
    }

    #[test]
    fn a_prefix_with_nothing_behind_it_is_a_name_like_others() {
        assert_eq!(
            routed(AgentKind::Pi, "openai/"),
            Ok((ModelProvider::Openrouter, "openai/".to_owned()))
        );
    }
}
