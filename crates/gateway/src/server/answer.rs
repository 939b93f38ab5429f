//! The gateway's own answers, in the shape of the provider that the client believes it talks to, and the headers of
//! provider's answers that go back.

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};

use super::GatewayBody;
use crate::ledger::RequestId;
use crate::provider::{self, Provider, Refusal};
use crate::scrub::Scrubber;

/// Tells the clients of Anthropic and OpenAI whether to try again; they believe it over the status.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Names the request in the gateway's own records.
const REQUEST_ID: HeaderName = HeaderName::from_static("codecourier-request-id");

pub(super) fn full(bytes: impl Into<Bytes>) -> GatewayBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A refusal of the gateway itself.
pub(super) fn refuse(provider: Provider, request: RequestId, refusal: Refusal, message: &str) -> Response<GatewayBody> {
    let (status, body) = provider::refusal_body(provider, refusal, message, &request.to_string());
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let is_worth_retrying = match refusal {
        Refusal::TooSlow | Refusal::Unreachable | Refusal::TimedOut | Refusal::Internal => true,
        Refusal::Unauthorized
        | Refusal::Budget
        | Refusal::NotFound
        | Refusal::MethodNotAllowed
        | Refusal::Invalid
        | Refusal::TooLarge
        | Refusal::StepClosed => false,
    };
    if !is_worth_retrying {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    respond(status, headers, request, full(body))
}

/// An answer with these parts.
pub(super) fn respond(status: u16, headers: HeaderMap, request: RequestId, body: GatewayBody) -> Response<GatewayBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    if let Ok(value) = HeaderValue::from_str(&request.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The headers of a provider's answer that go back to the agent: all but those that are for the hop, for a browser, or
/// that hold a secret.
pub(super) fn passed_back(headers: &HeaderMap, scrubber: &Scrubber) -> HeaderMap {
    const STAYS: [HeaderName; 13] = [
        header::CONNECTION,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::SET_COOKIE,
        header::ALT_SVC,
        header::STRICT_TRANSPORT_SECURITY,
        HeaderName::from_static("keep-alive"),
        // Whose account pays.
        HeaderName::from_static("openai-organization"),
        HeaderName::from_static("openai-project"),
    ];
    let named_by_connection: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    headers
        .iter()
        .filter(|(name, value)| {
            !STAYS.contains(name)
                && !named_by_connection.iter().any(|named| named == name.as_str())
                && !scrubber.contains_secret(value.as_bytes())
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_go_back_and_hops_cookies_and_secrets_do_not() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("retry-after", "3"),
            ("request-id", "req_1"),
            ("anthropic-ratelimit-tokens-reset", "2026-11-22T00:00:00Z"),
            ("content-type", "text/event-stream"),
            ("set-cookie", "a=b"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("x-echo", "you sent sk-canary"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let back = passed_back(&headers, &Scrubber::new(["sk-canary"]));
        let mut names: Vec<_> = back.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "anthropic-ratelimit-tokens-reset",
                "content-type",
                "request-id",
                "retry-after"
            ]
        );
    }
}
