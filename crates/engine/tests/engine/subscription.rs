//! A subscription's token is handed to the unmodified Claude Code and is nowhere else.

use codecourier_domain::provider::Provider;
use codecourier_domain::run::RunStatus;
use codecourier_engine::Engine;
use codecourier_engine::access::ProjectGrant;
use codecourier_engine::runs::memo::Login;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{Act, Gate, always};
use secrecy::SecretString;

use crate::agents::{good, single};
use crate::model;
use crate::settings::admin;

const TOKEN: &str = "sk-ant-oat01-cAnArY-9b1e";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_in_the_sandboxs_memory_and_in_nothing_that_is_kept() {
    // An agent that says what it was handed.
    let mut acts = vec![Act::Say(format!("My login is {TOKEN}."))];
    acts.extend(good());
    let (address, _) = model::provider(200).await;
    let mut world = World::new(always(acts));
    world.provider = Some(address);
    world.key = Some("sk-ant-the-servers-own-key".to_owned());
    let engine = world.start().await;
    let grant = admin(&world, &engine).await;
    let set = engine.ask(move |engine| async move {
        let token = SecretString::from(TOKEN);
        engine
            .provider_keys()
            .set(&grant, Provider::AnthropicToken, token)
            .await
    });
    set.await.unwrap();
    let run = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);

    let sandbox = world.backend.created()[0];
    let environment = world.backend.environment_of(sandbox, "agent");
    assert!(
        !environment.values().any(|value| value.contains("cAnArY")),
        "{environment:?}"
    );
    assert!(
        !environment.keys().any(|name| name.starts_with("ANTHROPIC_")),
        "{environment:?}"
    );
    let command = world.backend.command_of(sandbox, "agent");
    assert!(command.iter().all(|word| !word.contains("cAnArY")), "{command:?}");
    assert!(
        command.contains(&"/dev/shm/codecourier-login".to_owned()),
        "{command:?}"
    );
    let written = world
        .backend
        .calls()
        .iter()
        .any(|call| call.what == "write_file /dev/shm/codecourier-login");
    assert!(written, "it was handed over in memory");

    let shown = format!("{:?} {:?}", engine.view(run).await, engine.events(run).await);
    assert!(shown.contains("My login is [secret]."), "{shown}");
    assert!(!shown.contains("cAnArY"), "{shown}");
    assert_eq!(
        engine.view(run).await.summary.totals.requests,
        0,
        "the gateway was not asked"
    );
    engine.shut_down().await;
    let mut found = Vec::new();
    crate::canary::files_with(world.path(), "cAnArY", &mut found);
    assert_eq!(found, Vec::<String>::new(), "nothing that is kept has it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_set_while_the_agent_works_is_the_next_steps() {
    let gate = Gate::default();
    let mut acts = vec![Act::Pass(gate.clone())];
    acts.extend(good());
    let mut world = World::new(always(acts));
    world.key = Some("sk-ant-the-servers-own-key".to_owned());
    let engine = world.start().await;
    let set = |provider, key: &'static str, engine: Engine, grant: ProjectGrant| async move {
        engine
            .provider_keys()
            .set(&grant, provider, SecretString::from(key))
            .await
    };
    let grant = admin(&world, &engine).await;
    let first = grant.clone();
    let token = engine.ask(move |engine| set(Provider::AnthropicToken, TOKEN, engine, first));
    token.await.unwrap();
    let run = engine.start_run(single(&world)).await.unwrap();
    gate.reached(1).await;
    let key = engine.ask(move |engine| set(Provider::Anthropic, "sk-ant-api03-the-projects-key", engine, grant));
    key.await.unwrap();
    // Whoever takes the step up again serves its agent what it was started with.
    engine.kill().await;
    let engine = world.start().await;
    gate.open();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let step = engine.view(run).await.steps.remove(0);
    assert_eq!(step.memo.login, Some(Login::Subscription));
    assert!(step.memo.reported.is_some(), "what it used is known by its own word");
    assert_eq!(world.backend.created().len(), 1, "it is the same sandbox");
    engine.shut_down().await;
}
