//! Settings between the wire and the engine.

use codecourier_domain::agent::{AgentKind, Effort, ModelName};
use codecourier_domain::check::{CheckSpec, Requirement};
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::model_route;
use codecourier_domain::money::MicroUsd;
use codecourier_engine::Error;
use codecourier_engine::agents::{AcpAgent, InvalidAcpCommand};
use codecourier_engine::error::sentence;
use codecourier_engine::runs::spec::Author;
use codecourier_engine::settings::{
    DEFAULT_DISCOVERY_PROMPT, DEFAULT_SANDBOX_PROMPT, SessionConfig, SessionType, SettingsPatch, SettingsView,
};
use codecourier_engine::templates::TemplateName;
use codecourier_wire::settings::{
    AcpSettings, AcpVariable, AgentName, EffortName, GitAuthor, ProjectCheck, ProjectLimits, SessionSettings,
    SessionTypes, SessionTypesChange, Settings, TemplateChoice, UpdateSettings,
};

use crate::agents::{agent_name, effort_name, template_choice};

pub(super) fn settings(view: SettingsView) -> Settings {
    let SettingsView {
        document,
        revision: _,
        updated_at,
        updated_by,
    } = view;
    let mut types = document.session_types;
    let mut of = |kind| types.remove(&kind).map(session);
    Settings {
        sandbox_prompt: document.sandbox_prompt,
        default_sandbox_prompt: DEFAULT_SANDBOX_PROMPT.to_owned(),
        instructions: document.instructions,
        discovery_prompt: document.discovery_prompt,
        default_discovery_prompt: DEFAULT_DISCOVERY_PROMPT.to_owned(),
        git_author: GitAuthor {
            name: document.git_author.name,
            email: document.git_author.email,
        },
        checks: document.checks.into_iter().map(check).collect(),
        setup_script: document.setup_script,
        agent: agent_name(document.agent),
        model: document.model.map(Into::into),
        default_model: model_route::default_model(document.agent).to_owned(),
        effort: document.effort.map(effort_name),
        acp: document.acp.map(acp),
        limits: limits(document.limits),
        run_budget_micro_usd: document.run_budget.0,
        session_types: SessionTypes {
            issue: of(SessionType::Issue),
            answering: of(SessionType::Answering),
            learning: of(SessionType::Learning),
            merging: of(SessionType::Merging),
            evaluator: of(SessionType::Evaluator),
            judge: of(SessionType::Judge),
        },
        updated_at: updated_at.map(Into::into),
        updated_by: updated_by.map(|actor| actor.to_string()),
    }
}

pub(super) fn patch(request: UpdateSettings) -> Result<SettingsPatch, Error> {
    let UpdateSettings {
        sandbox_prompt,
        instructions,
        discovery_prompt,
        git_author,
        checks,
        setup_script,
        agent,
        model,
        effort,
        acp,
        limits,
        run_budget_micro_usd,
        session_types,
    } = request;
    Ok(SettingsPatch {
        sandbox_prompt,
        instructions,
        discovery_prompt,
        git_author: git_author.map(|GitAuthor { name, email }| Author { name, email }),
        checks: checks.map(|checks| checks.into_iter().map(check_spec).collect()),
        setup_script,
        agent: agent.map(agent_kind),
        model: match model {
            Some(Some(name)) => Some(Some(model_name(&name, "model")?)),
            Some(None) => Some(None),
            None => None,
        },
        effort: effort.map(|effort| effort.map(effort_of)),
        acp: acp.map(|acp| acp.map(acp_agent).transpose()).transpose()?,
        limits: limits.map(sandbox_limits).transpose()?,
        run_budget: run_budget_micro_usd.map(MicroUsd),
        session_types: session_types.map(session_changes).transpose()?,
    })
}

type SessionChanges = std::collections::BTreeMap<SessionType, Option<SessionConfig>>;

fn session_changes(change: SessionTypesChange) -> Result<SessionChanges, Error> {
    let SessionTypesChange {
        issue,
        answering,
        learning,
        merging,
        evaluator,
        judge,
    } = change;
    let changes = [
        (SessionType::Issue, issue),
        (SessionType::Answering, answering),
        (SessionType::Learning, learning),
        (SessionType::Merging, merging),
        (SessionType::Evaluator, evaluator),
        (SessionType::Judge, judge),
    ];
    let named = changes.into_iter().filter_map(|(kind, change)| Some((kind, change?)));
    named
        .map(|(kind, change)| Ok((kind, change.map(|settings| session_config(kind, settings)).transpose()?)))
        .collect()
}

