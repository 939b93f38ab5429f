//! Error answers in each provider's shape and with its headers. Pure; the present time is an argument.

use codecourier_domain::time::Timestamp;
use serde_json::{Value, json};

use super::super::answer::{Failure, FailureKind};
use super::Service;

/// An error answer.
pub(in super::super) struct ErrorAnswer {
    pub(in super::super) status: u16,
    pub(in super::super) headers: Vec<(&'static str, String)>,
    pub(in super::super) body: Value,
}

pub(in super::super) fn answer(service: Service, failure: &Failure, now: Timestamp) -> ErrorAnswer {
    let mut headers = Vec::new();
    if let Some(seconds) = failure.retry_after {
        headers.push(("retry-after", seconds.to_string()));
    }
    if let Some(seconds) = failure.resets_after {
        headers.push(reset_header(service, seconds, now));
        if service == Service::OpenAi {
            // Its resets stand on every answer; the limit that is used up is the one that was hit.
            headers.push(("x-ratelimit-remaining-requests", "0".to_owned()));
        }
    }
    let (status, body) = match service {
        Service::Anthropic => anthropic(failure),
        Service::OpenAi => openai(failure),
        Service::OpenRouter => openrouter(failure),
    };
    ErrorAnswer { status, headers, body }
}

fn reset_header(service: Service, seconds: u64, now: Timestamp) -> (&'static str, String) {
    let later = now.plus_milliseconds(i64::try_from(seconds).unwrap_or(0) * 1000);
    match service {
        Service::Anthropic => ("anthropic-ratelimit-unified-reset", (later.0 / 1000).to_string()),
        Service::OpenAi => ("x-ratelimit-reset-requests", format!("{seconds}s")),
        Service::OpenRouter => ("x-ratelimit-reset", later.0.to_string()),
    }
}

fn words<'text>(failure: &'text Failure, usual: &'text str) -> &'text str {
    if failure.message.is_empty() {
        usual
    } else {
        &failure.message
    }
}

fn anthropic(failure: &Failure) -> (u16, Value) {
    let (status, kind, message) = match failure.kind {
        FailureKind::ContextOverflow => (
            400,
            "invalid_request_error",
            "prompt is too long: 210000 tokens > 200000 maximum",
        ),
        FailureKind::ContentPolicy => (
            400,
            "invalid_request_error",
            "Output blocked by content filtering policy",
        ),
        FailureKind::Quota => (
            400,
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
        ),
        FailureKind::Plain => (
            failure.status,
            match failure.status {
                401 => "authentication_error",
                402 => "billing_error",
                403 => "permission_error",
                404 => "not_found_error",
                413 => "request_too_large",
                429 => "rate_limit_error",
                529 => "overloaded_error",
                500.. => "api_error",
                _ => "invalid_request_error",
            },
            "scripted",
        ),
    };
    let error = json!({"type": kind, "message": words(failure, message)});
    (status, json!({"type": "error", "error": error}))
}

fn openai(failure: &Failure) -> (u16, Value) {
    let (status, kind, code, message) = match failure.kind {
        FailureKind::ContextOverflow => (
            400,
            "invalid_request_error",
            json!("context_length_exceeded"),
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
        ),
        FailureKind::ContentPolicy => (
            400,
            "invalid_request_error",
            json!("invalid_prompt"),
            "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
        ),
        FailureKind::Quota => (
            429,
            "insufficient_quota",
            json!("insufficient_quota"),
            "You exceeded your current quota, please check your plan and billing details.",
        ),
        FailureKind::Plain => {
            let (kind, code) = match failure.status {
                401 => ("invalid_request_error", json!("invalid_api_key")),
                403 => ("invalid_request_error", json!("insufficient_permissions")),
                404 => ("invalid_request_error", json!("model_not_found")),
                429 => ("requests", json!("rate_limit_exceeded")),
                503 => ("service_unavailable_error", json!("server_is_overloaded")),
                500.. => ("server_error", Value::Null),
                _ => ("invalid_request_error", Value::Null),
            };
            (failure.status, kind, code, "scripted")
        }
    };
    let error = json!({"message": words(failure, message), "type": kind, "param": null, "code": code});
    (status, json!({"error": error}))
}

fn openrouter(failure: &Failure) -> (u16, Value) {
    let (status, message, metadata) = match failure.kind {
        FailureKind::ContextOverflow => (
            400,
            "This endpoint's maximum context length is 200000 tokens. However, you requested about 210000 tokens. Please reduce the length of either one.",
            json!({"provider_name": "Scripted"}),
        ),
        FailureKind::ContentPolicy => (
            403,
            "Your input was flagged by moderation",
            json!({"reasons": ["violence"], "flagged_input": "…", "provider_name": "Scripted", "model_slug": "m"}),
        ),
        FailureKind::Quota => (
            402,
            "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
            Value::Null,
        ),
        FailureKind::Plain => (failure.status, "scripted", Value::Null),
    };
    let mut error = json!({"code": status, "message": words(failure, message)});
    if !metadata.is_null() {
        error["metadata"] = metadata;
    }
    (status, json!({"error": error, "user_id": "user_scripted"}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(service: Service, failure: &Failure) -> ErrorAnswer {
        answer(service, failure, Timestamp(1_000_000))
    }

    #[test]
    fn each_provider_says_it_in_its_own_words() {
        let quota = Failure::of_kind(FailureKind::Quota);
        assert_eq!(given(Service::Anthropic, &quota).status, 400);
        assert_eq!(
            given(Service::OpenAi, &quota).body["error"]["code"],
            "insufficient_quota"
        );
        assert_eq!(given(Service::OpenRouter, &quota).body["error"]["code"], 402);
    }

    #[test]
    fn waits_stand_where_the_provider_has_them() {
        let failure = Failure {
            status: 429,
            resets_after: Some(20),
            ..Failure::default()
        };
        let header = |service| given(service, &failure).headers.remove(0);
        assert_eq!(
            header(Service::Anthropic),
            ("anthropic-ratelimit-unified-reset", "1020".to_owned())
        );
        assert_eq!(
            header(Service::OpenAi),
            ("x-ratelimit-reset-requests", "20s".to_owned())
        );
        assert_eq!(header(Service::OpenRouter), ("x-ratelimit-reset", "1020000".to_owned()));
    }
}
