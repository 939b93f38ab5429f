//! How a turn ended, read from the answer to the message that began it.

use codecourier_domain::event::{Event, TurnOutcome};
use codecourier_domain::usage::Tokens;
use serde_json::Value;

use crate::parse::bound;
use crate::parse::field::{count, text};

/// The end of a turn. What was said last stands before it.
pub(super) fn end(result: &Value) -> Event {
    let (outcome, error) = match text(result, "stopReason") {
        "end_turn" => (TurnOutcome::Completed, None),
        "cancelled" => (TurnOutcome::Interrupted, None),
        "max_turn_requests" => (
            TurnOutcome::TurnLimit,
            Some("The agent used all the turns it may.".to_owned()),
        ),
        "max_tokens" => (
            TurnOutcome::ProviderError,
            Some("The model's answer was cut at the most it may write.".to_owned()),
        ),
        "refusal" => (TurnOutcome::Refused, Some("The model refused the request.".to_owned())),
        other => (
            TurnOutcome::Crashed,
            Some(format!(
                "The agent ended its turn with `{}`.",
                bound::end(other.to_owned(), 64)
            )),
        ),
    };
    ended(outcome, error, None)
}

/// The end of a turn that an error ended, or of one that did not begin.
pub(super) fn failed(error: &Value) -> Event {
    let details = error.get("data").unwrap_or(&Value::Null);
    let words = words(error, details);
    let status = status(details).or_else(|| status_in(&words));
    // OpenCode names its errors, and no status.
    let of_provider = ["APIError", "ProviderAuthError"].contains(&text(details, "errorName"));
    let outcome = if is_overflow(&words) {
        TurnOutcome::ContextOverflow
    } else if status.is_some() || of_provider {
        TurnOutcome::ProviderError
    } else {
        TurnOutcome::Crashed
    };
    ended(outcome, Some(words), status)
}

/// The end of a turn that cannot begin.
pub(super) fn impossible(words: &str) -> Event {
    ended(TurnOutcome::Crashed, Some(words.to_owned()), None)
}

/// The usage that an agent reports of a turn, if it does.
pub(super) fn usage(result: &Value) -> Option<Event> {
    let usage = result.get("usage").filter(|usage| usage.is_object())?;
    Some(Event::UsageReported {
        tokens: Tokens {
            input: count(usage, "inputTokens"),
            output: count(usage, "outputTokens") + count(usage, "thoughtTokens"),
            cache_read: count(usage, "cachedReadTokens"),
            cache_write_5m: count(usage, "cachedWriteTokens"),
            cache_write_1h: 0,
        },
        cost: None,
    })
}

/// Whether the turn failed because there is no session of that id.
pub(crate) fn is_unknown_session(event: &Event) -> bool {
    const WORDS: [&str; 4] = [
        "session not found",
        "resource not found",
        "no session found",
        // OpenCode's answer to the request to take it up.
        "opencode service failure",
    ];
    match event {
        Event::TurnEnded {
            outcome: TurnOutcome::Crashed,
            error: Some(error),
            ..
        } => {
            let error = error.to_lowercase();
            WORDS.iter().any(|words| error.contains(words))
        }
        _ => false,
    }
}

fn ended(outcome: TurnOutcome, error: Option<String>, status: Option<u16>) -> Event {
    Event::TurnEnded {
        outcome,
        final_text: String::new(),
        error: error.map(|error| bound::end(error, bound::NOTE)),
        status,
    }
}

fn words(error: &Value, details: &Value) -> String {
    let message = text(error, "message");
    let more = match details {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        details => match ["message", "details", "error"].map(|name| text(details, name)) {
            ["", "", ""] => details.to_string(),
            [message, "", ""] => message.to_owned(),
            ["", details, _] => details.to_owned(),
            [message, details, error] => format!("{message} {details} {error}").trim().to_owned(),
        },
    };
    match (message, more.as_str()) {
        ("", "") => "The agent failed and does not say why.".to_owned(),
        (message, "") => message.to_owned(),
        ("", more) => more.to_owned(),
        (message, more) => format!("{message}: {more}"),
    }
}

fn status(details: &Value) -> Option<u16> {
    ["statusCode", "status", "httpStatus"]
        .into_iter()
        .find_map(|name| details.get(name)?.as_u64()?.try_into().ok())
        .filter(|status| (400..600).contains(status))
}

/// A status that stands in the words alone: `API Error: 401 …`.
fn status_in(words: &str) -> Option<u16> {
    let (_, rest) = words.split_once("API Error: ")?;
    let digits = rest.get(..3)?;
    digits.parse().ok().filter(|status| (400..600).contains(status))
}

fn is_overflow(words: &str) -> bool {
    const WORDS: [&str; 5] = [
        "prompt is too long",
        "context_length_exceeded",
        "exceeds the context window",
        "maximum context length",
        "ContextOverflow",
    ];
    WORDS.iter().any(|known| words.contains(known))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(event: &Event) -> (TurnOutcome, Option<u16>) {
        match event {
            Event::TurnEnded { outcome, status, .. } => (*outcome, *status),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_way_a_turn_can_stop_has_an_outcome() {
        let of = |reason: &str| outcome(&end(&json!({"stopReason": reason}))).0;
        assert_eq!(of("end_turn"), TurnOutcome::Completed);
        assert_eq!(of("cancelled"), TurnOutcome::Interrupted);
        assert_eq!(of("max_turn_requests"), TurnOutcome::TurnLimit);
        assert_eq!(of("max_tokens"), TurnOutcome::ProviderError);
        assert_eq!(of("refusal"), TurnOutcome::Refused);
        assert_eq!(of("brand_new"), TurnOutcome::Crashed);
        assert_eq!(outcome(&end(&json!({}))).0, TurnOutcome::Crashed);
    }

    #[test]
    fn an_error_is_classed_by_what_it_names() {
        let of = |error: Value| outcome(&failed(&error));
        assert_eq!(
            of(json!({"message": "Internal error", "data": {"statusCode": 429, "message": "slow down"}})),
            (TurnOutcome::ProviderError, Some(429))
        );
        assert_eq!(
            of(json!({"message": "API Error: 401 no"})),
            (TurnOutcome::ProviderError, Some(401))
        );
        assert_eq!(
            of(json!({"message": "prompt is too long: 3 > 2"})).0,
            TurnOutcome::ContextOverflow
        );
        assert_eq!(
            of(json!({"message": "Internal error", "data": 7})),
            (TurnOutcome::Crashed, None)
        );
        assert!(is_unknown_session(&failed(
            &json!({"message": "Resource not found", "data": {"uri": "x"}})
        )));
    }
}
