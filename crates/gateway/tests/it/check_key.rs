//! Asking services about keys, each played by a server of the test's own.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use codecourier_domain::money::MicroUsd;
use codecourier_domain::provider::Provider as Service;
use codecourier_gateway::{Gateway, GatewayConfig, KeyCheck, MemoryStepTokens, ServiceUrls, SingleKey};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::harness::{Books, Seen};

const KEY: &str = "key-canary-0123456789";

/// Takes [`KEY`] where each service expects it, and repeats whatever it is sent in its refusals.
async fn service(State(scenario): State<&'static str>, uri: Uri, headers: HeaderMap) -> Response {
    let held = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let bearer = format!("Bearer {KEY}");
    let expected = match uri.path() {
        "/anthropic/v1/models" => held("x-api-key") == KEY && held("anthropic-version") == "2023-06-01",
        "/e2b/v2/sandboxes" => held("x-api-key") == KEY,
        "/openai/v1/models" | "/openrouter/api/v1/key" => held("authorization") == bearer,
        "/github/rate_limit" => held("authorization") == bearer && !held("user-agent").is_empty(),
        _ => return (StatusCode::NOT_FOUND, "no such path").into_response(),
    };
    match scenario {
        "limited" => (StatusCode::FORBIDDEN, "Missing scopes: api.model.read").into_response(),
        "busy" => StatusCode::TOO_MANY_REQUESTS.into_response(),
        "broken" => StatusCode::BAD_GATEWAY.into_response(),
        "moved" => (StatusCode::FOUND, [("location", "http://127.0.0.1:9/elsewhere")]).into_response(),
        _ if expected => "{}".into_response(),
        _ => (StatusCode::UNAUTHORIZED, format!("{headers:?}")).into_response(),
    }
}

async fn gateway(scenario: &'static str) -> (Gateway, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let router = Router::new().fallback(service).with_state(scenario);
        axum::serve(listener, router).await.unwrap();
    });
    let mut config = GatewayConfig::new().unwrap();
    config.anthropic_base_url = format!("{base}/anthropic");
    config.services = ServiceUrls {
        openai: format!("{base}/openai"),
        openrouter: format!("{base}/openrouter/"),
        github: format!("{base}/github"),
        e2b: format!("{base}/e2b"),
    };
    let books = Arc::new(Books::new(MicroUsd(0)));
    let tokens = Arc::new(MemoryStepTokens::default());
    let gateway = Gateway::new(
        config,
        Arc::new(SingleKey(None)),
        books,
        tokens,
        Arc::new(Seen::default()),
    );
    (gateway.unwrap(), serving)
}

const SERVICES: [Service; 5] = [
    Service::Anthropic,
    Service::Openai,
    Service::Openrouter,
    Service::Github,
    Service::E2b,
];

#[tokio::test]
async fn each_service_is_asked_in_its_own_way_and_says_whether_it_takes_the_key() {
    let (gateway, _serving) = gateway("strict").await;
    for service in SERVICES {
        let good = gateway.check_key(service, &SecretString::from(KEY)).await;
        assert_eq!(good, KeyCheck::Valid, "{service}");
        let bad = gateway.check_key(service, &SecretString::from("other-canary")).await;
        assert!(
            matches!(&bad, KeyCheck::Refused { reason } if reason.contains("401")),
            "{service}: {bad:?}"
        );
        assert!(
            !format!("{bad:?}").contains("canary"),
            "what the service says is not passed on"
        );
        let unsound = gateway.check_key(service, &SecretString::from("a\r\nx-evil: 1")).await;
        assert!(
            matches!(unsound, KeyCheck::Unreachable { .. }),
            "{service}: {unsound:?}"
        );
    }
    let token = gateway
        .check_key(Service::AnthropicToken, &SecretString::from(KEY))
        .await;
    assert!(matches!(token, KeyCheck::Untried { .. }));
}

#[tokio::test]
async fn what_says_nothing_about_the_key_is_no_refusal() {
    for scenario in ["busy", "broken", "moved"] {
        let (gateway, _serving) = gateway(scenario).await;
        for service in SERVICES {
            let said = gateway.check_key(service, &SecretString::from(KEY)).await;
            assert!(
                matches!(said, KeyCheck::Unreachable { .. }),
                "{scenario} {service}: {said:?}"
            );
        }
    }
    let (gateway, mut serving) = gateway("strict").await;
    serving.shutdown().await;
    let said = gateway.check_key(Service::Github, &SecretString::from(KEY)).await;
    assert!(
        matches!(&said, KeyCheck::Unreachable { reason } if reason.contains("GitHub")),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_key_for_a_part_of_an_api_is_taken() {
    let (gateway, _serving) = gateway("limited").await;
    let said = gateway.check_key(Service::Openai, &SecretString::from(KEY)).await;
    assert_eq!(said, KeyCheck::Valid);
    let said = gateway.check_key(Service::E2b, &SecretString::from(KEY)).await;
    assert!(matches!(said, KeyCheck::Refused { .. }), "{said:?}");
}
