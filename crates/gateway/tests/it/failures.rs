//! Every way a provider can fail: classed for the engine, unchanged for the agent.

use std::sync::Arc;
use std::time::Duration;

use codecourier_domain::failure::FailureClass;
use codecourier_domain::money::MicroUsd;
use codecourier_gateway::{Complaint, Metering, Outcome, ProviderKey, SingleKey};
use tokio::net::TcpListener;

use crate::harness::{House, Wishes, prompt};

async fn failing(script: &str) -> (House, reqwest::Response) {
    let house = House::new().await;
    let answer = house.ask(&prompt(script)).await;
    (house, answer)
}

#[tokio::test]
async fn each_error_answer_is_classed_and_passed_on_with_its_hints() {
    let cases = [
        (
            "@@error 401 no",
            401,
            Complaint::Authentication,
            FailureClass::ProviderAuth,
        ),
        (
            "@@error 403 no",
            403,
            Complaint::Authentication,
            FailureClass::ProviderAuth,
        ),
        (
            "@@error 429 7 slow down",
            429,
            Complaint::RateLimit,
            FailureClass::ProviderRateLimit,
        ),
        (
            "@@error 429 36000 come tomorrow",
            429,
            Complaint::Quota,
            FailureClass::ProviderQuota,
        ),
        (
            "@@error 400 Your credit balance is too low",
            400,
            Complaint::Quota,
            FailureClass::ProviderQuota,
        ),
        (
            "@@error 529 Overloaded",
            529,
            Complaint::Overload,
            FailureClass::ProviderOverload,
        ),
        (
            "@@error 503 5 later",
            503,
            Complaint::Overload,
            FailureClass::ProviderOverload,
        ),
        (
            "@@error 400 prompt is too long: 210000 tokens > 200000 maximum",
            400,
            Complaint::ContextLength,
            FailureClass::ProviderRequest,
        ),
        (
            "@@error 400 Output blocked by content filtering policy",
            400,
            Complaint::ContentPolicy,
            FailureClass::ProviderRequest,
        ),
        (
            "@@error 404 model: nope",
            404,
            Complaint::BadRequest,
            FailureClass::ProviderRequest,
        ),
    ];
    for (script, status, complaint, class) in cases {
        let (house, answer) = failing(script).await;
        assert_eq!(answer.status(), status, "{script}");
        assert!(answer.headers().contains_key("request-id"));
        assert_eq!(answer.headers()["anthropic-ratelimit-requests-remaining"], "99");
        assert!(!answer.headers().contains_key("set-cookie"));
        let retry_after = answer
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned());
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body["type"], "error", "{script}");
        let failure = house.seen.failure().await;
        assert_eq!(
            (failure.complaint, failure.class(), failure.status),
            (complaint, class, Some(status)),
            "{script}"
        );
        assert_eq!(
            failure.retry_after.map(|wait| wait.as_secs().to_string()),
            retry_after,
            "{script}"
        );
        assert!(failure.provider_request_id.is_some());
        let settlement = house.settlement().await;
        assert_eq!(settlement.outcome, Outcome::Failed(class));
        assert_eq!(
            (settlement.cost.amount, settlement.metering),
            (MicroUsd::ZERO, Metering::Exact),
            "{script}"
        );
    }
}

#[tokio::test]
async fn an_unreachable_provider_is_a_502_in_its_own_shape() {
    let house = House::with(Wishes {
        base_url: Some("http://127.0.0.1:1".to_owned()),
        ..Wishes::default()
    })
    .await;
    let answer = house.ask(&prompt("@@say x")).await;
    assert_eq!(answer.status(), 502);
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["type"], "api_error");
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("cannot reach Anthropic"),
        "{body}"
    );
    assert_eq!(house.seen.failure().await.class(), FailureClass::ProviderUnreachable);
    assert_eq!(house.settlement().await.cost.amount, MicroUsd::ZERO);
}

#[tokio::test]
async fn a_provider_that_speaks_no_tls_is_unreachable_too() {
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", plain.local_addr().unwrap());
    let mut answering = tokio::task::JoinSet::new();
    answering.spawn(async move {
        // Accepts and hangs up, in the middle of the other side's greeting.
        while let Ok((stream, _)) = plain.accept().await {
            drop(stream);
        }
    });
    let house = House::with(Wishes {
        base_url: Some(url),
        ..Wishes::default()
    })
    .await;
    let answer = house.ask(&prompt("@@say x")).await;
    assert_eq!(answer.status(), 502);
    assert!(answer.text().await.unwrap().contains("cannot reach Anthropic"));
    assert_eq!(house.settlement().await.cost.amount, MicroUsd::ZERO);
}

