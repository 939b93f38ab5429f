//! What holds for all providers.

use super::*;

#[test]
fn only_listed_paths_and_methods_lead_anywhere() {
    use Dialect::{Chat, Messages, Responses};
    use Operation::{Answer, CountTokens, Hello, Models};
    let leads = |method: Method, path: &str, operation| {
        let Route::To(provider, found, upstream) = route(&method, path) else {
            panic!("{path} leads nowhere")
        };
        assert_eq!(found, operation, "{path}");
        assert_eq!(format!("{}{upstream}", provider.base_path()), path);
    };
    leads(Method::POST, "/gateway/anthropic/v1/messages", Answer(Messages));
    leads(
        Method::POST,
        "/gateway/anthropic/v1/messages/count_tokens",
        CountTokens(Messages),
    );
    leads(Method::HEAD, "/gateway/anthropic/api/hello", Hello);
    leads(Method::GET, "/gateway/anthropic/api/hello", Hello);
    leads(Method::POST, "/gateway/openai/v1/responses", Answer(Responses));
    leads(Method::POST, "/gateway/openai/v1/chat/completions", Answer(Chat));
    leads(Method::GET, "/gateway/openai/v1/models", Models);
    leads(
        Method::POST,
        "/gateway/openrouter/api/v1/chat/completions",
        Answer(Chat),
    );
    leads(Method::POST, "/gateway/openrouter/api/v1/messages", Answer(Messages));
    for (path, provider) in [
        ("/gateway/anthropic/v1/messages", Provider::Anthropic),
        ("/gateway/openai/v1/responses", Provider::Openai),
    ] {
        assert_eq!(route(&Method::GET, path), Route::WrongMethod(provider));
    }
    for path in [
        "/",
        "/v1/messages",
        "/gateway/anthropic",
        "/gateway/anthropicv1/messages",
        "/gateway/anthropic/v1/messages/",
        "/gateway/anthropic/v1/messages/batches",
        "/gateway/anthropic/v1/files",
        "/gateway/anthropic/v1/organizations/keys",
        "/gateway/anthropic//v1/messages",
        "/gateway/anthropic/v1/../v1/messages",
        "/gateway/anthropic/v1%2Fmessages",
        "/gateway/anthropic/v1/responses",
        "/gateway/openai/v1/messages",
        "/gateway/openai/v1/files",
        "/gateway/openai/v1/responses/resp_1",
        "/gateway/openai/v1/organization/admin_api_keys",
        "/gateway/openai/api/v1/chat/completions",
        "/gateway/openrouter/v1/chat/completions",
        "/gateway/openrouter/api/v1/keys",
        "/gateway/openrouter/api/v1/credits",
    ] {
        assert!(matches!(route(&Method::POST, path), Route::Nowhere(_)), "{path}");
    }
}

#[test]
fn no_credential_of_a_client_is_forwarded() {
    let stays = [
        "authorization",
        "x-api-key",
        "cookie",
        "proxy-authorization",
        "host",
        "connection",
        "transfer-encoding",
        "accept-encoding",
        "content-length",
        "x-forwarded-for",
        "forwarded",
        "expect",
        "upgrade",
        "openai-organization",
        "openai-project",
        "chatgpt-account-id",
    ];
    for provider in Provider::ALL {
        for name in stays {
            assert!(
                !is_forwarded(provider, &HeaderName::from_static(name)),
                "{provider}: {name} goes on"
            );
        }
    }
    for (provider, name) in [
        (Provider::Anthropic, "anthropic-version"),
        (Provider::Anthropic, "anthropic-beta"),
        (Provider::Openai, "openai-beta"),
        (Provider::Openai, "originator"),
        (Provider::Openrouter, "http-referer"),
        (Provider::Openrouter, "user-agent"),
        (Provider::Openai, "x-stainless-retry-count"),
    ] {
        assert!(is_forwarded(provider, &HeaderName::from_static(name)), "{name} stays");
    }
}

#[test]
fn a_key_with_a_line_break_is_refused_rather_than_sent() {
    for provider in Provider::ALL {
        let mut headers = HeaderMap::new();
        assert!(authorize(provider, &mut headers, &ProviderKey::api_key("a\r\nx-evil: 1")).is_err());
        assert!(headers.is_empty());
    }
}

#[test]
fn every_refusal_is_an_error_in_the_providers_own_shape() {
    let shape = |provider, refusal| {
        let (status, body) = refusal_body(provider, refusal, "no", "req_1");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert!(status >= 400 && body["error"]["message"] == "no", "{provider}: {body}");
        (status, body)
    };
    let (status, body) = shape(Provider::Openai, Refusal::Budget);
    assert_eq!(
        (status, &body["error"]["code"]),
        (400, &serde_json::json!("billing_hard_limit_reached"))
    );
    let (status, body) = shape(Provider::Openrouter, Refusal::Budget);
    assert_eq!((status, &body["error"]["code"]), (402, &serde_json::json!(402)));
    let (status, body) = shape(Provider::Anthropic, Refusal::Budget);
    assert_eq!((status, body["error"]["type"].as_str()), (402, Some("billing_error")));
    for provider in Provider::ALL {
        shape(provider, Refusal::Unauthorized);
        shape(provider, Refusal::Unreachable);
    }
}
