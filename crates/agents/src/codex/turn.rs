//! How a turn of Codex ended, and what an error of it means.

use codecourier_domain::event::{Event, TurnOutcome};
use serde_json::Value;

use crate::parse::bound;
use crate::parse::field::{take_list, take_text, text};

/// The end of a turn, from its record. The last thing that was said is in it.
pub(super) fn end(turn: &mut Value) -> Event {
    let mut items = take_list(turn, "items");
    let final_text = items
        .iter_mut()
        .rev()
        .find(|item| text(item, "type") == "agentMessage")
        .map(|item| take_text(item, "text"))
        .unwrap_or_default();
    let error = turn.get("error").filter(|error| !error.is_null());
    let (outcome, status) = match text(turn, "status") {
        "completed" => (TurnOutcome::Completed, None),
        "interrupted" => (TurnOutcome::Interrupted, None),
        _ => error.map_or((TurnOutcome::Crashed, None), cause),
    };
    let error = match outcome {
        TurnOutcome::Completed | TurnOutcome::Interrupted => None,
        _ => Some(bound::end(words(error), bound::NOTE)),
    };
    Event::TurnEnded {
        outcome,
        final_text: bound::middle(final_text, bound::TEXT).0,
        error,
        status,
    }
}

/// The end of a turn whose record is too long to be held. It came to its end, and its errors are told before.
pub(super) fn end_of_oversized(length: u64) -> Event {
    Event::TurnEnded {
        outcome: TurnOutcome::Completed,
        final_text: format!("[The last words are too long to be shown: the line has {length} bytes.]"),
        error: None,
        status: None,
    }
}

/// The end of a turn that did not begin, because a request was refused.
pub(super) fn refused(message: &str) -> Event {
    Event::TurnEnded {
        outcome: TurnOutcome::Crashed,
        final_text: String::new(),
        error: Some(bound::end(message.to_owned(), bound::NOTE)),
        status: None,
    }
}

/// Whether the turn failed because there is no conversation of that id.
pub(super) fn is_unknown_session(event: &Event) -> bool {
    match event {
        Event::TurnEnded {
            outcome: TurnOutcome::Crashed,
            error: Some(error),
            ..
        } => error.starts_with("no rollout found for thread id"),
        _ => false,
    }
}

/// The HTTP status that an error names or stands for.
pub(super) fn status(error: &Value) -> Option<u16> {
    cause(error).1
}

/// An error's words: what happened, and what the provider said of it.
pub(super) fn words(error: Option<&Value>) -> String {
    let Some(error) = error else {
        return "The turn failed and Codex does not say why.".to_owned();
    };
    match (text(error, "message"), text(error, "additionalDetails")) {
        (message, "") => message.to_owned(),
        (message, details) => format!("{message}: {details}"),
    }
}

fn cause(error: &Value) -> (TurnOutcome, Option<u16>) {
    use TurnOutcome::{BudgetLimit, ContextOverflow, Crashed, ProviderError, Refused};
    match error.get("codexErrorInfo") {
        Some(Value::String(word)) => match word.as_str() {
            "contextWindowExceeded" => (ContextOverflow, Some(400)),
            "sessionBudgetExceeded" => (BudgetLimit, None),
            "usageLimitExceeded" | "rateLimitExceeded" => (ProviderError, Some(429)),
            "flexUnavailable" | "serverOverloaded" | "policyCapacityUnavailable" => (ProviderError, Some(503)),
            "internalServerError" => (ProviderError, Some(500)),
            "modelNotFound" => (ProviderError, Some(404)),
            "unauthorized" => (ProviderError, Some(401)),
            "badRequest" => (ProviderError, Some(400)),
            "cyberPolicy" | "misalignmentPolicyViolation" | "inferenceHookDenied" => (Refused, None),
            // What it gives up after a stream that broke off each time.
            _ if text(error, "message").starts_with("stream disconnected") => (ProviderError, None),
            _ => (Crashed, None),
        },
        // One of the kinds of connection that broke, with the status it broke on, if it came to one.
        Some(Value::Object(kind)) => {
            let details = kind.values().find(|details| details.get("httpStatusCode").is_some());
            let status = details.and_then(|details| details.get("httpStatusCode")?.as_u64()?.try_into().ok());
            match details {
                Some(_) => (ProviderError, status),
                None => (Crashed, None),
            }
        }
        _ => (Crashed, None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_error_has_an_outcome() {
        let failed = |info: Value| {
            let mut turn = json!({"status": "failed", "error": {"message": "m", "codexErrorInfo": info}});
            match end(&mut turn) {
                Event::TurnEnded { outcome, status, .. } => (outcome, status),
                other => panic!("{other:?}"),
            }
        };
        let provider = |status| (TurnOutcome::ProviderError, status);
        assert_eq!(failed(json!("unauthorized")), provider(Some(401)));
        assert_eq!(failed(json!("rateLimitExceeded")), provider(Some(429)));
        assert_eq!(
            failed(json!({"responseTooManyFailedAttempts": {"httpStatusCode": 500}})),
            provider(Some(500))
        );
        assert_eq!(
            failed(json!({"httpConnectionFailed": {"httpStatusCode": null}})),
            provider(None)
        );
        assert_eq!(failed(json!("contextWindowExceeded")).0, TurnOutcome::ContextOverflow);
        assert_eq!(failed(json!("sessionBudgetExceeded")).0, TurnOutcome::BudgetLimit);
        assert_eq!(failed(json!("cyberPolicy")).0, TurnOutcome::Refused);
        for other in [
            json!("other"),
            json!("brand_new"),
            json!({"activeTurnNotSteerable": {}}),
            json!(null),
            json!(7),
        ] {
            assert_eq!(failed(other), (TurnOutcome::Crashed, None));
        }
    }

    #[test]
    fn a_turn_that_does_not_say_it_went_well_did_not() {
        let event = end(&mut json!({}));
        assert!(matches!(
            event,
            Event::TurnEnded {
                outcome: TurnOutcome::Crashed,
                error: Some(_),
                ..
            }
        ));
    }
}
