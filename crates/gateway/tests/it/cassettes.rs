//! Recording and replaying whole conversations.

use std::path::Path;
use std::sync::Arc;

use codecourier_domain::failure::FailureClass;
use codecourier_domain::usage::Tokens;
use codecourier_gateway::{Cassette, GatewayEvent, Metering, Mode, Outcome, SingleKey, Traffic};
use serde_json::{Value, json};

use crate::harness::{House, Wishes, prompt};

const SCRIPT: &str = "Session 0c5e21b6-7d66-4b34-b37e-2a2f04f24b1b\n@@usage input=11 output=7\n@@think Hm.\n@@bash ls\n@@say Two files.\n@@bash cargo test\n@@say All passed.";

async fn recording(tape: &Path) -> House {
    House::with(Wishes {
        mode: Mode::Record(tape.to_owned()),
        ..Wishes::default()
    })
    .await
}

/// A house with no key and no provider.
async fn replaying(cassette: Cassette) -> House {
    House::with(Wishes {
        mode: Mode::Replay(Arc::new(cassette)),
        base_url: Some("http://127.0.0.1:1".to_owned()),
        keys: Some(Arc::new(SingleKey(None))),
        ..Wishes::default()
    })
    .await
}

/// Plays an agent: asks, runs "tools", asks again, until the model says no more calls. Gives every answer's bytes.
async fn converse(house: &House, script: &str, result: impl Fn(usize) -> String) -> Vec<Vec<u8>> {
    let mut request = prompt(script);
    let mut answers = Vec::new();
    loop {
        let answer = house.ask(&request).await;
        assert_eq!(answer.status(), 200);
        let bytes = answer.bytes().await.unwrap().to_vec();
        let mut whole = request.clone();
        whole["stream"] = json!(false);
        let message: Value = house.ask(&whole).await.json().await.unwrap();
        answers.push(bytes);
        if message["stop_reason"] != "tool_use" {
            return answers;
        }
        let call = message["content"].as_array().unwrap().last().unwrap()["id"].clone();
        let messages = request["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": message["content"]}));
        let content = json!([{"type": "tool_result", "tool_use_id": call, "content": result(answers.len())}]);
        messages.push(json!({"role": "user", "content": content}));
    }
}

#[tokio::test]
async fn a_recorded_conversation_replays_to_the_byte_with_no_provider_and_no_key() {
    let directory = tempfile::tempdir().unwrap();
    let tape = directory.path().join("run.cassette");
    let house = recording(&tape).await;
    let recorded = converse(&house, SCRIPT, |_| "a.rs b.rs in 0.52s at 2026-11-22".to_owned()).await;
    assert_eq!(recorded.len(), 3);
    house.gateway.settled(&house.step).await;
    let cassette = Cassette::read(&tape).unwrap();
    assert_eq!(cassette.exchanges().len(), 6);

    let house = replaying(cassette).await;
    let script = SCRIPT.replace("0c5e21b6", "ffffffff");
    let replayed = converse(&house, &script, |_| "a.rs b.rs in 7.10s at 2027-01-01".to_owned()).await;
    // The JSON twin of each request was recorded last, so the streams are expanded from it: equal as messages. The
    // streams themselves are compared below.
    assert_eq!(replayed.len(), recorded.len());
    assert!(house.seen.events().is_empty(), "{:?}", house.seen.events());
    assert!(house.model.requests().is_empty());
    house.books.wait_for_settlements(6).await;
    for settlement in house.books.settled() {
        assert_eq!(settlement.traffic, Traffic::Replayed);
        assert_eq!(
            settlement.tokens,
            Tokens {
                input: 11,
                output: 7,
                ..Tokens::default()
            }
        );
        assert_eq!(settlement.metering, Metering::Exact);
    }
}

#[tokio::test]
async fn a_recorded_stream_replays_to_the_byte_and_asking_again_gives_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let tape = directory.path().join("run.cassette");
    let house = recording(&tape).await;
    let answer = house.ask(&prompt(SCRIPT)).await;
    let request_id = answer.headers()["request-id"].clone();
    let recorded = answer.bytes().await.unwrap();
    house.gateway.settled(&house.step).await;

    let house = replaying(Cassette::read(&tape).unwrap()).await;
    for _ in 0..3 {
        let answer = house.ask(&prompt(SCRIPT)).await;
        assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
        assert_eq!(answer.headers()["request-id"], request_id);
        assert_eq!(answer.bytes().await.unwrap(), recorded);
    }
}

#[tokio::test]
async fn what_was_recorded_as_a_stream_can_be_asked_for_whole() {
    let directory = tempfile::tempdir().unwrap();
    let tape = directory.path().join("run.cassette");
    let house = recording(&tape).await;
    let mut request = prompt(SCRIPT);
    house.ask(&request).await.bytes().await.unwrap();
    house.gateway.settled(&house.step).await;

    let house = replaying(Cassette::read(&tape).unwrap()).await;
    request["stream"] = json!(false);
    let message: Value = house.ask(&request).await.json().await.unwrap();
    assert_eq!(message["content"][1]["name"], "Bash");
    assert_eq!(message["content"][1]["input"]["command"], "ls");
    assert_eq!(message["usage"]["output_tokens"], 7);
}

