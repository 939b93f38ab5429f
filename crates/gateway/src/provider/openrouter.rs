//! OpenRouter's API: headers, error shape and what its errors mean. Its codes are HTTP statuses, also in the middle of a
//! stream; what the provider behind it said stands in `metadata`. Pure.

use http::HeaderMap;
use serde_json::Value;

use super::openai::{self, read_error};
use super::verdict::{hint_of_limits, moment_in_milliseconds, settled};
use super::{ProviderVerdict, Refusal};
use crate::observer::Complaint;

/// Who calls, in OpenRouter's own headers, and what its Messages API needs.
pub(super) fn is_forwarded(name: &str) -> bool {
    matches!(
        name,
        "http-referer" | "x-title" | "x-openrouter-title" | "anthropic-version" | "anthropic-beta"
    )
}

pub(super) fn refusal_body(refusal: Refusal, message: &str) -> (u16, String) {
    let status = refusal.status();
    let body = serde_json::json!({"error": {"code": status, "message": message}});
    (status, body.to_string())
}

pub(super) fn classify(status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderVerdict {
    let error = read_error(body);
    let raw = match &error.metadata["raw"] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let message = match (error.message.as_str(), raw.as_str()) {
        ("", "") => String::from_utf8_lossy(&body[..body.len().min(500)]).trim().to_owned(),
        (said, "") => said.to_owned(),
        // "Provider returned error" alone helps nobody.
        (said, raw) => format!("{said}: {raw}"),
    };
    let is_moderated = !error.metadata["reasons"].is_null() || !error.metadata["flagged_input"].is_null();
    let complaint = if is_moderated {
        Complaint::ContentPolicy
    } else {
        openai::complaint_of(Some(status), &error.kind, &message)
    };
    let (retry_after, dated) = hint_of_limits(headers);
    let in_header = headers.get("x-ratelimit-reset").and_then(|value| value.to_str().ok());
    // Limits of its own come with the headers of the answer inside the error, too.
    let in_body = match &error.metadata["headers"]["X-RateLimit-Reset"] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let resets_at = in_header
        .or(in_body.as_deref())
        .and_then(moment_in_milliseconds)
        .or(dated);
    settled(ProviderVerdict {
        complaint,
        message,
        retry_after,
        resets_at,
    })
}

/// Classes an error in the middle of a stream, whose code is a status or, from some providers, a word.
pub(super) fn complaint_of(code: &str, message: &str) -> Complaint {
    openai::complaint_of(code.parse().ok(), code, message)
}

#[cfg(test)]
mod tests {
    use codecourier_domain::time::Timestamp;

    use super::*;

    fn verdict(status: u16, body: &str) -> ProviderVerdict {
        classify(status, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn each_error_has_its_class() {
        use Complaint::{Authentication, BadRequest, ContentPolicy, ContextLength, Overload, Quota, RateLimit};
        let cases: &[(u16, &str, Complaint)] = &[
            (
                401,
                r#"{"error":{"message":"User not found.","code":401}}"#,
                Authentication,
            ),
            (402, r#"{"error":{"message":"Insufficient credits","code":402}}"#, Quota),
            (
                403,
                r#"{"error":{"message":"Input flagged","code":403,"metadata":{"reasons":["violence"],"flagged_input":"…"}}}"#,
                ContentPolicy,
            ),
            (403, r#"{"error":{"message":"Key limit exceeded","code":403}}"#, Quota),
            (
                429,
                r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"busy","provider_name":"P"}}}"#,
                RateLimit,
            ),
            (
                400,
                r#"{"error":{"message":"This endpoint's maximum context length is 1000 tokens.","code":400}}"#,
                ContextLength,
            ),
            (502, r#"{"error":{"message":"Provider down","code":502}}"#, Overload),
            (408, r#"{"error":{"message":"Timed out","code":408}}"#, Overload),
            (
                400,
                r#"{"error":{"message":"x is not a valid model ID","code":400}}"#,
                BadRequest,
            ),
        ];
        for (status, body, expected) in cases {
            assert_eq!(verdict(*status, body).complaint, *expected, "{status} {body}");
        }
        let told = verdict(
            502,
            r#"{"error":{"message":"Provider returned error","code":502,"metadata":{"raw":{"why":"fire"}}}}"#,
        );
        assert_eq!(told.message, r#"Provider returned error: {"why":"fire"}"#);
    }

    #[test]
    fn the_reset_is_in_the_header_or_in_the_body() {
        let body = r#"{"error":{"message":"Rate limit exceeded: free-models-per-day","code":429,"metadata":{"headers":{"X-RateLimit-Reset":"1795345200000"}}}}"#;
        assert_eq!(verdict(429, body).resets_at, Some(Timestamp(1_795_345_200_000)));
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-reset", http::HeaderValue::from_static("1795345200000"));
        let verdict = classify(429, &headers, b"{}");
        assert_eq!(verdict.resets_at, Some(Timestamp(1_795_345_200_000)));
    }

    #[test]
    fn codes_in_a_stream_are_statuses() {
        assert_eq!(complaint_of("429", "x"), Complaint::RateLimit);
        assert_eq!(complaint_of("502", "x"), Complaint::Overload);
        assert_eq!(complaint_of("server_error", "x"), Complaint::Overload);
    }
}
