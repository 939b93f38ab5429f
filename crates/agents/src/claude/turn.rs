//! How a turn ended, read from the `result` line.
//!
//! The CLI's exit code and its `subtype` are not enough: an API error has the subtype `success`, and an interrupted
//! process exits with 0. `is_error` together with `terminal_reason` decides.

use codecourier_domain::event::{Event, TurnOutcome};
use codecourier_domain::money::MicroUsd;
use codecourier_domain::usage::Tokens;
use serde_json::Value;

use super::message::{count, status, text};
use crate::parse::field::micro_usd;
use crate::parse::{Line, bound};

/// The usage of the turn and its end, in this order.
pub(super) fn events(result: &Value) -> Vec<Event> {
    let (tokens, cost) = usage(result);
    vec![Event::UsageReported { tokens, cost }, end(result)]
}

/// The same for a `result` line that is too long to be held: without it the platform would wait for an end that has
/// been. How the turn ended stands before the text that makes the line long, so that the fields before it, closed, are
/// read; of any other oversized line they are none of a result.
pub(super) fn events_of_oversized(line: Line<'_>) -> Vec<Event> {
    const SEARCHED: usize = 64 * 1024;
    let head = String::from_utf8_lossy(&line.bytes[..line.bytes.len().min(SEARCHED)]);
    let Some((before, _)) = head.split_once(r#""result":"#) else {
        return Vec::new();
    };
    let words = format!(
        "[The last words are too long to be shown: the line has {} bytes.]",
        line.length
    );
    match serde_json::from_str::<Value>(&format!(r#"{before}"result":"{words}"}}"#)) {
        Ok(result) if result.get("total_cost_usd").is_some() && result.get("is_error").is_some() => events(&result),
        _ => Vec::new(),
    }
}

/// Whether the turn failed because there is no session of that id.
pub(super) fn is_unknown_session(event: &Event) -> bool {
    match event {
        Event::TurnEnded {
            outcome: TurnOutcome::Crashed,
            error: Some(error),
            ..
        } => error.starts_with("No conversation found with session ID"),
        _ => false,
    }
}

fn end(result: &Value) -> Event {
    let outcome = outcome(result);
    let said = text(result, "result").to_owned();
    let (final_text, error) = if result.get("is_error").and_then(Value::as_bool) == Some(false) {
        (said, None)
    } else {
        (String::new(), error(result, outcome, said))
    };
    Event::TurnEnded {
        outcome,
        final_text: bound::middle(final_text, bound::TEXT).0,
        error: error.map(|error| bound::end(error, bound::NOTE)),
        status: status(result, "api_error_status"),
    }
}

fn outcome(result: &Value) -> TurnOutcome {
    let failed = result.get("is_error").and_then(Value::as_bool) != Some(false);
    match text(result, "terminal_reason") {
        "aborted_streaming" | "aborted_tools" => return TurnOutcome::Interrupted,
        "max_turns" => return TurnOutcome::TurnLimit,
        "budget_exhausted" => return TurnOutcome::BudgetLimit,
        "prompt_too_long" | "blocking_limit" | "rapid_refill_breaker" => return TurnOutcome::ContextOverflow,
        _ => {}
    }
    match text(result, "subtype") {
        "error_max_turns" => return TurnOutcome::TurnLimit,
        "error_max_budget_usd" => return TurnOutcome::BudgetLimit,
        _ => {}
    }
    if text(result, "stop_reason") == "refusal" {
        return TurnOutcome::Refused;
    }
    if !failed {
        return TurnOutcome::Completed;
    }
    match text(result, "terminal_reason") {
        "api_error" | "model_error" | "image_error" | "malformed_tool_use_exhausted" => TurnOutcome::ProviderError,
        _ if status(result, "api_error_status").is_some() => TurnOutcome::ProviderError,
        _ => TurnOutcome::Crashed,
    }
}

fn error(result: &Value, outcome: TurnOutcome, said: String) -> Option<String> {
    if outcome == TurnOutcome::Interrupted {
        // What stands there is the CLI's own diagnostic of a stop that the platform asked for.
        return None;
    }
    if !said.is_empty() {
        return Some(said);
    }
    let errors: Vec<&str> = match result.get("errors") {
        Some(Value::Array(errors)) => errors.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    Some(if errors.is_empty() {
        text(result, "subtype").to_owned()
    } else {
        errors.join("; ")
    })
}

/// Usage of this turn. The sum over models includes sub-agents; the plain `usage` does not, and stands in when an
/// older or newer CLI has no such sum.
fn usage(result: &Value) -> (Tokens, Option<MicroUsd>) {
    match result.get("model_usage_since_last_result").and_then(Value::as_object) {
        Some(models) => {
            let tokens = models
                .values()
                .map(model_tokens)
                .fold(Tokens::default(), |sum, tokens| sum + tokens);
            let dollars: f64 = models.values().filter_map(|model| model.get("costUSD")?.as_f64()).sum();
            (tokens, micro_usd(dollars))
        }
        None => (plain_tokens(result.get("usage").unwrap_or(&Value::Null)), None),
    }
}

fn model_tokens(model: &Value) -> Tokens {
    let written = count(model, "cacheCreationInputTokens");
    let one_hour = count(model, "cacheCreationEphemeral1hInputTokens");
    Tokens {
        input: count(model, "inputTokens"),
        output: count(model, "outputTokens"),
        cache_read: count(model, "cacheReadInputTokens"),
        cache_write_5m: written.saturating_sub(one_hour),
        cache_write_1h: one_hour,
    }
}

fn plain_tokens(usage: &Value) -> Tokens {
    let one_hour = usage
        .get("cache_creation")
        .map_or(0, |written| count(written, "ephemeral_1h_input_tokens"));
    Tokens {
        input: count(usage, "input_tokens"),
        output: count(usage, "output_tokens"),
        cache_read: count(usage, "cache_read_input_tokens"),
        cache_write_5m: count(usage, "cache_creation_input_tokens").saturating_sub(one_hour),
        cache_write_1h: one_hour,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome_of(result: Value) -> TurnOutcome {
        outcome(&result)
    }

    #[test]
    fn a_result_that_does_not_say_it_went_well_did_not() {
        assert_eq!(outcome_of(json!({"subtype": "success"})), TurnOutcome::Crashed);
        assert_eq!(outcome_of(json!({"is_error": "false"})), TurnOutcome::Crashed);
        assert_eq!(outcome_of(json!({"is_error": false})), TurnOutcome::Completed);
    }

    #[test]
    fn an_oversized_result_still_ends_its_turn() {
        let of = |head: &str| {
            let bytes = format!("{head}{}", "x".repeat(100));
            let line = Line {
                bytes: bytes.as_bytes(),
                length: 20_000_000,
                end_offset: 20_000_001,
            };
            events_of_oversized(line)
        };
        let events = of(
            r#"{"total_cost_usd":0.1,"usage":{"input_tokens":5},"terminal_reason":"completed","is_error":false,"subtype":"success","result":""#,
        );
        let [
            Event::UsageReported { tokens, .. },
            Event::TurnEnded {
                outcome, final_text, ..
            },
        ] = events.as_slice()
        else {
            panic!("{events:?}")
        };
        assert_eq!((tokens.input, *outcome), (5, TurnOutcome::Completed));
        assert!(final_text.contains("20000000 bytes"), "{final_text}");

        for other in [
            r#"{"type":"user","message":{"content":[{"result":""#,
            r#"{"type":"user","text":"{\"total_cost_usd\":0,\"is_error\":false,\"result\":\""#,
            r#"{"type":"tool_use_summary","result":""#,
        ] {
            assert_eq!(of(other), [], "{other}");
        }
    }

    #[test]
    fn every_way_a_turn_can_stop_has_an_outcome() {
        let failed = |reason: &str| outcome_of(json!({"is_error": true, "terminal_reason": reason}));
        for reason in ["aborted_streaming", "aborted_tools"] {
            assert_eq!(failed(reason), TurnOutcome::Interrupted, "{reason}");
        }
        for reason in ["prompt_too_long", "blocking_limit", "rapid_refill_breaker"] {
            assert_eq!(failed(reason), TurnOutcome::ContextOverflow, "{reason}");
        }
        for reason in [
            "api_error",
            "model_error",
            "image_error",
            "malformed_tool_use_exhausted",
        ] {
            assert_eq!(failed(reason), TurnOutcome::ProviderError, "{reason}");
        }
        for reason in ["turn_setup_failed", "structured_output_retry_exhausted", "brand_new"] {
            assert_eq!(failed(reason), TurnOutcome::Crashed, "{reason}");
        }
        assert_eq!(failed("max_turns"), TurnOutcome::TurnLimit);
        assert_eq!(failed("budget_exhausted"), TurnOutcome::BudgetLimit);
        assert_eq!(
            outcome_of(json!({"is_error": true, "subtype": "error_max_turns"})),
            TurnOutcome::TurnLimit
        );
    }

    #[test]
    fn without_the_sum_over_models_the_plain_usage_stands_in() {
        let (tokens, cost) = usage(&json!({"usage": {
            "input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": 11, "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
        }}));
        let expected = Tokens {
            input: 5,
            output: 7,
            cache_read: 11,
            cache_write_5m: 10,
            cache_write_1h: 20,
        };
        assert_eq!((tokens, cost), (expected, None));
    }

    #[test]
    fn an_implausible_price_is_no_price() {
        for dollars in [json!(-1.0), json!(1e300), json!("free")] {
            let (_, cost) = usage(&json!({"model_usage_since_last_result": {"m": {"costUSD": dollars}}}));
            assert!(matches!(cost, None | Some(MicroUsd(0))), "{cost:?}");
        }
    }
}
