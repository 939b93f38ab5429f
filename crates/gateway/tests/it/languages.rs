//! What holds for every provider in every language it speaks.

use std::sync::Arc;

use codecourier_domain::failure::FailureClass;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::usage::Tokens;
use codecourier_gateway::{
    Cassette, Complaint, Dialect, GatewayEvent, Metering, Mode, Outcome, PriceBasis, Provider, SingleKey,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::harness::{House, PATIENCE, REAL_KEY, Wishes};
use crate::ways::{WAYS, Way};

const SCRIPT: &str = "@@usage input=1000 output=200 cache_read=5000 cache_write_5m=400 reasoning=50\n@@think Hm.\n\
                      @@say Ünïcode 🦀 text that takes several events.\n@@bash ls -l";

const USED: Tokens = Tokens {
    input: 1000,
    output: 200,
    cache_read: 5000,
    cache_write_5m: 400,
    cache_write_1h: 0,
};

/// What the provider itself answers to a request.
async fn direct(house: &House, way: Way, request: &Value) -> Vec<u8> {
    let url = format!("{}{}", house.model.base_url(), way.path);
    let request = house.client.post(url).bearer_auth(REAL_KEY).json(request);
    request.send().await.unwrap().bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn an_answer_passes_to_the_byte_and_is_metered_to_the_token() {
    for way in WAYS {
        for as_stream in [true, false] {
            let house = way.house("").await;
            let request = way.prompt(SCRIPT, as_stream);
            let answer = way.ask(&house, &request).await;
            assert_eq!(answer.status(), 200, "{way:?}");
            let through = answer.bytes().await.unwrap();
            let settlement = house.settlement().await;
            assert_eq!(settlement.tokens, USED, "{way:?}, stream: {as_stream}");
            assert_eq!(
                (settlement.outcome, settlement.metering),
                (Outcome::Complete, Metering::Exact),
                "{way:?}"
            );
            // 1000 x 4 + 200 x 20 + 5000 x 0.2 + 400 x 5, or 1000 x 2 + 200 x 10 + 5000 x 0.1 + 400 x 2.5 micro-dollars.
            let expected = if way.dialect == Dialect::Messages {
                11_000
            } else {
                5_500
            };
            assert_eq!(settlement.cost.amount, MicroUsd(expected), "{way:?}");
            assert_eq!(settlement.cost.basis, PriceBasis::List);
            assert!(settlement.provider_request_id.unwrap().starts_with("req_"), "{way:?}");
            assert_eq!(house.model.given()[0].usage.output, settlement.tokens.output);
            let asked = house.model.requests().remove(0);
            assert_eq!(asked.path, way.path);
            assert_eq!(through, direct(&house, way, &asked.json()).await, "{way:?}");
        }
    }
}

#[tokio::test]
async fn the_real_key_goes_where_the_provider_looks_for_it_and_nothing_else_goes_along() {
    for way in WAYS {
        let house = way.house("").await;
        let sent = house
            .client
            .post(format!("{}{}", house.url, way.path))
            .bearer_auth(house.token.expose())
            .header("openai-organization", "org-of-somebody")
            .header("cookie", "canary-cookie")
            .json(&way.prompt("@@say x", true))
            .send()
            .await
            .unwrap();
        assert_eq!(sent.status(), 200, "{way:?}");
        let logged = house.model.requests().remove(0);
        let expected = match way.provider {
            Provider::Anthropic => ("x-api-key", REAL_KEY.to_owned()),
            Provider::Openai | Provider::Openrouter => ("authorization", format!("Bearer {REAL_KEY}")),
        };
        assert_eq!(logged.headers[expected.0], expected.1);
        let everything = format!("{:?}{:?}", logged.headers, logged.body);
        for secret in [house.token.expose(), "canary-cookie", "org-of-somebody"] {
            assert!(!everything.contains(secret), "{way:?}: {secret} went on");
        }
    }
}

#[tokio::test]
async fn a_streamed_chat_is_asked_for_its_usage() {
    for way in WAYS {
        let house = way.house("").await;
        way.ask(&house, &way.prompt("@@say x", true))
            .await
            .bytes()
            .await
            .unwrap();
        let sent = house.model.requests().remove(0).json();
        let is_chat = way.dialect == Dialect::Chat;
        assert_eq!(sent["stream_options"]["include_usage"] == true, is_chat, "{way:?}");
        way.ask(&house, &way.prompt("@@say x", false))
            .await
            .bytes()
            .await
            .unwrap();
        assert_eq!(
            house.model.requests().remove(1).json(),
            way.prompt("@@say x", false),
            "{way:?}: a request that is not streamed was changed"
        );
    }
}

#[tokio::test]
async fn what_openrouter_says_it_charged_is_what_is_booked() {
    for way in WAYS {
        let house = way.house("").await;
        let request = way.prompt("@@usage input=10 output=5 cost=1234\n@@say x", true);
        way.ask(&house, &request).await.bytes().await.unwrap();
        let cost = house.settlement().await.cost;
        let is_stated = way.provider == Provider::Openrouter && way.dialect != Dialect::Messages;
        assert_eq!(cost.basis == PriceBasis::Provider, is_stated, "{way:?}");
        assert_eq!(cost.amount == MicroUsd(1234), is_stated, "{way:?}: {cost:?}");
        assert!(cost.is_known());
    }
}

#[tokio::test]
async fn each_failure_is_classed_and_its_wait_is_told() {
    use Complaint::{Authentication, ContentPolicy, ContextLength, CutShort, Overload, Quota, RateLimit, Unreachable};
    let cases: [(&'static str, Complaint); 12] = [
        ("err401", Authentication),
        ("err403", Authentication),
        ("err429", RateLimit),
        ("err429ra20", RateLimit),
        ("err429reset20", RateLimit),
        ("err500", Overload),
        ("err529", Overload),
        ("overflow", ContextLength),
        ("policy", ContentPolicy),
        ("quota", Quota),
        ("redirect", Unreachable),
        ("cut", CutShort),
    ];
    for way in WAYS {
        for (scenario, complaint) in cases {
            let house = way.house(scenario).await;
            let answer = way
                .ask(&house, &way.prompt("@@say Some words before the end.", true))
                .await;
            let _ = answer.bytes().await;
            let failure = house.seen.failure().await;
            assert_eq!(failure.complaint, complaint, "{way:?} {scenario}: {failure:?}");
            assert!(!failure.message.is_empty());
            let has_wait = failure.retry_after.is_some() || failure.resets_at.is_some();
            let states_one = scenario.contains("ra20") || scenario.contains("reset20");
            assert_eq!(has_wait, states_one, "{way:?} {scenario}: {failure:?}");
            if let Some(wait) = failure.retry_after {
                assert_eq!(wait.as_secs(), 20, "{way:?} {scenario}");
            }
            house.settlement().await;
        }
    }
}

#[tokio::test]
async fn a_key_that_was_told_to_wait_waits_and_then_goes_on() {
    for way in WAYS {
        let house = way.house("flaky1-429reset1").await;
        let request = way.prompt("@@say x", true);
        let refused = way.ask(&house, &request).await;
        assert_eq!(refused.status(), 429, "{way:?}");
        let told: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=2).contains(&told), "{way:?}: {told}");
        // An agent that does not wait: it is held here, and the provider is not asked too early.
        let answer = way.ask(&house, &request).await;
        assert_eq!(answer.status(), 200, "{way:?}");
        let events = house.seen.events();
        let [GatewayEvent::RequestFailed(failure), GatewayEvent::Held { wait, .. }] = events.as_slice() else {
            panic!("{way:?}: {events:?}")
        };
        assert_eq!(failure.class(), FailureClass::ProviderRateLimit);
        assert!(wait.as_secs() <= 2, "{way:?}: {wait:?}");
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_classed_and_passed_on() {
    for way in WAYS {
        for (kind, class) in [
            ("server_error", FailureClass::ProviderOverload),
            ("rate_limit_error", FailureClass::ProviderRateLimit),
        ] {
            let house = way.house("").await;
            let request = way.prompt(&format!("@@say Some words.\n@@stream-error {kind} It broke"), true);
            let body = way.ask(&house, &request).await.text().await.unwrap();
            assert!(body.contains("It broke"), "{way:?}");
            let settlement = house.settlement().await;
            assert_eq!(settlement.outcome, Outcome::Cut(class), "{way:?}");
            assert_eq!(house.seen.failure().await.class(), class, "{way:?}");
        }
    }
}

#[tokio::test]
async fn each_piece_of_a_stream_is_passed_on_before_the_next_exists() {
    for way in WAYS {
        let house = way.house("hang-stream").await;
        let request = way.prompt("@@say The stream stops after its first words.", true);
        let mut answer = way.ask(&house, &request).await;
        let mut got = String::new();
        while !got.contains("The stream") {
            let piece = tokio::time::timeout(PATIENCE, answer.chunk())
                .await
                .expect("held back")
                .unwrap()
                .unwrap();
            got.push_str(std::str::from_utf8(&piece).unwrap());
        }
        assert_eq!(house.books.open(), 1);
        drop(answer);
        let settlement = house.settlement().await;
        assert_eq!(
            (settlement.outcome, settlement.metering),
            (Outcome::ClientGone, Metering::Estimated),
            "{way:?}"
        );
        assert!(settlement.tokens.output > 0 && settlement.tokens.input > 0, "{way:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_at_any_byte_is_settled() {
    for way in WAYS {
        let whole = {
            let house = way.house("").await;
            let answer = way
                .ask(&house, &way.prompt("@@say A few words.\n@@bash ls", true))
                .await;
            answer.bytes().await.unwrap().to_vec()
        };
        let step = (whole.len() / 20).max(1);
        let cuts: Vec<usize> = (0..=whole.len()).step_by(step).collect();
        let (url, _server) = cut_server(whole.clone(), cuts.clone()).await;
        let house = way
            .house_with(Wishes {
                base_url: Some(url),
                ..Wishes::default()
            })
            .await;
        for (number, cut) in cuts.iter().enumerate() {
            let request = house
                .client
                .post(format!("{}{}", house.url, way.path))
                .bearer_auth(house.token.expose())
                .header("connection", "close")
                .json(&way.prompt("@@say x", true));
            // Cut before its first byte, an answer may not even show its head.
            if let Ok(answer) = request.send().await {
                let _ = answer.bytes().await;
            }
            house.books.wait_for_settlements(number + 1).await;
            let settlement = house.books.settled().pop().unwrap();
            let is_right = match settlement.outcome {
                Outcome::Cut(_) => settlement.metering == Metering::Estimated || settlement.tokens.output > 0,
                Outcome::Complete => *cut > whole.len() / 2,
                _ => false,
            };
            assert!(is_right, "{way:?}, cut at {cut} of {}: {settlement:?}", whole.len());
        }
        assert_eq!(house.books.open(), 0);
    }
}

/// A provider whose n-th answer breaks off after the n-th number of bytes.
async fn cut_server(whole: Vec<u8>, cuts: Vec<usize>) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move {
        for cut in cuts {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            // The head says how long the body is; the tests' bodies come at once with it or right after.
            while !is_whole(&request) {
                if stream.read_buf(&mut request).await.unwrap() == 0 {
                    break;
                }
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                whole.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&whole[..cut]).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (url, server)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
        .unwrap_or(0);
    body.len() >= length
}

#[tokio::test]
async fn refusals_come_in_the_providers_own_shape_and_cost_nothing() {
    for way in WAYS {
        let house = way
            .house_with(Wishes {
                cap: MicroUsd(1),
                ..Wishes::default()
            })
            .await;
        let request = way.prompt("@@say x", true);
        let stranger = house.post(way.path, "cc_step_nobody", &request).await;
        assert_eq!(stranger.status(), 401, "{way:?}");
        let broke = way.ask(&house, &request).await;
        let (status, body): (u16, Value) = (broke.status().as_u16(), broke.json().await.unwrap());
        assert!(body["error"]["message"].as_str().unwrap().contains("budget"), "{way:?}");
        let expected = if way.provider == Provider::Openai { 400 } else { 402 };
        assert_eq!(status, expected, "{way:?}");
        assert!(house.model.requests().is_empty(), "{way:?}: a refused request left");
        assert!(matches!(
            house.seen.events().as_slice(),
            [GatewayEvent::BudgetRefused { .. }]
        ));
    }
}

#[tokio::test]
async fn lists_of_models_and_counts_pass_and_are_free() {
    let get = async |house: &House, path: &str| -> Value {
        let request = house.client.get(format!("{}{path}", house.url));
        let answer = request.bearer_auth(house.token.expose()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    };
    for (provider, models, count) in [
        (Provider::Anthropic, "/v1/models", Some("/v1/messages/count_tokens")),
        (Provider::Openai, "/v1/models", Some("/v1/responses/input_tokens")),
        (Provider::Openrouter, "/api/v1/models", None),
    ] {
        let way = WAYS.into_iter().find(|way| way.provider == provider).unwrap();
        let house = way.house("").await;
        assert!(!get(&house, models).await["data"].as_array().unwrap().is_empty());
        if let Some(path) = count {
            let request = way.prompt("@@say x", false);
            let counted = house.post(path, house.token.expose(), &request).await;
            let counted: Value = counted.json().await.unwrap();
            assert!(counted["input_tokens"].as_u64().unwrap() > 0, "{path}: {counted}");
        }
        house.gateway.settled(&house.step).await;
        assert!(house.books.settled().is_empty() && house.books.estimates().is_empty());
    }
}

#[tokio::test]
async fn a_recorded_conversation_is_replayed_to_the_byte_and_in_the_other_form() {
    for way in WAYS {
        let directory = tempfile::tempdir().unwrap();
        let tape = directory.path().join("run.cassette");
        let mut request = way.prompt(SCRIPT, true);
        let house = way.house_in(Mode::Record(tape.clone())).await;
        let first = way.ask(&house, &request).await.bytes().await.unwrap();
        way.go_on(&mut request, "2026-11-22 a.rs");
        let second = way.ask(&house, &request).await.bytes().await.unwrap();
        house.gateway.settled(&house.step).await;

        let house = replaying(way, Cassette::read(&tape).unwrap()).await;
        let mut request = way.prompt(SCRIPT, true);
        assert_eq!(way.ask(&house, &request).await.bytes().await.unwrap(), first, "{way:?}");
        // The same on another day.
        way.go_on(&mut request, "2027-01-02 a.rs");
        assert_eq!(
            way.ask(&house, &request).await.bytes().await.unwrap(),
            second,
            "{way:?}"
        );
        house.books.wait_for_settlements(2).await;
        assert_eq!(house.books.settled()[0].tokens, USED, "{way:?}");
        assert!(house.seen.events().is_empty(), "{way:?}: {:?}", house.seen.events());
        let whole = way.ask(&house, &way.prompt(SCRIPT, false)).await;
        let whole: Value = whole.json().await.unwrap();
        assert!(whole.to_string().contains("ls -l"), "{way:?}: {whole}");
        house.books.wait_for_settlements(3).await;
        assert_eq!(house.books.settled()[2].tokens, USED, "{way:?}");
    }
}

#[tokio::test]
async fn a_cassette_written_by_hand_plays_in_every_language() {
    for way in WAYS {
        let cassette = Cassette::parse(
            "demo",
            br#"{"codecourier_cassette": 1}
                {"lane": "designer#1", "think": "Let me see.", "say": "I look.", "tool_use": {"name": "bash", "input": {"command": "ls"}},
                 "usage": {"input": 1200, "output": 30, "cacheRead": 7}}
                {"lane": "designer#1", "expect": "Cargo.toml", "say": "All done."}
                {"lane": "designer#1", "error": {"status": 429, "message": "slow", "retry_after": 3}}"#,
        )
        .unwrap();
        let house = replaying(way, cassette).await;
        let mut request = way.prompt("Go.", true);
        let first = way.ask(&house, &request).await.text().await.unwrap();
        assert!(first.contains("I look.") && first.contains("bash"), "{way:?}");
        let expected = Tokens {
            input: 1200,
            output: 30,
            cache_read: 7,
            ..Tokens::default()
        };
        assert_eq!(house.settlement().await.tokens, expected, "{way:?}");
        way.go_on(&mut request, "Cargo.toml src");
        request["stream"] = json!(false);
        let second = way.ask(&house, &request).await.text().await.unwrap();
        assert!(second.contains("All done."), "{way:?}: {second}");
        way.go_on(&mut request, "ok");
        let third = way.ask(&house, &request).await;
        assert_eq!(
            (third.status().as_u16(), &third.headers()["retry-after"] == "3"),
            (429, true)
        );
        let failure = house.seen.failure().await;
        assert_eq!(failure.complaint, Complaint::RateLimit, "{way:?}");
    }
}

/// A house with no key and no provider.
async fn replaying(way: Way, cassette: Cassette) -> House {
    way.house_with(Wishes {
        mode: Mode::Replay(Arc::new(cassette)),
        base_url: Some("http://127.0.0.1:1".to_owned()),
        keys: Some(Arc::new(SingleKey(None))),
        ..Wishes::default()
    })
    .await
}
