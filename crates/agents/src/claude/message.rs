//! The shapes of the CLI's lines, as far as they are read.
//!
//! Invariant: only the envelope is strict (an object whose parts are JSON). What is inside is looked up field by field,
//! so that a field which a later version changes costs that field and not the line.

use serde::Deserialize;
use serde_json::value::RawValue;

pub(super) use crate::parse::field::{count, status, take_text, text};

/// Any line. Parts stay unparsed until the kind of line says that they are needed.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) subtype: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) message: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) event: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) parent_tool_use_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_use_result: Option<&'a RawValue>,
    #[serde(borrow, rename = "isReplay")]
    pub(super) is_replay: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) is_api_error_message: Option<&'a RawValue>,
}

/// A JSON string without escapes, as the CLI writes its keywords.
pub(super) fn keyword(raw: Option<&RawValue>) -> &str {
    raw.and_then(|raw| raw.get().strip_prefix('"')?.strip_suffix('"'))
        .unwrap_or_default()
}

/// A JSON string, unescaped.
pub(super) fn string(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}

/// Whether a part is `true`.
pub(super) fn is_true(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| raw.get() == "true")
}

/// The part of a raw stream event that is shown while the model writes. Everything else in it comes again as a whole.
#[derive(Debug, Deserialize)]
pub(super) struct StreamEvent {
    pub(super) delta: Option<Delta>,
}

/// A piece of what the model writes.
#[derive(Debug, Deserialize)]
pub(super) struct Delta {
    pub(super) text: Option<String>,
    pub(super) thinking: Option<String>,
}
