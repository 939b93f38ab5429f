//! `Idempotency-Key`, and limits on how fast anybody may ask.

use std::num::NonZeroU32;
use std::sync::Arc;

use codecourier_api::ApiConfig;
use codecourier_api::conventions::rate_limit::{Rate, RateLimits};
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::designer_and_checker;
use codecourier_testkit::server::{TestAnswer, TestServer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn start_run(server: &TestServer, token: &str, key: &str, prompt: &str) -> TestAnswer {
    let request = server.request(Method::POST, "/projects/shop/runs").bearer_auth(token);
    let request = request.header("idempotency-key", key).json(&json!({"prompt": prompt}));
    server.send(request).await
}

async fn run_count(server: &TestServer, token: &str) -> usize {
    let list = server.get(token, "/projects/shop/runs").await.json();
    list["data"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn the_same_request_with_the_same_key_takes_effect_once() {
    let server = TestServer::start().await;
    let ada = server.person("ada").await;
    let eve = server.person("eve").await;
    let shop = server.project(&ada, "shop").await;
    server
        .member(&shop, &eve, codecourier_domain::member::MemberRole::Member)
        .await;
    let (first, second) = tokio::join!(
        start_run(&server, &ada.token, "k-1", "Paint"),
        start_run(&server, &ada.token, "k-1", "Paint")
    );
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text);
    assert_eq!((first.status, &first.text), (second.status, &second.text));
    let third = start_run(&server, &ada.token, "k-1", "Paint").await;
    assert_eq!(
        (&third.text, &third.headers["idempotency-replayed"]),
        (&first.text, &"true".parse().unwrap())
    );
    assert_eq!(run_count(&server, &ada.token).await, 1);
    let other = start_run(&server, &ada.token, "k-1", "Mend").await;
    assert_eq!(
        (other.status, other.code().as_str()),
        (StatusCode::CONFLICT, "IDEMPOTENCY_MISMATCH")
    );
    // Another person's key of the same text is another key.
    let hers = start_run(&server, &eve.token, "k-1", "Paint").await;
    assert_ne!(hers.data()["id"], first.data()["id"]);
    server.world.clock.advance(24 * 60 * 60 * 1_000 + 1);
    let next_day = start_run(&server, &ada.token, "k-1", "Mend").await;
    assert_eq!(next_day.status, StatusCode::ACCEPTED, "{}", next_day.text);
}

#[tokio::test]
async fn errors_are_kept_too_and_a_key_has_a_shape() {
    let server = TestServer::start().await;
    let ada = server.person("ada").await;
    server.project(&ada, "shop").await;
    let first = start_run(&server, &ada.token, "k-1", " ").await;
    let second = start_run(&server, &ada.token, "k-1", " ").await;
    assert_eq!((first.code().as_str(), &first.text), ("VALIDATION", &second.text));
    for key in ["", " ", &"k".repeat(129)] {
        let answer = start_run(&server, &ada.token, key, "Paint").await;
        assert_eq!(answer.json()["error"]["field"], "Idempotency-Key", "{key:?}");
    }
    let nobody = start_run(&server, "ccs_nonsense", "k-2", "Paint").await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_request_whose_server_died_is_not_done_again() {
    let world = Arc::new(World::new(designer_and_checker()));
    let server = TestServer::start_in(Arc::clone(&world), ApiConfig::default()).await;
    let ada = server.person("ada").await;
    server.project(&ada, "shop").await;
    let done = start_run(&server, &ada.token, "done", "Paint").await;
    // The claim of a request that a server began, as it is when the server dies before the answer is kept.
    let body = serde_json::to_vec(&json!({"prompt": "Paint"})).unwrap();
    server.abandon_request(&ada, "begun", fingerprint(&body)).await;
    let TestServer { engine, .. } = server;
    engine.kill().await;
    let server = TestServer::start_in(world, ApiConfig::default()).await;
    let replayed = start_run(&server, &ada.token, "done", "Paint").await;
    assert_eq!(replayed.text, done.text, "an answer that was kept outlives the server");
    let begun = start_run(&server, &ada.token, "begun", "Paint").await;
    assert_eq!(begun.code(), "CONFLICT", "{}", begun.text);
    assert_eq!(run_count(&server, &ada.token).await, 1);
}

/// As the API makes it of this file's request.
fn fingerprint(body: &[u8]) -> String {
    use sha2::Digest as _;
    let mut digest = sha2::Sha256::new();
    for part in [&b"/api/v1/projects/shop/runs"[..], b"application/json", body] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    hex::encode(digest.finalize())
}

#[tokio::test]
async fn who_asks_too_fast_is_told_when_to_come_back_and_others_are_not_held_up() {
    let few = |burst| Rate {
        burst: NonZeroU32::new(burst).unwrap(),
        per_minute: NonZeroU32::new(1).unwrap(),
    };
    let config = ApiConfig {
        rate_limits: RateLimits {
            principal: few(4),
            address: few(2),
            sign_in: few(1),
        },
        ..ApiConfig::default()
    };
    let server = TestServer::start_in(Arc::new(World::new(designer_and_checker())), config).await;
    let (ada, bob) = (server.person("ada").await, server.person("bob").await);
    for left in (0..4).rev() {
        let answer = server.get(&ada.token, "/whoami").await;
        assert_eq!(answer.headers["ratelimit-remaining"], left.to_string().as_str());
        assert_eq!(answer.headers["ratelimit-limit"], "4");
    }
    let refused = server.get(&ada.token, "/whoami").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED")
    );
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(refused.json()["error"]["retryable"], Value::Bool(true));
    assert_eq!(server.get(&bob.token, "/whoami").await.status, StatusCode::OK);
    // Those who prove nothing share what their address has.
    assert_eq!(
        server.get("ccs_guess", "/whoami").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        server.get("cc_live_guess", "/whoami").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        server.get("a.b.c", "/whoami").await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(server.get(&bob.token, "/whoami").await.status, StatusCode::OK);
}

/// Far more than the buffers of a connection hold, so that the server answers while the client is still sending.
const MUCH: usize = 12 * 1024 * 1024;

#[tokio::test]
async fn who_sends_too_much_or_may_not_send_hears_so_and_not_a_broken_connection() {
    let server = TestServer::start().await;
    let ada = server.person("ada").await;
    server.project(&ada, "shop").await;
    let much = || reqwest::Body::from(vec![b'x'; MUCH]);
    let in_pieces = || {
        let piece = || Ok::<_, std::io::Error>(vec![b'x'; MUCH / 64]);
        reqwest::Body::wrap_stream(futures::stream::iter((0..64).map(move |_| piece())))
    };
    let send = async |token: &str, body: reqwest::Body| {
        let request = server.request(Method::POST, "/projects/shop/images").bearer_auth(token);
        // A connection of its own: nothing that an earlier answer left behind decides.
        let request = request.header("connection", "close");
        server
            .send(request.header("content-type", "image/png").body(body))
            .await
    };
    for _ in 0..8 {
        assert_eq!(send(&ada.token, much()).await.code(), "TOO_LARGE");
        assert_eq!(send(&ada.token, in_pieces()).await.code(), "TOO_LARGE");
        assert_eq!(send("nobody", much()).await.code(), "AUTH_INVALID");
        assert_eq!(send("nobody", in_pieces()).await.code(), "AUTH_INVALID");
    }
}
