//! Fields of JSON that somebody else wrote: each is there or it is not, and none of them is an error. Adapters use it.

use codecourier_domain::money::MicroUsd;
use serde_json::Value;

/// A field as text, or nothing.
#[must_use]
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A field as text, taken out, or nothing.
pub fn take_text(value: &mut Value, name: &str) -> String {
    match value.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

/// A field, taken out, or null.
pub fn take(value: &mut Value, name: &str) -> Value {
    value.get_mut(name).map(Value::take).unwrap_or_default()
}

/// The elements of a field, taken out, or none.
pub fn take_list(value: &mut Value, name: &str) -> Vec<Value> {
    match take(value, name) {
        Value::Array(values) => values,
        _ => Vec::new(),
    }
}

/// A field as a count, or zero.
#[must_use]
pub fn count(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// A field as an HTTP status, if it is one.
#[must_use]
pub fn status(value: &Value, name: &str) -> Option<u16> {
    value.get(name)?.as_u64()?.try_into().ok()
}

/// Whether a field is `true`.
#[must_use]
pub fn is_true(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or_default()
}

/// A price in dollars, if it is a plausible one: an agent's number.
#[must_use]
pub fn micro_usd(dollars: f64) -> Option<MicroUsd> {
    let micros = (dollars * 1e6).round();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked in the same expression"
    )]
    (0.0..1e15).contains(&micros).then_some(MicroUsd(micros as i64))
}

/// One line of JSON with its `\n`.
#[must_use]
pub fn line(value: &Value) -> Vec<u8> {
    let mut bytes = value.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}
