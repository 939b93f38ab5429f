//! Anthropic's Messages API: its paths, its key headers, its error shape and what its errors mean. Pure.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::Deserialize;

use super::verdict::{hint_of_limits, moment_in_sentence};
use super::{KeyUnusable, Operation, ProviderVerdict, Refusal};
use crate::keys::ProviderKey;
use crate::observer::Complaint;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// From this wait on, a limit is a quota: waiting it out inside one request makes no sense.
const QUOTA_WAIT_SECONDS: u64 = 15 * 60;

/// The path is known, the method is not.
pub(super) struct WrongMethod;

pub(super) fn operation(method: &Method, path: &str) -> Option<Result<Operation, WrongMethod>> {
    let (operation, is_allowed) = match path {
        "/v1/messages" => (Operation::Messages, method == Method::POST),
        "/v1/messages/count_tokens" => (Operation::CountTokens, method == Method::POST),
        "/api/hello" => (Operation::Hello, method == Method::GET || method == Method::HEAD),
        _ => return None,
    };
    Some(if is_allowed { Ok(operation) } else { Err(WrongMethod) })
}

/// The path at the provider.
pub(crate) const fn path(operation: Operation) -> &'static str {
    match operation {
        Operation::Messages => "/v1/messages",
        Operation::CountTokens => "/v1/messages/count_tokens",
        Operation::Hello => "/api/hello",
    }
}

/// The headers of an agent's request that go on to the provider. Everything else stays here: whatever could carry a
/// credential, a cookie, or an instruction to a proxy.
pub(crate) fn is_forwarded(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(
        name,
        "accept"
            | "accept-language"
            | "content-type"
            | "user-agent"
            | "x-app"
            | "x-client-request-id"
            | "idempotency-key"
    ) || name.starts_with("anthropic-")
        || name.starts_with("x-stainless-")
        || name.starts_with("x-claude-")
}

