//! A provider that says when to come back holds up the runs with its key and no others, and they go on by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::post;
use codecourier_domain::event::Event;
use codecourier_domain::failure::FailureClass;
use codecourier_domain::id::{ProjectId, RunId};
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::provider::{ModelProvider, Provider};
use codecourier_domain::run::{KeyLimit, PauseReason, RunStatus, resumes_at};
use codecourier_domain::time::Clock as _;
use codecourier_store::changes::Scope;
use codecourier_store::steps::StepStatus;
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::{self, Act, Gate, always, script};
use secrecy::SecretString;
use serde_json::json;

use crate::agents::{assert_failed, good, single};
use crate::settings::admin;
use crate::{model, story};

type Run = (ProjectId, RunId);

const KEY: &str = "sk-ant-0123456789-abcd";

/// A provider that turns requests away with a wait in seconds, as `limits` says for the key and the number of the
/// request with it.
async fn provider(limits: impl Fn(&str, u32) -> Option<u32> + Clone + Send + Sync + 'static) -> String {
    let asked = Arc::new(AtomicU32::new(0));
    let answer = move |headers: HeaderMap| {
        let key = headers["x-api-key"].to_str().unwrap().to_owned();
        let wait = limits(&key, asked.fetch_add(1, Ordering::SeqCst));
        async move {
            match wait {
                None => model::answer().into_response(),
                Some(seconds) => {
                    let error = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}});
                    let headers = [(header::RETRY_AFTER, seconds.to_string())];
                    (StatusCode::TOO_MANY_REQUESTS, headers, axum::Json(error)).into_response()
                }
            }
        }
    };
    model::serve(axum::Router::new().route("/v1/messages", post(answer))).await
}

async fn world(limits: impl Fn(&str, u32) -> Option<u32> + Clone + Send + Sync + 'static) -> World {
    let mut world = World::new(always(model::asking()));
    world.provider = Some(provider(limits).await);
    world.key = Some(KEY.to_owned());
    world
}

/// Waits until the run is paused for a limit, and gives it.
async fn paused(engine: &TestEngine, run: Run) -> KeyLimit {
    paused_anew(engine, run, None).await
}

/// Waits until the run is paused for another limit than this one.
async fn paused_anew(engine: &TestEngine, (project, run): Run, known: Option<KeyLimit>) -> KeyLimit {
    let store = engine.store();
    engine
        .ask(move |engine| async move {
            let mut changes = store.follow_changes(Scope::Project(project), 0);
            loop {
                let view = engine.runs().get(project, run).await.unwrap();
                if let Some(PauseReason::RateLimit { limit }) = view.state.pause()
                    && known.as_ref() != Some(limit)
                {
                    return limit.clone();
                }
                changes.next().await.unwrap();
            }
        })
        .await
}

fn count(world: &World, call: &str) -> usize {
    world.backend.calls().iter().filter(|made| made.what == call).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_waits_for_the_reset_with_all_it_has_and_goes_on_by_itself() {
    let world = world(|_, number| (number == 0).then_some(600)).await;
    let engine = world.start().await;
    let before = world.clock.now();
    let run = engine.start_run(single(&world)).await.unwrap();
    let limit = paused(&engine, run).await;
    assert_eq!(limit.provider, ModelProvider::Anthropic);
    assert_eq!(limit.last_four.as_deref(), Some("abcd"));
    let wait = limit.resets_at.since(before);
    assert!((600_000..610_000).contains(&wait), "{wait}");
    assert!(limit.resumes_at >= limit.resets_at && limit.resumes_at.since(limit.resets_at) < 60_000);
    for words in [
        "Anthropic key that ends in `abcd`",
        "goes on by itself",
        "UTC",
        "slow down",
    ] {
        assert!(limit.message.contains(words), "{}", limit.message);
    }
    // The request that was turned away is settled once its connection is gone.
    engine
        .until(run, |event| matches!(event, Event::ModelRequest { .. }))
        .await;
    let view = engine.view(run).await;
    assert_eq!(view.summary.status, RunStatus::Paused);
    assert_eq!(view.summary.totals.reserved.0, 0, "what waits reserves nothing");
    assert_eq!(world.backend.present().len(), 1, "its sandbox stays");

    // Not before its time, and a place is free meanwhile: another run with nothing to ask goes by.
    world.backend.play(always(good()));
    let other = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(other).await, RunStatus::Completed);
    assert_eq!(paused(&engine, run).await, limit);

    world.clock.advance(700_000);
    let third = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(third).await, RunStatus::Completed);
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let view = engine.view(run).await;
    assert_eq!(view.steps.len(), 1);
    assert_eq!(view.steps[0].row.attempt, 1, "the same attempt went on");
    assert_eq!(view.summary.totals.requests, 2);
    assert_eq!(
        view.summary.totals.spent.0,
        1_000 * 3 + 100 * 15,
        "what was turned away costs nothing"
    );
    assert_eq!(
        (count(&world, "pause"), count(&world, "resume")),
        (2, 2),
        "asked and answered"
    );
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wait_outlives_the_server() {
    let world = world(|_, number| (number == 0).then_some(600)).await;
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    let limit = paused(&engine, run).await;
    engine.kill().await;
    world.clock.advance(300_000);
    let engine = world.start().await;
    assert_eq!(paused(&engine, run).await, limit, "it still waits");
    engine.kill().await;
    world.clock.advance(400_000);
    let engine = world.start().await;
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    assert_eq!(engine.view(run).await.steps[0].row.attempt, 1);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_runs_with_that_key_wait_and_they_come_back_one_by_one() {
    let world = world(|key, number| (key == KEY && number < 4).then_some(1_000)).await;
    let engine = world.start().await;
    let mut runs = Vec::new();
    let mut moments = Vec::new();
    for _ in 0..4 {
        let run = engine.start_run(single(&world)).await.unwrap();
        let limit = paused(&engine, run).await;
        let told_at = limit.resets_at.plus_milliseconds(-1_000_000);
        assert_eq!(limit.resumes_at, resumes_at(run.1, told_at, limit.resets_at));
        moments.push(limit.resumes_at.since(limit.resets_at));
        runs.push(run);
    }
    moments.sort_unstable();
    moments.dedup();
    assert_eq!(moments.len(), 4, "each at a moment of its own");

    // The same project with another key from now on.
    set_key(&world, &engine, "sk-ant-another-key-wxyz").await;
    let other = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(other).await, RunStatus::Completed);
    engine.kill().await;
    world.clock.advance(2_000_000);
    let engine = world.start().await;
    for run in runs {
        assert_eq!(engine.wait(run).await, RunStatus::Completed);
    }
    engine.shut_down().await;
}

