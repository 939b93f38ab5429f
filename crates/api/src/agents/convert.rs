//! Agents between the engine and the wire.

use codecourier_domain::agent::{AgentKind, Effort};
use codecourier_domain::provider::ModelProvider;
use codecourier_engine::agents::{AgentView, Capabilities, KeyPresence};
use codecourier_engine::templates::TemplateName;
use codecourier_wire::agents::{Agent, AgentCapabilities, AgentModel, AgentProvider, KeyHolder, ModelProviderName};
use codecourier_wire::settings::{AgentName, EffortName, TemplateChoice};

/// An agent as clients see it. For the command line too, which shows the same without a server.
#[must_use]
pub fn agent(view: AgentView) -> Agent {
    let AgentView {
        agent,
        template,
        version,
        tested_version,
        capabilities,
        default_model,
        models,
        providers,
        problem,
    } = view;
    let models = models.into_iter().map(|model| AgentModel {
        name: model.name,
        provider: provider_name(model.provider),
    });
    let providers = providers.into_iter().map(|(provider, key)| AgentProvider {
        provider: provider_name(provider),
        key: match key {
            KeyPresence::Project => KeyHolder::Project,
            KeyPresence::Server => KeyHolder::Server,
            KeyPresence::Missing => KeyHolder::None,
        },
    });
    Agent {
        id: agent_name(agent),
        name: agent.display_name().to_owned(),
        template: template_choice(template),
        version,
        tested_version: tested_version.to_owned(),
        default_model: default_model.to_owned(),
        models: models.collect(),
        providers: providers.collect(),
        efforts: capabilities.efforts.iter().copied().map(effort_name).collect(),
        capabilities: capabilities_of(&capabilities),
        available: problem.is_none(),
        problem,
    }
}

const fn capabilities_of(capabilities: &Capabilities) -> AgentCapabilities {
    // Destructured, so that what an adapter says of itself is told whole.
    let Capabilities {
        partial_text,
        thinking,
        steer,
        interrupt,
        follow_up,
        resume,
        efforts: _,
        turn_limit,
        mcp,
        skills,
        commands,
        images,
        cost,
        sub_agents,
    } = *capabilities;
    AgentCapabilities {
        partial_text: partial_text.is_yes(),
        thinking: thinking.is_yes(),
        steer: steer.is_yes(),
        interrupt: interrupt.is_yes(),
        follow_up: follow_up.is_yes(),
        resume: resume.is_yes(),
        turn_limit: turn_limit.is_yes(),
        mcp: mcp.is_yes(),
        skills: skills.is_yes(),
        commands: commands.is_yes(),
        images: images.is_yes(),
        sub_agents: sub_agents.is_yes(),
        cost: cost.is_yes(),
    }
}

pub(crate) const fn agent_name(kind: AgentKind) -> AgentName {
    match kind {
        AgentKind::Claude => AgentName::Claude,
        AgentKind::Opencode => AgentName::Opencode,
        AgentKind::Codex => AgentName::Codex,
        AgentKind::Pi => AgentName::Pi,
        AgentKind::Acp => AgentName::Acp,
    }
}

pub(crate) const fn effort_name(effort: Effort) -> EffortName {
    match effort {
        Effort::Low => EffortName::Low,
        Effort::Medium => EffortName::Medium,
        Effort::High => EffortName::High,
        Effort::Xhigh => EffortName::Xhigh,
        Effort::Max => EffortName::Max,
    }
}

pub(crate) const fn template_choice(template: TemplateName) -> TemplateChoice {
    match template {
        TemplateName::Base => TemplateChoice::Base,
        TemplateName::Claude => TemplateChoice::Claude,
        TemplateName::Opencode => TemplateChoice::Opencode,
        TemplateName::Codex => TemplateChoice::Codex,
        TemplateName::Pi => TemplateChoice::Pi,
    }
}

const fn provider_name(provider: ModelProvider) -> ModelProviderName {
    match provider {
        ModelProvider::Anthropic => ModelProviderName::Anthropic,
        ModelProvider::Openai => ModelProviderName::Openai,
        ModelProvider::Openrouter => ModelProviderName::Openrouter,
    }
}
