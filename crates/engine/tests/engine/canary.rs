//! A marked secret in every field that may hold one, and a search for it in everything that is written.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codecourier_domain::permission::{Permission, Resource};
use codecourier_domain::provider::Provider;
use codecourier_domain::run::RunStatus;
use codecourier_engine::access::Credential;
use codecourier_engine::api_keys::NewApiKey;
use codecourier_engine::variables::{Secrecy, VariableChange};
use codecourier_testkit::fake_agent::{Act, script};
use secrecy::SecretString;

use crate::model;
use crate::settings::{admin, spec_of_project, variable};

/// In every secret, and in nothing else.
const CANARY: &str = "cAnArY7f3e";

/// What is logged, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The files below a directory that hold a text.
pub(crate) fn files_with(directory: &Path, text: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_with(&path, text, found);
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(text.len()).any(|window| window == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_nowhere_but_in_the_sandbox_it_is_for() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let (provider_key, secret) = (
        format!("sk-ant-{CANARY}-key-0001"),
        format!("{CANARY}-\"quoted\" value"),
    );
    let (address, _) = model::provider(200).await;
    // An agent that tells everything it knows, in every way it can.
    let told = secret.clone();
    let mut world = codecourier_testkit::engine::World::new(script(move |_| {
        vec![
            Act::AskModel,
            Act::Say(format!("The value is {told}.")),
            Act::Pieces(vec![told.clone()]),
            Act::Tool {
                name: "Bash".to_owned(),
                output: serde_json::json!({ "env": told }).to_string(),
            },
            Act::Look {
                name: "Read".to_owned(),
                picture: format!("GIF89a{told}").into_bytes(),
            },
            Act::Complain(format!("warning: {told}\n")),
            Act::Write {
                path: "answer.txt".to_owned(),
                content: "42\n".to_owned(),
            },
            Act::EndTurn(format!("I am done with {told}.")),
        ]
    }));
    world.provider = Some(address);
    let engine = world.start().await;
    let admin = admin(&world, &engine).await;

    let (owner, key, value) = (
        admin.clone(),
        SecretString::from(provider_key.as_str()),
        SecretString::from(secret.as_str()),
    );
    let mut shown = engine
        .ask(move |engine| async move {
            let mut shown = String::new();
            let mut show = |what: &dyn std::fmt::Debug| writeln!(shown, "{what:?}").unwrap();
            for provider in Provider::ALL {
                show(&engine.provider_keys().set(&owner, provider, key.clone()).await);
            }
            show(&engine.provider_keys().list(&owner).await);
            show(&engine.provider_keys().validate(&owner, Provider::Anthropic).await);
            let new = variable("TOKEN", "x", Secrecy::Secret);
            let new = codecourier_engine::variables::NewVariable { value, ..new };
            show(&new);
            let made = engine.variables().create(&owner, new.clone()).await.unwrap();
            show(&made);
            let change = VariableChange {
                value: Some(new.value.clone()),
                secrecy: None,
            };
            show(&change);
            show(&engine.variables().update(&owner, made.id, change).await);
            show(&engine.variables().create(&owner, new).await);
            show(&engine.variables().list(&owner).await);
            show(&engine.settings().run_defaults(&owner).await);
            shown
        })
        .await;

    let mut spec = spec_of_project(&world, &engine, &admin).await;
    spec.setup.setup_script = Some("echo \"$TOKEN\"; echo \"$TOKEN\" >&2".to_owned());
    spec.checks = vec![codecourier_domain::check::CheckSpec {
        name: "print".to_owned(),
        command: "echo \"$TOKEN\"; test -n \"$TOKEN\"".to_owned(),
        requirement: codecourier_domain::check::Requirement::Required,
        timeout_seconds: 60,
    }];
    writeln!(shown, "{spec:?}").unwrap();
    let run = engine.start_run(spec.clone()).await.unwrap();
    assert_eq!(
        engine.wait(run).await,
        RunStatus::Completed,
        "{:?}",
        engine.view(run).await.state.failure()
    );
    let sandbox = world.backend.created()[0];
    let environment = world.backend.environment_of(sandbox, "agent");
    assert_eq!(environment.get("TOKEN"), Some(&secret), "the sandbox has it");
    let journal = String::from_utf8(world.backend.journal_of(sandbox, "agent")).unwrap();
    assert!(journal.contains(CANARY), "the agent told it");
    spec.setup.setup_script = Some("echo \"no: $TOKEN\"; exit 7".to_owned());
    let failing = engine.start_run(spec).await.unwrap();
    assert_eq!(engine.wait(failing).await, RunStatus::Failed);
    for run in [run, failing] {
        writeln!(shown, "{:?} {:?}", engine.view(run).await, engine.events(run).await).unwrap();
    }
    assert!(
        shown.contains("The value is [secret]."),
        "what was recorded is there, without the secret"
    );
    assert!(
        shown.contains("no: [secret]"),
        "the script's last words are there, without the secret"
    );

    // A token of an API key is made by the platform, so it marks itself.
    let new = NewApiKey {
        name: "ci".parse().unwrap(),
        permissions: vec![Permission::read(Resource::Runs)],
        lifetime: None,
    };
    let (made, more) = engine
        .ask(move |engine| async move {
            let made = engine.api_keys().create(&admin, new).await.unwrap();
            let rotated = engine
                .api_keys()
                .rotate(&admin, made.key.key.id, Duration::from_secs(60))
                .await
                .unwrap();
            let credential = Credential::ApiKey(made.token.clone());
            let holder = engine.access().authenticate(&credential).await.unwrap();
            let list = engine.api_keys().list(&admin, None, 10).await.unwrap();
            let shown = format!("{made:?} {rotated:?} {credential:?} {holder:?} {list:?}");
            (made, shown)
        })
        .await;
    shown.push_str(&more);
    let token = made.token.expose()[made.key.key.display_prefix.len()..].to_owned();
    engine.shut_down().await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("TRACE"), "every level was listened to");
    for secret in [CANARY, token.as_str()] {
        assert!(!shown.contains(secret), "{shown}");
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "nothing logged it");
        let mut found = Vec::new();
        files_with(world.path(), secret, &mut found);
        assert_eq!(
            found,
            Vec::<String>::new(),
            "database, blobs, mirrors, scratch: nothing has it on the disk"
        );
    }
}