#[tokio::test]
async fn a_provider_that_never_answers_times_out() {
    let house = House::with(Wishes {
        scenario: "hang",
        configure: |config| config.timeouts.first_byte = Duration::from_millis(100),
        ..Wishes::default()
    })
    .await;
    let answer = house.ask(&prompt("@@say x")).await;
    assert_eq!(answer.status(), 504);
    assert_eq!(house.seen.failure().await.complaint, Complaint::Unreachable);
    let settlement = house.settlement().await;
    assert!(settlement.tokens.input > 0, "what left may be charged for");
    assert_eq!(settlement.metering, Metering::Estimated);
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_cut() {
    let house = House::with(Wishes {
        scenario: "hang-stream",
        configure: |config| config.timeouts.idle = Duration::from_millis(100),
        ..Wishes::default()
    })
    .await;
    let answer = house
        .ask(&prompt("@@say The stream stops after its first words."))
        .await;
    assert!(answer.bytes().await.is_err());
    assert_eq!(
        house.settlement().await.outcome,
        Outcome::Cut(FailureClass::ProviderUnreachable)
    );
    assert!(house.seen.failure().await.message.contains("silent"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let house = House::with(Wishes {
        scenario: "redirect",
        ..Wishes::default()
    })
    .await;
    let answer = house.ask(&prompt("@@say x")).await;
    assert_eq!(answer.status(), 502);
    assert!(!answer.headers().contains_key("location"));
    assert!(answer.text().await.unwrap().contains("redirect"));
    drop(trap);
}

#[tokio::test]
async fn an_answer_that_is_none_is_passed_on_and_settled() {
    let house = House::with(Wishes {
        scenario: "garbage",
        ..Wishes::default()
    })
    .await;
    let answer = house.ask(&prompt("@@say x")).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("not an API"));
    let settlement = house.settlement().await;
    assert_eq!(settlement.metering, Metering::Estimated);
    assert!(matches!(settlement.outcome, Outcome::Cut(_)));
}

#[tokio::test]
async fn a_missing_key_says_what_to_do() {
    let house = House::with(Wishes {
        keys: Some(Arc::new(SingleKey(None))),
        ..Wishes::default()
    })
    .await;
    let answer = house.ask(&prompt("@@say x")).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["x-should-retry"], "false");
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["type"], "authentication_error");
    assert!(
        body["error"]["message"].as_str().unwrap().contains("no Anthropic key"),
        "{body}"
    );
    let failure = house.seen.failure().await;
    assert_eq!(
        (failure.complaint, failure.class()),
        (Complaint::KeyMissing, FailureClass::ProviderAuth)
    );
    assert!(house.model.requests().is_empty() && house.books.estimates().is_empty());
}

#[tokio::test]
async fn a_wrong_key_is_the_providers_401() {
    let keys = Arc::new(SingleKey(Some(ProviderKey::api_key("sk-ant-wrong-canary"))));
    let house = House::with(Wishes {
        keys: Some(keys),
        ..Wishes::default()
    })
    .await;
    let answer = house.ask(&prompt("@@say x")).await;
    assert_eq!(answer.status(), 401);
    assert!(answer.text().await.unwrap().contains("invalid x-api-key"));
    assert_eq!(house.seen.failure().await.class(), FailureClass::ProviderAuth);
}

#[tokio::test]
async fn a_retry_after_a_failure_is_a_request_of_its_own() {
    let house = House::with(Wishes {
        scenario: "flaky2-529.retry",
        ..Wishes::default()
    })
    .await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let answer = house.ask(&prompt("@@say x")).await;
        statuses.push(answer.status().as_u16());
        answer.bytes().await.unwrap();
    }
    assert_eq!(statuses, [529, 529, 200]);
    house.books.wait_for_settlements(3).await;
    let settled = house.books.settled();
    assert_eq!(
        settled
            .iter()
            .filter(|settlement| settlement.cost.amount > MicroUsd::ZERO)
            .count(),
        1
    );
    assert_eq!(house.seen.events().len(), 2);
}
