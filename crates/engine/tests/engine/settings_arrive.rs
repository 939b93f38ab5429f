//! Every setting of a project reaches a run that is started over the network and says nothing itself.

use std::path::Path;
use std::sync::{Arc, Mutex};

use codecourier_domain::agent::{AgentKind, Effort};
use codecourier_domain::check::{CheckSpec, Requirement};
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::revision::Revision;
use codecourier_domain::run::RunStatus;
use codecourier_engine::agents::AcpAgent;
use codecourier_engine::runs::request::RunRequest;
use codecourier_engine::runs::spec::Author;
use codecourier_engine::settings::{SessionConfig, SessionType, SettingsPatch};
use codecourier_engine::templates::TemplateName;
use codecourier_engine::variables::Secrecy;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::script;

use crate::agents::good;
use crate::settings::{admin, variable};

/// What an agent could read when it began: every file of its home, as text.
type Seen = Arc<Mutex<String>>;

fn read_all(directory: &Path, into: &mut String) {
    let mut entries: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            read_all(&path, into);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            into.push_str(&format!("\n== {}\n{text}", path.display()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_setting_reaches_a_run_that_says_nothing_itself() {
    let seen = Seen::default();
    let reader = Arc::clone(&seen);
    let world = World::new(script(move |call| {
        let mut all = format!("{}\n", call.prompt);
        read_all(call.project.parent().unwrap(), &mut all);
        *reader.lock().unwrap() = all;
        good()
    }));
    let engine = world.start().await;
    let admin = admin(&world, &engine).await;
    let limits = SandboxLimits::new(1024, 3, 321, 2048, 600).unwrap();
    let author = Author {
        name: "Clock Maker".to_owned(),
        email: "clock@example.org".to_owned(),
    };
    let check = CheckSpec {
        name: "sees everything".to_owned(),
        command: "test \"$PLAIN\" = tick && test \"$SECRET\" = 'a long secret' && test -f prepared.txt".to_owned(),
        requirement: Requirement::Required,
        timeout_seconds: 60,
    };
    let session = SessionConfig {
        effort: Some(Effort::Max),
        ..SessionConfig::default()
    };
    // Every field, so that a new one is thought of here.
    let patch = SettingsPatch {
        sandbox_prompt: Some(Some("Work like a clock.".to_owned())),
        instructions: Some("Speak like a clockmaker.".to_owned()),
        discovery_prompt: Some(Some("Look for broken clocks.".to_owned())),
        git_author: Some(author.clone()),
        checks: Some(vec![check.clone()]),
        setup_script: Some("echo \"$PLAIN $SECRET\" > prepared.txt; echo prepared.txt >> .git/info/exclude".to_owned()),
        agent: Some(AgentKind::Claude),
        model: Some(Some("claude-haiku-4-5".parse().unwrap())),
        effort: Some(Some(Effort::High)),
        // Only a run with that agent has it.
        acp: Some(Some(AcpAgent {
            command: vec!["agent".to_owned()].try_into().unwrap(),
            template: TemplateName::Base,
            environment: [].into(),
        })),
        limits: Some(limits),
        run_budget: Some(MicroUsd(7_000_000)),
        session_types: Some([(SessionType::Issue, Some(session))].into()),
    };
    let asked = engine.ask(move |engine| async move {
        engine.settings().update(&admin, Revision::FIRST, patch).await.unwrap();
        for (name, value, secrecy) in [
            ("PLAIN", "tick", Secrecy::Plain),
            ("SECRET", "a long secret", Secrecy::Secret),
        ] {
            engine
                .variables()
                .create(&admin, variable(name, value, secrecy))
                .await
                .unwrap();
        }
        let request = RunRequest {
            prompt: "Write the answer to answer.txt".to_owned(),
            workflow: "single".to_owned(),
            ..RunRequest::default()
        };
        let started = engine.runs().start_requested(&admin, request).await.unwrap();
        // What comes later alters no run that was started.
        let later = SettingsPatch {
            instructions: Some("Speak like a sailor.".to_owned()),
            ..SettingsPatch::default()
        };
        engine.settings().update(&admin, Revision(2), later).await.unwrap();
        (admin.project, started.summary.id)
    });
    let run = asked.await;
    assert_eq!(
        engine.wait(run).await,
        RunStatus::Completed,
        "{:?}",
        engine.view(run).await.state.failure()
    );
    let view = engine.view(run).await;
    assert_eq!(
        (view.spec.agent, view.spec.budget),
        (AgentKind::Claude, MicroUsd(7_000_000))
    );

    // The sandbox, the program in it, and its surroundings.
    let sandbox = world.backend.created()[0];
    assert_eq!(world.backend.limits_of(sandbox), Some(limits));
    let command = world.backend.command_of(sandbox, "agent").join(" ");
    for part in ["claude", "--model claude-haiku-4-5", "--effort high"] {
        assert!(command.contains(part), "`{part}` in {command}");
    }
    let environment = world.backend.environment_of(sandbox, "agent");
    assert_eq!(environment.get("PLAIN").map(String::as_str), Some("tick"));

    // What the agent is told, and finds.
    let seen = seen.lock().unwrap().clone();
    for (what, text) in [
        ("the sandbox prompt", "Work like a clock."),
        ("the instructions", "Speak like a clockmaker."),
        ("what the setup script made", "prepared.txt\ntick a long secret"),
    ] {
        assert!(seen.contains(text), "{what} in {seen}");
    }
    for other in ["sailor", "broken clocks"] {
        assert!(!seen.contains(other), "`{other}` is not for this run");
    }

    // What the platform does with the result.
    let checks = &view.steps[0].memo.checks;
    assert!(checks.len() == 1 && checks[0].passed(), "{checks:?}");
    let branch = view.pinned.unwrap().branch.to_string();
    let commit = world
        .repository
        .git(["log", "-1", "--format=%an <%ae>", branch.as_str()]);
    assert_eq!(commit.trim(), "Clock Maker <clock@example.org>");
    engine.shut_down().await;
}
