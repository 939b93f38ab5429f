//! A provider of models that answers as a test says, and the use of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::Json;
use axum::http::StatusCode;
use axum::routing::post;
use codecourier_domain::event::Event;
use codecourier_domain::failure::FailureClass;
use codecourier_domain::run::RunStatus;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{Act, always};
use serde_json::json;

use crate::agents::{assert_failed, good, single};

/// An agent that asks its model first.
pub(crate) fn asking() -> Vec<Act> {
    let mut acts = vec![Act::AskModel];
    acts.extend(good());
    acts
}

/// Starts a provider that answers with this status; it ends with the test's runtime. Gives its address and the status.
pub(crate) async fn provider(status: u16) -> (String, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(status));
    let answers = Arc::clone(&status);
    let respond = move || {
        let status = StatusCode::from_u16(answers.load(Ordering::SeqCst)).unwrap();
        async move {
            if status.is_success() {
                return (status, answer());
            }
            let kind = match status.as_u16() {
                400 => "invalid_request_error",
                401 => "authentication_error",
                429 => "rate_limit_error",
                _ => "overloaded_error",
            };
            let error = json!({"type": "error", "error": {"type": kind, "message": "not today"}});
            (status, Json(error))
        }
    };
    let address = serve(axum::Router::new().route("/v1/messages", post(respond))).await;
    (address, status)
}

/// A model's answer.
pub(crate) fn answer() -> Json<serde_json::Value> {
    Json(json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 1_000, "output_tokens": 100},
    }))
}

/// Serves until the test's runtime ends. Gives the address.
pub(crate) async fn serve(app: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
    tasks.detach_all();
    address
}

pub(crate) async fn world(status: u16) -> (World, Arc<AtomicU16>) {
    let (address, status) = provider(status).await;
    let mut world = World::new(always(asking()));
    world.provider = Some(address);
    world.key = Some("sk-ant-canary".to_owned());
    (world, status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_used_is_in_its_totals_and_events() {
    let (world, _) = world(200).await;
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let totals = engine.view(run).await.summary.totals;
    assert_eq!(totals.requests, 1);
    assert_eq!((totals.tokens.input, totals.tokens.output), (1_000, 100));
    // Three dollars a million in, fifteen out.
    assert_eq!(totals.spent.0, 1_000 * 3 + 100 * 15);
    assert_eq!(totals.reserved.0, 0);
    let events = engine.events(run).await;
    let requests = events.iter().filter(
        |event| matches!(&event.event, Event::ModelRequest { cost, priced: true, .. } if *cost == totals.spent),
    );
    assert_eq!(requests.count(), 1);
    // The real key is nowhere that a reader of the run could look.
    assert!(!format!("{events:?}").contains("canary"));
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_refuses_is_classed_by_the_gateway() {
    let cases = [
        (401, FailureClass::ProviderAuth, "not today. Check the key"),
        (429, FailureClass::ProviderRateLimit, "not today. Start fewer runs"),
        (529, FailureClass::ProviderOverload, "not today. Try again later"),
        (
            400,
            FailureClass::ProviderRequest,
            "not today. Check the name of the model",
        ),
    ];
    for (status, class, words) in cases {
        let (world, _) = world(status).await;
        let engine = world.start().await;
        let run = engine.start_run(single(&world)).await.unwrap();
        assert_failed(&world, &engine, run, class, words).await;
        engine.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_key_and_a_provider_that_is_not_there_say_so() {
    let (mut without_key, _) = world(200).await;
    without_key.key = None;
    let engine = without_key.start().await;
    let run = engine.start_run(single(&without_key)).await.unwrap();
    assert_failed(&without_key, &engine, run, FailureClass::ProviderAuth, "key").await;
    engine.shut_down().await;

    let (mut away, _) = world(200).await;
    // The port of a listener that is gone.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    away.provider = Some(format!("http://{port}"));
    let engine = away.start().await;
    let run = engine.start_run(single(&away)).await.unwrap();
    assert_failed(
        &away,
        &engine,
        run,
        FailureClass::ProviderUnreachable,
        "Check the network",
    )
    .await;
    engine.shut_down().await;
}
