//! What passes through unchanged, and how.

use codecourier_gateway::{Mode, Outcome};
use serde_json::json;

use crate::harness::{House, PATIENCE, REAL_KEY, Wishes, prompt};

#[tokio::test]
async fn a_stream_is_the_providers_to_the_byte() {
    let house = House::new().await;
    let request = prompt("@@think Hm.\n@@say Ünïcode 🦀 text that takes several events.\n@@bash ls -l");
    let through = house.ask(&request).await;
    assert_eq!(through.status(), 200);
    assert_eq!(through.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert!(through.headers().contains_key("request-id"));
    assert!(through.headers().contains_key("codecourier-request-id"));
    let through = through.bytes().await.unwrap();
    let direct = house
        .client
        .post(format!("{}/v1/messages", house.model.base_url()))
        .header("x-api-key", REAL_KEY)
        .json(&request)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(through, direct);
}

#[tokio::test]
async fn a_json_answer_and_a_count_pass_too() {
    let house = House::new().await;
    let mut request = prompt("@@say Hello.");
    request["stream"] = json!(false);
    let answer: serde_json::Value = house.ask(&request).await.json().await.unwrap();
    assert_eq!(answer["content"][0]["text"], "Hello.");
    let count: serde_json::Value = house
        .post("/v1/messages/count_tokens", house.token.expose(), &request)
        .await
        .json()
        .await
        .unwrap();
    assert!(count["input_tokens"].as_u64().unwrap() > 0);
    assert_eq!(house.model.requests()[1].path, "/v1/messages/count_tokens");
    house.gateway.settled(&house.step).await;
    assert_eq!(house.books.settled().len(), 1, "counting is free");
}

#[tokio::test]
async fn the_provider_sees_the_agents_request_and_the_real_key_and_nothing_else_of_the_agent() {
    let house = House::new().await;
    let request = prompt("@@say x");
    let sent = house
        .client
        .post(format!("{}/v1/messages?beta=true", house.url))
        .header("authorization", format!("Bearer {}", house.token.expose()))
        .header("cookie", "session=canary-cookie")
        .header("proxy-authorization", "Basic canary-proxy")
        .header("x-forwarded-for", "10.0.0.1")
        .header("accept-encoding", "gzip, br")
        .header("anthropic-version", "2023-06-01")
        .header("anthropic-beta", "one,two")
        .header("user-agent", "claude-cli/2.1.330")
        .header("x-stainless-retry-count", "1")
        .json(&request)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    let logged = house.model.requests().remove(0);
    assert_eq!(logged.path, "/v1/messages?beta=true");
    assert_eq!(logged.json(), request);
    assert_eq!(logged.headers["x-api-key"], REAL_KEY);
    assert_eq!(logged.headers["accept-encoding"], "identity");
    assert_eq!(logged.headers["user-agent"], "claude-cli/2.1.330");
    assert_eq!(logged.headers["anthropic-beta"], "one,two");
    assert_eq!(logged.headers["x-stainless-retry-count"], "1");
    for name in ["authorization", "cookie", "proxy-authorization", "x-forwarded-for"] {
        assert!(!logged.headers.contains_key(name), "{name} went on");
    }
    let everything = format!("{:?}{:?}", logged.headers, logged.body);
    assert!(!everything.contains(house.token.expose()), "the step token went on");
}

#[tokio::test]
async fn each_piece_of_a_stream_is_passed_on_before_the_next_exists() {
    let house = House::with(Wishes {
        scenario: "hang-stream",
        ..Wishes::default()
    })
    .await;
    let mut answer = house
        .ask(&prompt("@@say The stream stops after its first words."))
        .await;
    let mut got = String::new();
    while !got.contains("text_delta") {
        let piece = tokio::time::timeout(PATIENCE, answer.chunk())
            .await
            .expect("held back")
            .unwrap()
            .unwrap();
        got.push_str(std::str::from_utf8(&piece).unwrap());
    }
    assert!(got.starts_with("event: message_start"));
    assert_eq!(house.books.open(), 1);
}

#[tokio::test]
async fn a_check_of_the_address_is_answered_here() {
    let house = House::with(Wishes {
        base_url: Some("http://127.0.0.1:1".to_owned()),
        ..Wishes::default()
    })
    .await;
    let head = house
        .client
        .head(format!("{}/api/hello", house.url))
        .send()
        .await
        .unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.bytes().await.unwrap().len(), 0);
    assert_eq!(
        house
            .client
            .get(format!("{}/api/hello", house.url))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn nothing_but_the_listed_paths_reaches_the_provider() {
    let house = House::new().await;
    for path in [
        "/v1/responses",
        "/v1/messages/batches",
        "/v1/files",
        "/v1/messages/../files",
        "//v1/messages",
    ] {
        let answer = house.post(path, house.token.expose(), &json!({})).await;
        assert_eq!(answer.status(), 404, "{path}");
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["type"], "not_found_error");
    }
    let get = house
        .client
        .get(format!("{}/v1/messages", house.url))
        .send()
        .await
        .unwrap();
    assert_eq!(get.status(), 405);
    assert!(house.model.requests().is_empty());
}

#[tokio::test]
async fn a_big_body_passes_and_a_bigger_one_is_refused_in_the_providers_shape() {
    let house = House::with(Wishes {
        configure: |config| {
            config.limits.request_body_bytes = 2 * 1024 * 1024;
        },
        ..Wishes::default()
    })
    .await;
    let sized = |bytes: usize| prompt(&format!("@@say ok\n{}", "x".repeat(bytes)));
    assert_eq!(house.ask(&sized(1024 * 1024)).await.status(), 200);
    let refused = house.ask(&sized(3 * 1024 * 1024)).await;
    assert_eq!(refused.status(), 413);
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["type"], "request_too_large");
    assert_eq!(house.model.requests().len(), 1);
}

#[tokio::test]
async fn an_event_of_megabytes_passes_and_is_metered() {
    let house = House::new().await;
    let answer = house.ask(&prompt("@@bigline 3000000")).await;
    let body = answer.bytes().await.unwrap();
    assert!(body.len() > 3_000_000);
    let settlement = house.settlement().await;
    assert_eq!((settlement.outcome, settlement.tokens.output), (Outcome::Complete, 20));
}

#[tokio::test]
async fn a_bearer_key_goes_into_the_other_header() {
    use codecourier_gateway::{ProviderKey, SingleKey};
    let house = House::with(Wishes {
        keys: Some(std::sync::Arc::new(SingleKey(Some(ProviderKey::bearer(REAL_KEY))))),
        mode: Mode::Live,
        ..Wishes::default()
    })
    .await;
    assert_eq!(house.ask(&prompt("@@say x")).await.status(), 200);
    let logged = house.model.requests().remove(0);
    assert_eq!(logged.headers["authorization"], format!("Bearer {REAL_KEY}"));
    assert!(!logged.headers.contains_key("x-api-key"));
}
