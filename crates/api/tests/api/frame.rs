//! What holds for every answer, whatever is asked.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use codecourier_api::{Api, ApiConfig};
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::script;
use serde_json::Value;
use tower::ServiceExt as _;

async fn api() -> (World, codecourier_testkit::engine::TestEngine, Router) {
    let world = World::new(script(|_| Vec::new()));
    let engine = world.start().await;
    let router = engine
        .ask(|engine| async move { Api::new(engine, ApiConfig::default()) })
        .await;
    (world, engine, router)
}

async fn ask(router: &Router, request: Request<Body>) -> (Response<()>, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 1_000_000).await.expect("a body");
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (Response::from_parts(parts, ()), body)
}

fn get(path: &str) -> axum::http::request::Builder {
    Request::builder().uri(path)
}

#[tokio::test]
async fn every_answer_has_the_request_id_and_safe_headers() {
    let (_world, _engine, router) = api().await;
    for (request, status, code) in [
        (get("/api/v1/server"), StatusCode::OK, Value::Null),
        (get("/api/v1/whoami"), StatusCode::UNAUTHORIZED, "AUTH_MISSING".into()),
        (get("/api/v1/nothing"), StatusCode::NOT_FOUND, "NOT_FOUND".into()),
        (get("/elsewhere/%ff"), StatusCode::NOT_FOUND, "NOT_FOUND".into()),
        (
            get("/api/v1/server").method("DELETE"),
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED".into(),
        ),
    ] {
        let request = request.header("x-request-id", "mine").body(Body::empty()).unwrap();
        let shown = format!("{} {}", request.method(), request.uri());
        let (response, body) = ask(&router, request).await;
        assert_eq!(response.status(), status, "{shown}");
        assert_eq!(response.headers()["x-request-id"], "mine", "{shown}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{shown}");
        assert!(
            response.headers().contains_key(header::CONTENT_SECURITY_POLICY),
            "{shown}"
        );
        assert_eq!(body["error"]["code"], code, "{shown}");
        if !status.is_success() {
            assert_eq!(body["error"]["requestId"], "mine", "{shown}");
            assert_eq!(body["error"]["retryable"], false, "{shown}");
        }
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_credential_the_answer_is_the_same() {
    let (_world, _engine, router) = api().await;
    let mut messages = Vec::new();
    for credential in [
        "Bearer ccs_nonsense",
        "Bearer cc_live_nonsense",
        "Bearer a.b.c",
        "Bearer ",
        "Basic YTpi",
        "nonsense",
    ] {
        let request = get("/api/v1/whoami").header(header::AUTHORIZATION, credential);
        let (response, body) = ask(&router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{credential}");
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
        messages.push((body["error"]["code"].clone(), body["error"]["message"].clone()));
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
}

#[test]
fn whatever_the_description_refers_to_is_in_it() {
    fn references<'d>(value: &'d Value, found: &mut Vec<&'d str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = serde_json::to_value(Api::document()).unwrap();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for reference in found {
        let place = reference.strip_prefix('#').expect("a place in the document");
        assert!(document.pointer(place).is_some(), "{reference} is nowhere");
    }
}

#[test]
fn every_operation_names_the_errors_that_its_kind_of_request_can_have() {
    let document = serde_json::to_value(Api::document()).unwrap();
    let statuses = |path: &str, method: &str| -> Vec<String> {
        let responses = document["paths"][path][method]["responses"].as_object().unwrap();
        responses.keys().cloned().collect()
    };
    assert_eq!(statuses("/api/v1/server", "get"), ["200", "429", "500", "503"]);
    assert_eq!(
        statuses("/api/v1/projects/{slug}/settings", "patch"),
        [
            "200", "400", "401", "403", "404", "409", "412", "413", "415", "428", "429", "500", "503", "507"
        ]
    );
    let everything = document["paths"].as_object().unwrap();
    for (path, item) in everything {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                !responses.contains_key("default"),
                "{method} {path} says no more than that it can fail"
            );
        }
    }
}

#[test]
fn every_operation_says_who_may_call_it_and_has_a_name_of_its_own() {
    let document = serde_json::to_value(Api::document()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["x-codecourier-access"]["who"].is_string(), "{method} {path}");
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} names two operations");
        }
    }
    assert!(names.contains("server.get") && names.contains("whoami.get"));
}
