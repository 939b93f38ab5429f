//! Cutting what goes into events, so that no line of an agent can make an event large. Parsers use it.
//!
//! Invariant: what comes out is at most the limit plus one short mark, and says where and how much was cut.

use codecourier_domain::event::Event;
use serde_json::Value;

/// The most of a text, of a final answer, and so of a verdict in it.
pub const TEXT: usize = 256 * 1024;
/// The most of a tool's output, and of a thought.
pub const OUTPUT: usize = 64 * 1024;
/// The most of a tool's arguments, and of one text in them.
pub const INPUT: usize = 64 * 1024;
const INPUT_TEXT: usize = 16 * 1024;
/// The most of a notice, an error or a line that is not understood.
pub const NOTE: usize = 4 * 1024;
/// The most of a name or an id.
pub const NAME: usize = 256;
/// The most events of one line.
pub const EVENTS: usize = 256;

/// Keeps the beginning and the end of a text: errors stand at the end, and so do answers.
#[must_use]
pub fn middle(text: String, limit: usize) -> (String, bool) {
    if text.len() <= limit {
        return (text, false);
    }
    let head = &text[..floor(&text, limit / 2)];
    let tail = &text[ceiling(&text, text.len() - limit / 2)..];
    let cut = text.len() - head.len() - tail.len();
    (format!("{head}\n… {cut} bytes cut …\n{tail}"), true)
}

/// Keeps the beginning of a text.
#[must_use]
pub fn end(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let at = floor(&text, limit);
        text.truncate(at);
        text.push('…');
    }
    text
}

/// Makes a tool's arguments small enough: long texts lose their middle, then what is too much is left out.
#[must_use]
pub fn arguments(value: Value) -> Value {
    if size(&value) <= INPUT {
        return value;
    }
    let mut room = INPUT;
    shrink(value, &mut room)
}

/// A name or an id, cut.
#[must_use]
pub fn name(text: impl Into<String>) -> String {
    end(text.into(), NAME)
}

/// A notice, cut.
#[must_use]
pub fn notice(message: impl Into<String>) -> Event {
    Event::Notice {
        message: end(message.into(), NOTE),
    }
}

/// A line, or a part of one, that is not understood, cut.
#[must_use]
pub fn unknown(raw: &[u8], reason: &str) -> Event {
    let head = &raw[..raw.len().min(NOTE)];
    Event::Unknown {
        raw: String::from_utf8_lossy(head).into_owned(),
        reason: reason.to_owned(),
    }
}

fn shrink(value: Value, room: &mut usize) -> Value {
    match value {
        Value::String(text) => {
            let (text, _) = middle(text, INPUT_TEXT.min(*room));
            *room = room.saturating_sub(text.len());
            Value::String(text)
        }
        Value::Array(values) => {
            let mut kept = Vec::new();
            for value in values {
                if *room == 0 {
                    break;
                }
                kept.push(shrink(value, room));
            }
            *room = room.saturating_sub(2);
            Value::Array(kept)
        }
        Value::Object(values) => {
            let mut kept = serde_json::Map::new();
            for (name, value) in values {
                if *room == 0 {
                    break;
                }
                *room = room.saturating_sub(name.len().min(NAME));
                kept.insert(end(name, NAME), shrink(value, room));
            }
            *room = room.saturating_sub(2);
            Value::Object(kept)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            *room = room.saturating_sub(8);
            value
        }
    }
}

/// About the length of the value as text.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(values) => values.iter().map(|value| size(value) + 1).sum::<usize>() + 2,
        Value::Object(values) => {
            values
                .iter()
                .map(|(name, value)| name.len() + size(value) + 4)
                .sum::<usize>()
                + 2
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceiling(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_text_keeps_both_ends_and_says_what_is_missing() {
        let (text, cut) = middle(format!("first{}last", "x".repeat(1000)), 40);
        assert!(cut);
        assert!(text.starts_with("first") && text.ends_with("last"));
        assert!(text.contains("… 969 bytes cut …"), "{text}");
        assert_eq!(middle("short".into(), 40), ("short".into(), false));
    }

    #[test]
    fn long_arguments_keep_their_names() {
        let input = json!({"file_path": "/home/user/project/a", "content": "y".repeat(1_000_000), "replace_all": true});
        let small = arguments(input);
        assert_eq!(small["file_path"], "/home/user/project/a");
        assert_eq!(small["replace_all"], true);
        assert!(small["content"].as_str().unwrap().contains("bytes cut"));
        assert!(small.to_string().len() < INPUT);
    }

    #[test]
    fn many_arguments_are_bounded_too() {
        let many = Value::Array((0..100_000).map(|number| json!({"n": number, "s": "zz"})).collect());
        assert!(arguments(many).to_string().len() < 4 * INPUT);
    }

    proptest! {
        #[test]
        fn no_text_is_cut_inside_a_character(text in "\\PC{0,200}", limit in 1usize..64) {
            let (kept, cut) = middle(text.clone(), limit);
            prop_assert_eq!(cut, text.len() > limit);
            prop_assert!(kept.len() <= limit + 64);
            prop_assert!(end(text, limit).len() <= limit + '…'.len_utf8());
        }
    }
}
