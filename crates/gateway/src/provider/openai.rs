//! OpenAI's API, and every server that speaks like it: headers, error shape and what its errors mean. Pure.

use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::verdict::{hint_of_limits, settled, wait_in_sentence, wait_of_used_up_limits};
use super::{ProviderVerdict, Refusal};
use crate::observer::Complaint;

/// `openai-organization` and `openai-project` stay here: they would let an agent choose who pays.
pub(super) fn is_forwarded(name: &str) -> bool {
    matches!(
        name,
        "openai-beta" | "originator" | "session_id" | "session-id" | "conversation_id" | "version"
    ) || name.starts_with("x-codex-")
}

pub(super) fn refusal_body(refusal: Refusal, message: &str) -> (u16, String) {
    let (status, kind, code) = match refusal {
        Refusal::Unauthorized => (401, "invalid_request_error", Some("invalid_api_key")),
        // As OpenAI answers when a hard limit is reached. 429 would be tried again by some agents, and Codex tries
        // everything again but 400.
        Refusal::Budget => (400, "billing_limit_user_error", Some("billing_hard_limit_reached")),
        Refusal::NotFound => (404, "invalid_request_error", Some("unknown_url")),
        Refusal::MethodNotAllowed => (405, "invalid_request_error", Some("method_not_supported")),
        Refusal::Invalid => (400, "invalid_request_error", None),
        Refusal::TooLarge => (413, "invalid_request_error", Some("request_too_large")),
        Refusal::TooSlow => (408, "invalid_request_error", Some("timeout")),
        Refusal::StepClosed => (403, "invalid_request_error", Some("insufficient_permissions")),
        Refusal::Unreachable | Refusal::TimedOut | Refusal::Internal => (refusal.status(), "server_error", None),
    };
    let error = serde_json::json!({"message": message, "type": kind, "param": null, "code": code});
    (status, serde_json::json!({"error": error}).to_string())
}

pub(super) fn classify(status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderVerdict {
    let error = read_error(body);
    let message = if error.message.is_empty() {
        String::from_utf8_lossy(&body[..body.len().min(500)]).trim().to_owned()
    } else {
        error.message
    };
    let complaint = complaint_of(Some(status), &format!("{} {}", error.code, error.kind), &message);
    let (stated, resets_at) = hint_of_limits(headers);
    let is_limit = matches!(complaint, Complaint::RateLimit | Complaint::Quota);
    let named = || wait_in_sentence(&message).or_else(|| wait_of_used_up_limits(headers));
    settled(ProviderVerdict {
        complaint,
        retry_after: stated.or_else(|| is_limit.then(named).flatten()),
        resets_at,
        message,
    })
}

/// What an error means, by its status, by what the provider calls it (code and type, in any order) and, where both are
/// too coarse, by its words. The status is absent for an error in the middle of a stream.
pub(super) fn complaint_of(status: Option<u16>, kind: &str, message: &str) -> Complaint {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let is = |names: &[&str]| kind.split_whitespace().any(|word| names.contains(&word));
    if status == Some(402)
        || is(&[
            "insufficient_quota",
            "billing_hard_limit_reached",
            "billing_limit_user_error",
            "billing_not_active",
            "quota_exceeded",
            "usage_limit_reached",
        ])
        || says(&[
            "exceeded your current quota",
            "billing hard limit",
            "insufficient credits",
            "key limit exceeded",
        ])
    {
        return Complaint::Quota;
    }
    if status == Some(413)
        || is(&["context_length_exceeded", "exceed_context_size_error"])
        || says(&[
            "context length",
            "context window",
            "context size",
            "prompt is too long",
            "input is too long",
        ])
    {
        return Complaint::ContextLength;
    }
    if is(&[
        "invalid_prompt",
        "content_policy_violation",
        "content_filter",
        "moderation_blocked",
        "cyber_policy",
        "bio_policy",
    ]) || says(&[
        "usage policy",
        "content policy",
        "content management policy",
        "flagged",
        "moderation",
    ]) {
        return Complaint::ContentPolicy;
    }
    if is(&["rate_limit_exceeded", "rate_limit_error", "slow_down"]) || status == Some(429) {
        return Complaint::RateLimit;
    }
    if is(&["invalid_api_key", "insufficient_permissions", "authentication_error"]) || matches!(status, Some(401 | 403))
    {
        return Complaint::Authentication;
    }
    match status {
        Some(408 | 500..=599) => Complaint::Overload,
        Some(300..=399) => Complaint::Unreachable,
        Some(_) => Complaint::BadRequest,
        None if is(&["invalid_request_error", "bad_request", "model_not_found"]) => Complaint::BadRequest,
        // An error in a stream whose name nobody knows: the request was accepted, so it is not the request.
        None => Complaint::Overload,
    }
}

/// An error as servers of this protocol write it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorParts {
    pub(super) kind: String,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) metadata: Value,
}

