//! Stop means stopped: the token first, then every process, and the record says what was left.

use std::time::Duration;

use codecourier_domain::check::{CheckSpec, Requirement};
use codecourier_domain::event::{Event, Phase, PhaseState};
use codecourier_domain::id::{ProjectId, RunId, SandboxId};
use codecourier_domain::run::RunStatus;
use codecourier_domain::time::Clock as _;
use codecourier_engine::ErrorCode;
use codecourier_store::ledger::TokenHash;
use codecourier_store::steps::StepStatus;
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::{Act, Gate, always};

use crate::agents::{good, single};

/// Far below the lease: a kill that waits for one is no kill.
const SOON: Duration = Duration::from_secs(15);

async fn assert_cancelled(world: &World, engine: &TestEngine, run: (ProjectId, RunId), steps: usize) {
    let status = tokio::time::timeout(SOON, engine.wait(run))
        .await
        .expect("it stops soon");
    assert_eq!(status, RunStatus::Cancelled);
    let view = engine.view(run).await;
    assert_eq!(view.steps.len(), steps);
    assert_eq!(world.backend.present(), []);
    let events = engine.events(run).await;
    for step in &view.steps {
        assert_eq!(step.row.status, StepStatus::Cancelled);
        assert_eq!(step.row.sandbox, None);
        let killed: Vec<_> = events
            .iter()
            .filter(|event| event.step == Some(step.row.id))
            .filter_map(|event| match event.event {
                Event::Killed { survivors, .. } => Some(survivors),
                _ => None,
            })
            .collect();
        assert_eq!(killed, [0], "the record says that nothing is left");
    }
    assert_eq!(world.repository.git(["branch", "--list", "codecourier/*"]), "");
    let again = engine.cancel(run).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::Conflict);
    assert!(again.message.contains("cancelled"), "{again}");
}

/// Whether the token that an agent was started with still opens the gateway.
async fn token_is_good(world: &World, engine: &TestEngine, sandbox: SandboxId) -> bool {
    let environment = world.backend.environment_of(sandbox, "agent");
    let hash = TokenHash::of(&environment["ANTHROPIC_API_KEY"]);
    let now = world.clock.now();
    let store = engine.store();
    engine
        .ask(move |_| async move {
            store
                .read()
                .await
                .unwrap()
                .step_token(hash, now)
                .await
                .unwrap()
                .is_some()
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_run_is_prepared() {
    let world = World::new(always(good()));
    let gate = Gate::default();
    world.templates.hold(gate.clone());
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    gate.reached(1).await;
    engine.cancel(run).await.unwrap();
    assert_cancelled(&world, &engine, run, 0).await;
    gate.open();
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_agent_works() {
    let gate = Gate::default();
    let world = World::new(always(vec![Act::Pass(gate.clone()), Act::Hang]));
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    gate.reached(1).await;
    let sandbox = world.backend.present()[0];
    assert!(token_is_good(&world, &engine, sandbox).await);
    engine.cancel(run).await.unwrap();
    assert!(
        !token_is_good(&world, &engine, sandbox).await,
        "the token is dead at once"
    );
    assert_cancelled(&world, &engine, run, 1).await;
    engine.shut_down().await;
}

/// The call that makes the sandbox is under way: none may come to life after the kill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_sandbox_is_made_and_while_the_work_is_taken() {
    for held in ["create", "run clone", "run collect", "destroy"] {
        let world = World::new(always(good()));
        let gate = Gate::default();
        world.backend.hold(held, gate.clone());
        let engine = world.start().await;
        let run = engine.start_run(single(&world)).await.unwrap();
        gate.reached(1).await;
        engine.cancel(run).await.unwrap();
        gate.open();
        assert_cancelled(&world, &engine, run, 1).await;
        engine.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_check_runs() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let mut spec = single(&world);
    spec.checks = vec![CheckSpec {
        name: "slow".to_owned(),
        command: "sleep 1000".to_owned(),
        requirement: Requirement::Required,
        timeout_seconds: 600,
    }];
    let run = engine.start_run(spec).await.unwrap();
    let begun = |event: &Event| {
        matches!(
            event,
            Event::Phase {
                phase: Phase::Checks,
                state: PhaseState::Started,
                ..
            }
        )
    };
    engine.until(run, begun).await;
    engine.cancel(run).await.unwrap();
    assert_cancelled(&world, &engine, run, 1).await;
    engine.shut_down().await;
}

/// Asking again while the kill is under way must not call the kill off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_for_again_and_again() {
    let agent = Gate::default();
    let world = World::new(always(vec![Act::Pass(agent.clone()), Act::Hang]));
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    agent.reached(1).await;
    let gate = Gate::default();
    world.backend.hold("destroy", gate.clone());
    engine.cancel(run).await.unwrap();
    gate.reached(1).await;
    engine.cancel(run).await.unwrap();
    engine.cancel(run).await.unwrap();
    gate.open();
    assert_cancelled(&world, &engine, run, 1).await;
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_the_engine_dies_between_the_request_and_the_kill() {
    let gate = Gate::default();
    let world = World::new(always(vec![Act::Pass(gate.clone()), Act::Hang]));
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    gate.reached(1).await;
    let kill = Gate::default();
    world.backend.hold("destroy", kill.clone());
    engine.cancel(run).await.unwrap();
    kill.reached(1).await;
    engine.kill().await;
    assert_eq!(world.backend.present().len(), 1, "the agent is still alive");
    kill.open();
    let engine = world.start().await;
    assert_cancelled(&world, &engine, run, 1).await;
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_destroyed_now_is_tried_again() {
    let gate = Gate::default();
    let world = World::new(always(vec![Act::Pass(gate.clone()), Act::Hang]));
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    gate.reached(1).await;
    world.backend.refuse("destroy", 2);
    engine.cancel(run).await.unwrap();
    assert_cancelled(&world, &engine, run, 1).await;
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_not_there() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    let other = RunId::from_uuid(run.0.uuid());
    let error = engine.cancel((run.0, other)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    engine.shut_down().await;
}
