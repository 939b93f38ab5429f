//! What a settings document may hold, and that old ones are read.

use codecourier_domain::agent::AgentKind;
use codecourier_domain::check::{CheckSpec, Requirement};
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::money::MicroUsd;

use super::document::{DEFAULT_DISCOVERY_PROMPT, DEFAULT_SANDBOX_PROMPT, SessionConfig, SessionType, SettingsDocument};
use super::validate::validate;
use crate::agents::AcpAgent;
use crate::runs::spec::Author;
use crate::templates::TemplateName;

fn refused_field(change: impl FnOnce(&mut SettingsDocument)) -> String {
    let mut document = SettingsDocument::default();
    change(&mut document);
    validate(&document, None).unwrap_err().field.unwrap_or_default()
}

fn check(name: &str) -> CheckSpec {
    CheckSpec {
        name: name.to_owned(),
        command: "true".to_owned(),
        requirement: Requirement::Required,
        timeout_seconds: 60,
    }
}

#[test]
fn what_ships_is_sound_and_documents_of_earlier_versions_are_read() {
    validate(&SettingsDocument::default(), None).unwrap();
    assert_eq!(
        serde_json::from_str::<SettingsDocument>("{}").unwrap(),
        SettingsDocument::default()
    );
    for prompt in [DEFAULT_SANDBOX_PROMPT, DEFAULT_DISCOVERY_PROMPT] {
        assert!(prompt.len() > 400 && prompt.len() < 4_000, "a default that is of use");
    }
    for kind in SessionType::ALL {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
}

#[test]
fn whatever_is_refused_is_refused_by_the_name_of_its_field() {
    let long = "x".repeat(50_001);
    assert_eq!(
        refused_field(|it| it.sandbox_prompt = Some(long.clone())),
        "sandboxPrompt"
    );
    assert_eq!(refused_field(|it| it.instructions = "a\0b".to_owned()), "instructions");
    assert_eq!(
        refused_field(|it| it.discovery_prompt = Some(long.clone())),
        "discoveryPrompt"
    );
    assert_eq!(refused_field(|it| it.setup_script = long.clone()), "setupScript");
    assert_eq!(refused_field(|it| it.agent = AgentKind::Acp), "agent");
    assert_eq!(refused_field(|it| it.run_budget = MicroUsd(0)), "runBudgetMicroUsd");
    let author = |name: &str, email: &str| Author {
        name: name.to_owned(),
        email: email.to_owned(),
    };
    assert_eq!(refused_field(|it| it.git_author = author(" ", "a@b")), "gitAuthor.name");
    assert_eq!(
        refused_field(|it| it.git_author = author("A", "a\nb")),
        "gitAuthor.email"
    );
    let check_field = |check: CheckSpec| refused_field(|it| it.checks = vec![super::tests::check("first"), check]);
    assert_eq!(check_field(check("")), "checks.1.name");
    assert_eq!(check_field(check("first")), "checks.1.name");
    let no_command = CheckSpec {
        command: " ".to_owned(),
        ..check("a")
    };
    assert_eq!(check_field(no_command), "checks.1.command");
    let endless = CheckSpec {
        timeout_seconds: 0,
        ..check("a")
    };
    assert_eq!(check_field(endless), "checks.1.timeoutSeconds");
    assert_eq!(
        refused_field(|it| it.checks = (0..21).map(|number| check(&number.to_string())).collect()),
        "checks"
    );
    let session_field = |config: SessionConfig| {
        refused_field(|it| {
            it.session_types.insert(SessionType::Merging, config);
        })
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        session_field(SessionConfig {
            template: Some("../x".to_owned()),
            ..SessionConfig::default()
        }),
        "sessionTypes.merging.template"
    );
    assert_eq!(
        session_field(SessionConfig {
            skills: names(&["a", "a"]),
            ..SessionConfig::default()
        }),
        "sessionTypes.merging.skills.1"
    );
    assert_eq!(
        session_field(SessionConfig {
            agent: Some(AgentKind::Acp),
            ..SessionConfig::default()
        }),
        "sessionTypes.merging.agent"
    );
}

#[test]
fn what_is_asked_of_an_agent_is_what_it_can_do() {
    assert_eq!(refused_field(|it| it.model = "gpt-5.5".parse().ok()), "model");
    let commands = |agent| SessionConfig {
        agent: Some(agent),
        commands: vec!["ship".to_owned()],
        ..SessionConfig::default()
    };
    let mut document = SettingsDocument::default();
    document
        .session_types
        .insert(SessionType::Judge, commands(AgentKind::Codex));
    let error = validate(&document, None).unwrap_err();
    assert_eq!(error.field.as_deref(), Some("sessionTypes.judge.commands"));
    assert_eq!(
        error.message,
        "The agent codex takes no commands; agents that can are claude, opencode, pi."
    );
    document
        .session_types
        .insert(SessionType::Judge, commands(AgentKind::Pi));
    validate(&document, None).unwrap();
}

#[test]
fn the_agent_acp_needs_a_command_of_the_project_or_of_the_server() {
    let acp = AcpAgent {
        command: vec!["agent".to_owned()].try_into().unwrap(),
        template: TemplateName::default(),
        environment: [("A B".to_owned(), String::new())].into(),
    };
    let of_server = AcpAgent {
        environment: [].into(),
        ..acp.clone()
    };
    let mut document = SettingsDocument {
        agent: AgentKind::Acp,
        ..SettingsDocument::default()
    };
    validate(&document, Some(&of_server)).unwrap();
    document.acp = Some(of_server);
    validate(&document, None).unwrap();
    document.acp = Some(acp);
    let error = validate(&document, None).unwrap_err();
    assert_eq!(error.field.as_deref(), Some("acp.environment"));
}

#[test]
fn a_limit_out_of_its_range_is_refused_by_its_name() {
    let error: crate::Error = SandboxLimits::new(1, 1, 64, 64, 60).unwrap_err().into();
    assert_eq!(error.field.as_deref(), Some("limits.memoryMb"));
}