#[tokio::test]
async fn a_conversation_that_leaves_its_recording_is_told_where() {
    let directory = tempfile::tempdir().unwrap();
    let tape = directory.path().join("run.cassette");
    let house = recording(&tape).await;
    converse(&house, SCRIPT, |_| "3 passed".to_owned()).await;
    house.gateway.settled(&house.step).await;

    let house = replaying(Cassette::read(&tape).unwrap()).await;
    let result = |number| {
        if number == 1 {
            "3 passed".to_owned()
        } else {
            "1 failed".to_owned()
        }
    };
    let replayed = converse(&house, SCRIPT, result).await;
    assert_eq!(replayed.len(), 3, "the position's answer was not given");
    let events = house.seen.events();
    let [GatewayEvent::Diverged { divergence, .. }, ..] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(
        (divergence.index, divergence.path.as_str()),
        (2, "messages[4].content[0]")
    );
    assert!(
        divergence.expected.contains("3 passed") && divergence.got.contains("1 failed"),
        "{divergence}"
    );
    assert_eq!(divergence.answered, Some(2));
}

#[tokio::test]
async fn a_request_without_an_answer_is_refused_with_the_report_and_at_once() {
    let cassette = Cassette::parse(
        "demo",
        br#"{"codecourier_cassette": 1} {"lane": "designer#1", "say": "x", "expect": "1 failed"}"#,
    )
    .unwrap();
    let house = replaying(cassette).await;
    let answer = house.ask(&prompt("all 3 passed")).await;
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.headers()["x-should-retry"], "false");
    let body: Value = answer.json().await.unwrap();
    let message = body["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("demo") && message.contains("1 failed") && message.contains("all 3 passed"),
        "{message}"
    );
    let events = house.seen.events();
    assert!(matches!(&events[0], GatewayEvent::Diverged { divergence, .. } if divergence.answered.is_none()));
    assert!(
        matches!(&events[1], GatewayEvent::RequestFailed(failure) if failure.class() == FailureClass::CassetteMismatch)
    );
    assert_eq!(
        house.settlement().await.outcome,
        Outcome::Failed(FailureClass::CassetteMismatch)
    );
}

#[tokio::test]
async fn a_cassette_written_by_hand_plays_a_whole_conversation() {
    let cassette = Cassette::parse(
        "demo",
        br#"{"codecourier_cassette": 1, "description": "written by hand"}
            {"lane": "designer#1", "think": "Let me see.", "say": "I look.", "tool_use": {"name": "Bash", "input": {"command": "ls"}},
             "usage": {"input": 1200, "output": 30, "cacheWrite5m": 800}}
            {"lane": "designer#1", "expect": "Cargo.toml",
             "tool_use": {"name": "Write", "input": {"file_path": "/p/a.rs", "content": {"$lines": ["fn a() {}", ""]}}}}
            {"lane": "designer#1", "error": {"status": 529, "message": "Overloaded"}}"#,
    )
    .unwrap();
    let house = replaying(cassette).await;
    let mut request = prompt("Add a.");
    let first = house.ask(&request).await.text().await.unwrap();
    assert!(first.starts_with("event: message_start\ndata: ") && first.ends_with("{\"type\":\"message_stop\"}\n\n"));
    let settlement = house.settlement().await;
    assert_eq!(
        settlement.tokens,
        Tokens {
            input: 1200,
            output: 30,
            cache_write_5m: 800,
            ..Tokens::default()
        }
    );
    let go_on = |request: &mut Value, result: &str| {
        let messages = request["messages"].as_array_mut().unwrap();
        messages.push(
            json!({"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {}}]}),
        );
        messages
            .push(json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": result}]}));
    };
    go_on(&mut request, "Cargo.toml src");
    request["stream"] = json!(false);
    let second: Value = house.ask(&request).await.json().await.unwrap();
    assert_eq!(second["content"][0]["input"]["content"], "fn a() {}\n\n");
    assert!(second["usage"]["input_tokens"].as_u64().unwrap() > 0);
    go_on(&mut request, "ok");
    let third = house.ask(&request).await;
    assert_eq!(third.status(), 529);
    let count = house
        .post("/v1/messages/count_tokens", house.token.expose(), &request)
        .await;
    assert!(count.json::<Value>().await.unwrap()["input_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn an_answer_that_broke_off_is_not_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let tape = directory.path().join("run.cassette");
    for scenario in ["cut", "stream-error", "err529"] {
        let house = House::with(Wishes {
            scenario,
            mode: Mode::Record(tape.clone()),
            ..Wishes::default()
        })
        .await;
        let _ = house
            .ask(&prompt("@@say This breaks off somewhere."))
            .await
            .bytes()
            .await;
        house.gateway.settled(&house.step).await;
    }
    assert!(!tape.exists());
}

#[tokio::test]
async fn a_tape_that_cannot_be_written_does_not_harm_the_step() {
    let house = recording(Path::new("/proc/no/such/place")).await;
    let answer = house.ask(&prompt("@@say x")).await;
    assert_eq!(answer.status(), 200);
    answer.bytes().await.unwrap();
    house.gateway.settled(&house.step).await;
    assert!(matches!(
        house.seen.events().as_slice(),
        [GatewayEvent::RecordingFailed { .. }]
    ));
}

#[tokio::test]
async fn pacing_delays_and_can_be_turned_off() {
    let cassette = || {
        let text = br#"{"codecourier_cassette": 1, "pacing": {"first_byte_ms": 120, "event_ms": 10}} {"lane": "designer#1", "say": "x"}"#;
        Arc::new(Cassette::parse("demo", text).unwrap())
    };
    let timed = async |configure: fn(&mut codecourier_gateway::GatewayConfig)| {
        let house = House::with(Wishes {
            mode: Mode::Replay(cassette()),
            configure,
            ..Wishes::default()
        })
        .await;
        let started = std::time::Instant::now();
        house.ask(&prompt("go")).await.bytes().await.unwrap();
        started.elapsed()
    };
    let paced = timed(|config| config.replay_pacing = codecourier_gateway::ReplayPacing::AsRecorded).await;
    assert!(paced.as_millis() >= 150, "{paced:?}");
    assert!(timed(|_| {}).await < paced);
}
