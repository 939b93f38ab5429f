//! Answers as event streams and as JSON: hand-written exchanges expanded, recorded ones converted when the agent asks
//! for the other form. One file for each language. Pure.

use bytes::Bytes;
use codecourier_domain::usage::Tokens;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::format::Exchange;
use crate::provider::Dialect;

mod chat;
mod messages;
mod responses;

/// Characters of a text in one delta.
const DELTA_CHARACTERS: usize = 48;

/// Expands an exchange written by hand into a whole answer. Identifiers are derived from the place in the cassette, so
/// the same request gets the same bytes; `request_bytes` stands in for the input where no usage is given.
pub(super) fn document(dialect: Dialect, exchange: &Exchange, model: &str, request_bytes: usize) -> Value {
    match dialect {
        Dialect::Messages => messages::message(exchange, model, request_bytes),
        Dialect::Responses => responses::response(exchange, model, request_bytes),
        Dialect::Chat => chat::completion(exchange, model, request_bytes),
    }
}

/// The event stream of a whole answer, one event per element.
pub(super) fn stream(dialect: Dialect, document: &Value) -> Vec<Bytes> {
    match dialect {
        Dialect::Messages => messages::stream(document),
        Dialect::Responses => responses::stream(document),
        Dialect::Chat => chat::stream(document),
    }
}

/// The whole answer of an event stream. None when the stream is not a whole answer.
pub(super) fn assemble(dialect: Dialect, stream: &[u8]) -> Option<Value> {
    match dialect {
        Dialect::Messages => messages::assemble(stream),
        Dialect::Responses => responses::assemble(stream),
        Dialect::Chat => chat::assemble(stream),
    }
}

fn identifier(exchange: &Exchange, kind: &str, number: usize) -> String {
    let place = format!("{}#{}", exchange.lane, exchange.index.unwrap_or(0));
    format!(
        "{kind}_{}",
        hex::encode(&Sha256::digest(format!("{kind} {place} {number}"))[..12])
    )
}

/// The usage an exchange states, or one from the sizes.
fn usage_of(exchange: &Exchange, request_bytes: usize, answer_bytes: usize) -> Tokens {
    exchange.usage.unwrap_or(Tokens {
        input: (request_bytes / 4) as u64,
        output: (answer_bytes / 4) as u64,
        ..Tokens::default()
    })
}

/// What OpenAI calls input: all of it.
const fn all_input(usage: &Tokens) -> u64 {
    Tokens { output: 0, ..*usage }.total()
}

/// A text in pieces of a few words.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest
            .char_indices()
            .nth(DELTA_CHARACTERS)
            .map_or(rest.len(), |(position, _)| position);
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// `{"$lines": [...]}` becomes one text, every line ended, wherever it stands in an input.
fn with_lines_joined(value: Value) -> Value {
    match value {
        Value::Object(fields) => match fields.get("$lines").and_then(Value::as_array) {
            Some(lines) if fields.len() == 1 => Value::String(
                lines
                    .iter()
                    .map(|line| format!("{}\n", line.as_str().unwrap_or_default()))
                    .collect(),
            ),
            _ => Value::Object(
                fields
                    .into_iter()
                    .map(|(name, field)| (name, with_lines_joined(field)))
                    .collect::<Map<_, _>>(),
            ),
        },
        Value::Array(items) => Value::Array(items.into_iter().map(with_lines_joined).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassette::Cassette;
    use crate::meter::UsageTap;

    fn written() -> Exchange {
        let text = r#"{"codecourier_cassette": 1}
            {"lane": "designer#1", "think": "Hm. Ünïcode 🦀.", "say": ["A long text that is longer than one delta can be,", "in two lines."],
             "tool_use": [{"name": "write", "input": {"path": "/p/a", "content": {"$lines": ["one", "two"]}}}, {"name": "bash"}],
             "usage": {"input": 1200, "output": 34, "cacheRead": 5, "cacheWrite5m": 13}}"#;
        let cassette = Cassette::parse("test", text.as_bytes()).unwrap();
        cassette.exchanges()[0].clone()
    }

    #[test]
    fn stream_and_document_are_each_others_inverse_in_every_language() {
        for dialect in Dialect::ALL {
            let whole = document(dialect, &written(), "m", 0);
            assert_eq!(
                assemble(dialect, &stream(dialect, &whole).concat()),
                Some(whole),
                "{dialect:?}"
            );
        }
    }

    #[test]
    fn the_meter_reads_what_the_exchange_states_from_either_form() {
        for dialect in Dialect::ALL {
            let whole = document(dialect, &written(), "m", 0);
            let mut of_json = UsageTap::of_json(dialect);
            of_json.feed(whole.to_string().as_bytes());
            let mut of_stream = UsageTap::of_stream(dialect);
            of_stream.feed(&stream(dialect, &whole).concat());
            for mut tap in [of_json, of_stream] {
                tap.end();
                assert_eq!(Some(tap.usage().tokens), written().usage, "{dialect:?}");
                assert!(tap.usage().is_exact(), "{dialect:?}");
            }
        }
    }

    #[test]
    fn a_stream_that_is_cut_is_no_answer() {
        for dialect in Dialect::ALL {
            let events = stream(dialect, &document(dialect, &written(), "m", 0));
            let cut = events[..events.len() - 3].concat();
            assert_eq!(assemble(dialect, &cut), None, "{dialect:?}");
            assert_eq!(assemble(dialect, b""), None);
        }
    }
}
