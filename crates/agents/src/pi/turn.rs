//! How a turn of Pi ended, read from the last answer of its run.

use codecourier_domain::event::{Event, TurnOutcome};
use serde_json::Value;

use crate::parse::bound;
use crate::parse::field::{take_list, take_text, text};

/// The end of a run, from its messages.
pub(super) fn end(messages: Vec<Value>) -> Event {
    let mut last = messages
        .into_iter()
        .rev()
        .find(|message| text(message, "role") == "assistant");
    let Some(message) = &mut last else {
        return ended(
            TurnOutcome::Crashed,
            String::new(),
            Some("Pi ended without an answer.".to_owned()),
        );
    };
    let said: Vec<String> = take_list(message, "content")
        .into_iter()
        .filter(|block| text(block, "type") == "text")
        .map(|mut block| take_text(&mut block, "text"))
        .collect();
    let error = take_text(message, "errorMessage");
    match text(message, "stopReason") {
        "error" => {
            let outcome = if is_overflow(&error) {
                TurnOutcome::ContextOverflow
            } else {
                TurnOutcome::ProviderError
            };
            ended(outcome, String::new(), Some(error))
        }
        "aborted" => ended(TurnOutcome::Interrupted, String::new(), None),
        "length" => ended(
            TurnOutcome::ProviderError,
            String::new(),
            Some("The model's answer was cut at the most it may write.".to_owned()),
        ),
        _ => ended(TurnOutcome::Completed, said.join("\n"), None),
    }
}

/// The end of a run whose messages are too long to be held. It came to its end, and its errors are told before.
pub(super) fn end_of_oversized(length: u64) -> Event {
    let words = format!("[The last words are too long to be shown: the line has {length} bytes.]");
    ended(TurnOutcome::Completed, words, None)
}

/// The end of a turn that a person cut off while Pi waited to ask the model again.
pub(super) fn interrupted() -> Event {
    ended(TurnOutcome::Interrupted, String::new(), None)
}

/// The end of a turn that did not begin.
pub(super) fn refused(error: String) -> Event {
    ended(TurnOutcome::Crashed, String::new(), Some(error))
}

fn ended(outcome: TurnOutcome, final_text: String, error: Option<String>) -> Event {
    let status = error.as_deref().and_then(status);
    Event::TurnEnded {
        outcome,
        final_text: bound::middle(final_text, bound::TEXT).0,
        error: error.map(|error| bound::end(error, bound::NOTE)),
        status,
    }
}

/// The HTTP status that an error's words begin with: `429 {"type":"error",…}`, `gateway API error (429): …`. The first
/// word is the name that the provider has in Pi's settings.
pub(super) fn status(error: &str) -> Option<u16> {
    let error = match error.split_once(" API error (") {
        Some((provider, rest)) if !provider.contains(char::is_whitespace) => rest,
        _ => error,
    };
    let (digits, rest) = error.split_at_checked(3)?;
    let status: u16 = digits.parse().ok()?;
    let ends = !rest.starts_with(|character: char| character.is_ascii_digit());
    (ends && (400..600).contains(&status)).then_some(status)
}

fn is_overflow(error: &str) -> bool {
    const WORDS: [&str; 5] = [
        "prompt is too long",
        "context_length_exceeded",
        "exceeds the context window",
        "maximum context length",
        "Context overflow",
    ];
    WORDS.iter().any(|words| error.contains(words))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(message: Value) -> (TurnOutcome, String, Option<u16>) {
        match end(vec![json!({"role": "user"}), message, json!({"role": "toolResult"})]) {
            Event::TurnEnded {
                outcome,
                final_text,
                status,
                ..
            } => (outcome, final_text, status),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_way_a_run_can_stop_has_an_outcome() {
        let stopped = |reason: &str, error: &str| {
            of(json!({"role": "assistant", "stopReason": reason, "errorMessage": error,
                      "content": [{"type": "thinking", "thinking": "x"}, {"type": "text", "text": "said"}]}))
        };
        assert_eq!(stopped("stop", ""), (TurnOutcome::Completed, "said".to_owned(), None));
        assert_eq!(stopped("aborted", "").0, TurnOutcome::Interrupted);
        assert_eq!(stopped("length", "").0, TurnOutcome::ProviderError);
        assert_eq!(
            stopped("error", "401 no"),
            (TurnOutcome::ProviderError, String::new(), Some(401))
        );
        assert_eq!(
            stopped("error", "prompt is too long: 3").0,
            TurnOutcome::ContextOverflow
        );
    }

    #[test]
    fn a_status_is_a_number_at_the_beginning() {
        assert_eq!(status("OpenAI API error (429): 12 requests"), Some(429));
        assert_eq!(status("gateway API error (401): {\"message\":\"no\"}"), Some(401));
        assert_eq!(status("it said: gateway API error (401)"), None);
        assert_eq!(status("529 {\"type\":\"error\"}"), Some(529));
        for none in ["", "no", "no number", "after 500 tries", "50000", "200 fine", "é429"] {
            assert_eq!(status(none), None, "{none}");
        }
    }
}