/// Reads `{"error": {…}}`, `{"error": "…"}` or an error without the envelope, as some local servers send it.
pub(super) fn read_error(body: &[u8]) -> ErrorParts {
    #[derive(Deserialize)]
    struct Document {
        #[serde(default)]
        error: Value,
    }
    let Ok(whole) = serde_json::from_slice::<Value>(body) else {
        return ErrorParts::default();
    };
    let error = match Document::deserialize(&whole) {
        Ok(document) if !document.error.is_null() => document.error,
        _ => whole,
    };
    error_parts(&error)
}

/// The parts of an error object, or of a bare text.
pub(super) fn error_parts(error: &Value) -> ErrorParts {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    ErrorParts {
        kind: text(&error["type"]),
        code: text(&error["code"]),
        message: if error.is_string() {
            text(error)
        } else {
            text(&error["message"])
        },
        metadata: error["metadata"].clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderName, HeaderValue};

    use super::*;

    fn verdict(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> ProviderVerdict {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        classify(status, &headers, body.as_bytes())
    }

    #[test]
    fn each_error_has_its_class() {
        use Complaint::{
            Authentication, BadRequest, ContentPolicy, ContextLength, Overload, Quota, RateLimit, Unreachable,
        };
        let cases: &[(u16, &str, Complaint)] = &[
            (
                401,
                r#"{"error":{"message":"Incorrect API key provided: sk-x","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
                Authentication,
            ),
            (
                403,
                r#"{"error":{"message":"Country not supported","type":"request_forbidden","code":"unsupported_country_region_territory"}}"#,
                Authentication,
            ),
            (
                429,
                r#"{"error":{"message":"Rate limit reached for gpt-5.5 on tokens per min (TPM). Please try again in 2.4s.","type":"tokens","code":"rate_limit_exceeded"}}"#,
                RateLimit,
            ),
            (
                429,
                r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","code":"insufficient_quota"}}"#,
                Quota,
            ),
            (
                400,
                r#"{"error":{"message":"Your input exceeds the context window of this model.","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
                ContextLength,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
                ContextLength,
            ),
            (
                400,
                r#"{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy.","type":"invalid_request_error","code":"invalid_prompt"}}"#,
                ContentPolicy,
            ),
            (
                404,
                r#"{"error":{"message":"The model `x` does not exist","type":"invalid_request_error","code":"model_not_found"}}"#,
                BadRequest,
            ),
            (
                503,
                r#"{"error":{"message":"That model is currently overloaded","type":"server_error","code":null}}"#,
                Overload,
            ),
            (500, "<html>", Overload),
            (404, r#"{"error":"model 'x' not found"}"#, BadRequest),
            (302, "", Unreachable),
        ];
        for (status, body, expected) in cases {
            assert_eq!(verdict(*status, &[], body).complaint, *expected, "{status} {body}");
        }
    }

    #[test]
    fn the_wait_is_in_the_header_else_in_the_sentence_else_at_the_used_up_limit() {
        let body =
            r#"{"error":{"message":"Please try again in 2.4s.","type":"requests","code":"rate_limit_exceeded"}}"#;
        assert_eq!(verdict(429, &[], body).retry_after, Some(Duration::from_millis(2400)));
        let stated = [("retry-after", "20"), ("x-ratelimit-reset-requests", "1s")];
        assert_eq!(verdict(429, &stated, body).retry_after, Some(Duration::from_secs(20)));
        let limits = [
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "20s"),
        ];
        let silent = r#"{"error":{"message":"Too many requests","code":"rate_limit_exceeded"}}"#;
        assert_eq!(verdict(429, &limits, silent).retry_after, Some(Duration::from_secs(20)));
        let day = [
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "8h0m0s"),
        ];
        assert_eq!(verdict(429, &day, silent).complaint, Complaint::Quota);
        // The limits stand on every answer; they mean a wait only where a limit was hit.
        let fault = r#"{"error":{"message":"It broke","type":"server_error","code":null}}"#;
        assert_eq!(verdict(500, &limits, fault).retry_after, None);
    }

    #[test]
    fn an_error_in_a_stream_is_classed_by_its_code() {
        assert_eq!(complaint_of(None, "rate_limit_exceeded", "slow"), Complaint::RateLimit);
        assert_eq!(
            complaint_of(None, "context_length_exceeded", ""),
            Complaint::ContextLength
        );
        assert_eq!(complaint_of(None, "server_error", ""), Complaint::Overload);
        assert_eq!(complaint_of(None, "insufficient_quota", ""), Complaint::Quota);
    }
}
