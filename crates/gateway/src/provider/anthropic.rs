//! Anthropic's Messages API: its key header, its headers, its error shape and what its errors mean. Pure.

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use serde::Deserialize;

use super::verdict::{hint_of_limits, moment_in_sentence, settled};
use super::{ProviderVerdict, Refusal};
use crate::observer::Complaint;

pub(super) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Less than this is no time to speak of.
const SHORT_WAIT: Duration = Duration::from_secs(4 * 60);

pub(super) fn is_forwarded(name: &str) -> bool {
    name == "x-app" || name.starts_with("anthropic-") || name.starts_with("x-claude-")
}

pub(super) fn refusal_body(refusal: Refusal, message: &str, request: &str) -> (u16, String) {
    let kind = match refusal {
        Refusal::Unauthorized => "authentication_error",
        Refusal::Budget => "billing_error",
        Refusal::NotFound => "not_found_error",
        Refusal::MethodNotAllowed | Refusal::Invalid => "invalid_request_error",
        Refusal::TooLarge => "request_too_large",
        Refusal::TooSlow | Refusal::TimedOut => "timeout_error",
        Refusal::Unreachable | Refusal::Internal => "api_error",
        Refusal::StepClosed => "permission_error",
    };
    let body = serde_json::json!({
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": request,
    });
    (refusal.status(), body.to_string())
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
    let is_window = headers
        .get("anthropic-ratelimit-unified-status")
        .is_some_and(|value| value == "rejected");
    let mut complaint = complaint_of(Some(status), &error.kind, &message);
    // A window that opens in a moment is waited for like any limit.
    if complaint == Complaint::RateLimit && is_window && retry_after.is_none_or(|wait| wait >= SHORT_WAIT) {
        complaint = Complaint::Quota;
    }
    settled(ProviderVerdict {
        complaint,
        resets_at: moment_in_sentence(&message).or(resets_at),
        message,
        retry_after,
    })
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
    use http::HeaderValue;

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
}