/// Gives the world's project another key.
async fn set_key(world: &World, engine: &TestEngine, key: &'static str) {
    let grant = admin(world, engine).await;
    let key = SecretString::from(key);
    let set =
        engine.ask(move |engine| async move { engine.provider_keys().set(&grant, Provider::Anthropic, key).await });
    set.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_wakes_the_runs_that_wait_for_the_one_before() {
    let day = 24 * 3_600;
    // One is held in its sandbox, the other waits without one.
    let world = world(move |key, number| (key == KEY).then_some(if number == 0 { 600 } else { day })).await;
    let engine = world.start().await;
    let held = engine.start_run(single(&world)).await.unwrap();
    let before = paused(&engine, held).await;
    let limited = engine.start_run(single(&world)).await.unwrap();
    paused(&engine, limited).await;
    let now = world.clock.now();
    set_key(&world, &engine, "sk-ant-another-key-wxyz").await;
    for run in [held, limited] {
        let limit = paused(&engine, run).await;
        let set_at = limit.resets_at;
        assert!((0..60_000).contains(&set_at.since(now)), "{limit:?}");
        // At once, and each at a moment of its own.
        assert_eq!(limit.resumes_at, resumes_at(run.1, set_at, set_at));
        assert!(
            limit.message.contains("another Anthropic key") && limit.message.contains("`wxyz`"),
            "{limit:?}"
        );
    }
    assert!(before.resumes_at.since(now) > 500_000);
    engine.kill().await;
    world.clock.advance(1_000);
    let engine = world.start().await;
    for run in [held, limited] {
        assert_eq!(engine.wait(run).await, RunStatus::Completed);
    }
    assert_eq!(
        engine.view(held).await.steps[0].row.attempt,
        1,
        "it went on where it was"
    );
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_does_not_begin_to_wait_for_a_key_that_was_just_replaced() {
    let world = world(|key, _| (key == KEY).then_some(600)).await;
    let gate = Gate::default();
    world.backend.hold("pause", gate.clone());
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    // The provider has said so; the run has not paused yet.
    gate.reached(1).await;
    set_key(&world, &engine, "sk-ant-another-key-wxyz").await;
    gate.open();
    let limit = paused(&engine, run).await;
    assert!(limit.resumes_at.since(world.clock.now()) <= 1_000, "{limit:?}");
    engine.kill().await;
    world.clock.advance(1_000);
    let engine = world.start().await;
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_that_outlasts_the_sandbox_is_waited_for_without_one() {
    let day = 24 * 3_600;
    let world = world(move |_, number| (number == 0).then_some(day)).await;
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    let limit = paused(&engine, run).await;
    let view = engine.view(run).await;
    assert_eq!(view.steps[0].row.status, StepStatus::Failed);
    assert_eq!(world.backend.present(), [], "no sandbox waits for a day");
    engine.kill().await;
    let engine = world.start().await;
    assert_eq!(paused(&engine, run).await, limit, "a restart changes nothing");
    engine.kill().await;
    world.clock.advance(i64::from(day) * 1_000 + 60_000);
    let engine = world.start().await;
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let attempts: Vec<u32> = engine
        .view(run)
        .await
        .steps
        .iter()
        .map(|step| step.row.attempt)
        .collect();
    assert_eq!(attempts, [1, 2]);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_limit_does_not_pass_while_a_step_waits_in_its_sandbox() {
    let world = world(|_, number| (number < 3).then_some(600)).await;
    let mut engine = world.start().await;
    let mut spec = single(&world);
    spec.limits = SandboxLimits::new(512, 1, 256, 1_024, 900).unwrap();
    let run = engine.start_run(spec).await.unwrap();
    let mut known = None;
    for _ in 0..3 {
        known = Some(paused_anew(&engine, run, known).await);
        engine.kill().await;
        world.clock.advance(700_000);
        engine = world.start().await;
    }
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    assert_eq!(
        engine.view(run).await.steps.len(),
        1,
        "each time it waited where it was"
    );
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_waits_can_be_cancelled_and_leaves_nothing() {
    let world = world(|_, _| Some(600)).await;
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    paused(&engine, run).await;
    engine.cancel(run).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Cancelled);
    assert_eq!(world.backend.present(), []);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_sandbox_can_be_paused_the_request_waits_at_the_gateway() {
    let world = world(|_, number| (number == 0).then_some(5)).await;
    world.backend.refuse("pause", 9);
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    assert_eq!(engine.view(run).await.summary.totals.requests, 1);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waits_at_the_gateway_goes_on_with_another_key() {
    // As long as one is let wait there, and longer than this test may take.
    let world = world(|key, _| (key == KEY).then_some(170)).await;
    let gate = Gate::default();
    world.backend.hold("pause", gate.clone());
    world.backend.refuse("pause", 9);
    let engine = world.start().await;
    let runs = [
        engine.start_run(single(&world)).await.unwrap(),
        engine.start_run(single(&world)).await.unwrap(),
    ];
    gate.reached(2).await;
    gate.open();
    set_key(&world, &engine, "sk-ant-another-key-wxyz").await;
    for run in runs {
        assert_eq!(engine.wait(run).await, RunStatus::Completed);
        let view = engine.view(run).await;
        assert_eq!(view.steps[0].row.attempt, 1, "the agent noticed nothing");
        assert_eq!(view.summary.totals.requests, 1);
        assert_eq!(view.summary.totals.spent.0, 1_000 * 3 + 100 * 15);
    }
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_is_named() {
    let (mut world, _) = model::world(401).await;
    world.key = Some(KEY.to_owned());
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    let words = "refuses the Anthropic key that ends in `abcd`";
    assert_failed(&world, &engine, run, FailureClass::ProviderAuth, words).await;
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_call_while_the_limit_is_hit_again_and_again() {
    kill_at_every_call(World::new(story_with_questions())).await;
}

/// The story, in which each agent asks its model first.
fn story_with_questions() -> fake_agent::Script {
    let story = fake_agent::designer_and_checker();
    script(move |call| {
        let mut acts = vec![Act::AskModel];
        acts.extend(story(call));
        acts
    })
}

async fn kill_at_every_call(mut world: World) {
    let is_limited = Arc::new(AtomicBool::new(true));
    let limited = Arc::clone(&is_limited);
    world.provider = Some(provider(move |_, _| limited.load(Ordering::SeqCst).then_some(30)).await);
    world.key = Some(KEY.to_owned());
    let mut engine = world.start().await;
    let run = engine.start_run(story::spec(&world)).await.unwrap();
    world.backend.stop_at_each();
    let (mut kills, mut waits, mut known) = (0, 0, None);
    loop {
        tokio::select! {
            _ = engine.wait(run) => break,
            _ = world.backend.stopped() => {}
            limit = paused_anew(&engine, run, known.clone()) => {
                // The next engine finds that its time has come.
                known = Some(limit);
                waits += 1;
                world.clock.advance(60_000);
                is_limited.store(false, Ordering::SeqCst);
            }
        }
        kills += 1;
        if kills % 60 == 0 {
            // For whichever agent asks next.
            is_limited.store(true, Ordering::SeqCst);
        }
        engine.kill().await;
        engine = loop {
            match world.start_unless_stopped().await {
                Ok(engine) => break engine,
                Err(_) => kills += 1,
            }
        };
    }
    story::assert_told_once(&world, &engine, run, &format!("{kills} kills")).await;
    assert!(
        kills > 100 && waits > 0,
        "{kills} kills, {waits} of them while it waited"
    );
    engine.shut_down().await;
}
