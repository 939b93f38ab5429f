//! Reading a line that must be one JSON object: the same care for every agent about what is too long, no UTF-8 or no JSON.

use codecourier_domain::event::Event;
use serde_json::Value;

use super::bound::{notice, unknown};
use super::{Line, Meaning};

/// Reads a line with `understand`, which gets an object.
pub fn read(line: Line<'_>, understand: impl FnOnce(Value) -> Meaning) -> Meaning {
    if line.is_oversized() {
        let reason = format!("the line is too long: {} bytes", line.length);
        return vec![unknown(line.bytes, &reason)].into();
    }
    if line.bytes.is_empty() {
        return Meaning::default();
    }
    let (value, is_clean) = match std::str::from_utf8(line.bytes) {
        Ok(text) => (serde_json::from_str(text), true),
        Err(_) => (serde_json::from_str(&String::from_utf8_lossy(line.bytes)), false),
    };
    match value {
        Ok(value @ Value::Object(_)) => {
            let mut meaning = understand(value);
            if !is_clean
                && !meaning
                    .events
                    .iter()
                    .any(|event| matches!(event, Event::Unknown { .. }))
            {
                meaning.events.push(notice(
                    "The agent wrote bytes that are not UTF-8; they are shown as \u{fffd}.",
                ));
            }
            meaning
        }
        _ => vec![unknown(line.bytes, "not a JSON object of the agent's protocol")].into(),
    }
}