pub(super) fn authorize(headers: &mut HeaderMap, key: &ProviderKey) -> Result<(), KeyUnusable> {
    let (name, text) = match key {
        ProviderKey::ApiKey(_) => (API_KEY, key.expose().to_owned()),
        ProviderKey::Bearer(_) => (header::AUTHORIZATION, format!("Bearer {}", key.expose())),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| KeyUnusable)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

pub(super) fn refusal_body(refusal: Refusal, message: &str, request: &str) -> (u16, String) {
    let (status, kind) = match refusal {
        Refusal::Unauthorized => (401, "authentication_error"),
        Refusal::Budget => (402, "billing_error"),
        Refusal::NotFound => (404, "not_found_error"),
        Refusal::MethodNotAllowed => (405, "invalid_request_error"),
        Refusal::Invalid => (400, "invalid_request_error"),
        Refusal::TooLarge => (413, "request_too_large"),
        Refusal::TooSlow => (408, "timeout_error"),
        Refusal::Unreachable => (502, "api_error"),
        Refusal::TimedOut => (504, "timeout_error"),
        Refusal::StepClosed => (403, "permission_error"),
        Refusal::Internal => (500, "api_error"),
    };
    let body = serde_json::json!({
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": request,
    });
    (status, body.to_string())
}

pub(super) fn classify(status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderVerdict {
    let error = serde_json::from_slice::<ErrorDocument>(body)
        .map(|document| document.error)
        .unwrap_or_default();
    let message = if error.message.is_empty() {
        String::from_utf8_lossy(&body[..body.len().min(500)]).trim().to_owned()
    } else {
        error.message
    };
    let (retry_after, resets_at) = hint_of_limits(headers);
    let mut complaint = complaint_of(Some(status), &error.kind, &message);
    let is_long_wait = retry_after.is_some_and(|wait| wait.as_secs() >= QUOTA_WAIT_SECONDS);
    let is_window = headers
        .get("anthropic-ratelimit-unified-status")
        .is_some_and(|value| value == "rejected");
    if complaint == Complaint::RateLimit && (is_long_wait || is_window) {
        complaint = Complaint::Quota;
    }
    ProviderVerdict {
        complaint,
        resets_at: moment_in_sentence(&message).or(resets_at),
        message,
        retry_after,
    }
}

/// What an error means, by its status, its type and, where both are too coarse, its words. The status is absent for an
/// error in the middle of a stream.
pub(super) fn complaint_of(status: Option<u16>, kind: &str, message: &str) -> Complaint {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if kind == "billing_error"
        || status == Some(402)
        || says(&[
            "credit balance",
            "usage limit",
            "regain access",
            "spend limit",
            "insufficient quota",
            "monthly limit",
        ])
    {
        return Complaint::Quota;
    }
    if says(&[
        "prompt is too long",
        "exceed context limit",
        "context window",
        "maximum context length",
    ]) || kind == "request_too_large"
        || status == Some(413)
    {
        return Complaint::ContextLength;
    }
    match (kind, status) {
        ("authentication_error" | "permission_error", _) | (_, Some(401 | 403)) => Complaint::Authentication,
        ("rate_limit_error", _) | (_, Some(429)) => Complaint::RateLimit,
        ("overloaded_error" | "api_error" | "timeout_error", _) | (_, Some(408 | 500..=599)) => Complaint::Overload,
        (_, Some(300..=399)) => Complaint::Unreachable,
        _ if says(&[
            "content filtering",
            "content policy",
            "usage policy",
            "violates",
            "safety",
        ]) =>
        {
            Complaint::ContentPolicy
        }
        (_, Some(_)) => Complaint::BadRequest,
        // An error in a stream whose type nobody knows: the request was accepted, so it is not the request.
        (_, None) => Complaint::Overload,
    }
}

#[derive(Deserialize, Default)]
struct ErrorDocument {
    #[serde(default)]
    error: ErrorBody,
}

#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, headers: &[(&'static str, &'static str)], kind: &str, message: &str) -> Complaint {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let body = serde_json::json!({"type": "error", "error": {"type": kind, "message": message}}).to_string();
        classify(status, &headers, body.as_bytes()).complaint
    }

    #[test]
    fn each_error_has_its_class() {
        use Complaint::{
            Authentication, BadRequest, ContentPolicy, ContextLength, Overload, Quota, RateLimit, Unreachable,
        };
        let cases: &[(u16, &str, &str, Complaint)] = &[
            (401, "authentication_error", "invalid x-api-key", Authentication),
            (
                403,
                "permission_error",
                "Your API key does not have permission",
                Authentication,
            ),
            (
                429,
                "rate_limit_error",
                "This request would exceed your rate limit",
                RateLimit,
            ),
            (
                400,
                "invalid_request_error",
                "Your credit balance is too low to access the API",
                Quota,
            ),
            (
                400,
                "invalid_request_error",
                "You have reached your specified API usage limits.",
                Quota,
            ),
            (402, "billing_error", "payment required", Quota),
            (529, "overloaded_error", "Overloaded", Overload),
            (503, "", "<html>", Overload),
            (500, "api_error", "Internal server error", Overload),
            (
                400,
                "invalid_request_error",
                "prompt is too long: 210000 tokens > 200000 maximum",
                ContextLength,
            ),
            (
                413,
                "request_too_large",
                "Request exceeds the maximum size",
                ContextLength,
            ),
            (
                400,
                "invalid_request_error",
                "Output blocked by content filtering policy",
                ContentPolicy,
            ),
            (
                400,
                "invalid_request_error",
                "messages: at least one message is required",
                BadRequest,
            ),
            (404, "not_found_error", "model: claude-nope", BadRequest),
            (302, "", "moved", Unreachable),
        ];
        for (status, kind, message, expected) in cases {
            assert_eq!(
                class(*status, &[], kind, message),
                *expected,
                "{status} {kind} {message}"
            );
        }
    }

    #[test]
    fn a_long_wait_is_a_quota_and_a_short_one_is_not() {
        assert_eq!(
            class(429, &[("retry-after", "30")], "rate_limit_error", "slow down"),
            Complaint::RateLimit
        );
        assert_eq!(
            class(429, &[("retry-after", "7200")], "rate_limit_error", "slow down"),
            Complaint::Quota
        );
        let window = [("anthropic-ratelimit-unified-status", "rejected")];
        assert_eq!(
            class(429, &window, "rate_limit_error", "five hour window"),
            Complaint::Quota
        );
    }

    #[test]
    fn no_credential_of_a_client_is_forwarded() {
        for name in [
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
        ] {
            assert!(!is_forwarded(&HeaderName::from_static(name)), "{name} goes on");
        }
        for name in [
            "anthropic-version",
            "anthropic-beta",
            "user-agent",
            "x-stainless-retry-count",
        ] {
            assert!(is_forwarded(&HeaderName::from_static(name)), "{name} stays");
        }
    }

    #[test]
    fn a_key_with_a_line_break_is_refused_rather_than_sent() {
        let mut headers = HeaderMap::new();
        assert!(authorize(&mut headers, &ProviderKey::api_key("a\r\nx-evil: 1")).is_err());
        assert!(headers.is_empty());
    }
}