fn session(config: SessionConfig) -> SessionSettings {
    SessionSettings {
        agent: config.agent.map(agent_name),
        model: config.model.map(Into::into),
        effort: config.effort.map(effort_name),
        template: config.template,
        contexts: config.contexts,
        skills: config.skills,
        commands: config.commands,
        scripts: config.scripts,
    }
}

fn session_config(kind: SessionType, settings: SessionSettings) -> Result<SessionConfig, Error> {
    let field = format!("sessionTypes.{kind}.model");
    let model = settings.model.map(|name| model_name(&name, &field));
    Ok(SessionConfig {
        agent: settings.agent.map(agent_kind),
        model: model.transpose()?,
        effort: settings.effort.map(effort_of),
        template: settings.template,
        contexts: settings.contexts,
        skills: settings.skills,
        commands: settings.commands,
        scripts: settings.scripts,
    })
}

fn acp(agent: AcpAgent) -> AcpSettings {
    AcpSettings {
        command: agent.command.into(),
        template: template_choice(agent.template),
        environment: agent
            .environment
            .into_iter()
            .map(|(name, value)| AcpVariable { name, value })
            .collect(),
    }
}

fn acp_agent(settings: AcpSettings) -> Result<AcpAgent, Error> {
    let AcpSettings {
        command,
        template,
        environment,
    } = settings;
    let command = command
        .try_into()
        .map_err(|error: InvalidAcpCommand| Error::validation(sentence(&error.to_string())).of_field("acp.command"))?;
    Ok(AcpAgent {
        command,
        template: match template {
            TemplateChoice::Base => TemplateName::Base,
            TemplateChoice::Claude => TemplateName::Claude,
            TemplateChoice::Opencode => TemplateName::Opencode,
            TemplateChoice::Codex => TemplateName::Codex,
            TemplateChoice::Pi => TemplateName::Pi,
        },
        environment: environment
            .into_iter()
            .map(|AcpVariable { name, value }| (name, value))
            .collect(),
    })
}

fn check(spec: CheckSpec) -> ProjectCheck {
    ProjectCheck {
        name: spec.name,
        command: spec.command,
        required: spec.requirement.is_required(),
        timeout_seconds: spec.timeout_seconds,
    }
}

fn check_spec(check: ProjectCheck) -> CheckSpec {
    CheckSpec {
        name: check.name,
        command: check.command,
        requirement: Requirement::of(check.required),
        timeout_seconds: check.timeout_seconds,
    }
}

const fn limits(limits: SandboxLimits) -> ProjectLimits {
    ProjectLimits {
        memory_mb: limits.memory_mb(),
        cpus: limits.cpus(),
        processes: limits.processes(),
        disk_mb: limits.disk_mb(),
        timeout_seconds: limits.timeout_seconds(),
    }
}

fn sandbox_limits(limits: ProjectLimits) -> Result<SandboxLimits, Error> {
    let ProjectLimits {
        memory_mb,
        cpus,
        processes,
        disk_mb,
        timeout_seconds,
    } = limits;
    Ok(SandboxLimits::new(
        memory_mb,
        cpus,
        processes,
        disk_mb,
        timeout_seconds,
    )?)
}

fn model_name(text: &str, field: &str) -> Result<ModelName, Error> {
    text.parse()
        .map_err(|error: codecourier_domain::agent::InvalidModelName| {
            Error::validation(sentence(&error.to_string())).of_field(field)
        })
}

const fn agent_kind(name: AgentName) -> AgentKind {
    match name {
        AgentName::Claude => AgentKind::Claude,
        AgentName::Opencode => AgentKind::Opencode,
        AgentName::Codex => AgentKind::Codex,
        AgentName::Pi => AgentKind::Pi,
        AgentName::Acp => AgentKind::Acp,
    }
}

const fn effort_of(name: EffortName) -> Effort {
    match name {
        EffortName::Low => Effort::Low,
        EffortName::Medium => Effort::Medium,
        EffortName::High => Effort::High,
        EffortName::Xhigh => Effort::Xhigh,
        EffortName::Max => Effort::Max,
    }
}
