//! The commands to Pi's standard input.

use serde_json::{Value, json};

use crate::parse::field::line;
use crate::session::Prompt;

/// The id of the question that begins the conversation.
pub(super) const STATE: &str = "state";
/// The id of the first message.
pub(super) const FIRST_MESSAGE: &str = "message:first";

/// What Pi is told first: to say who it is, and the first message.
pub(super) fn opening(first: &Prompt) -> Vec<u8> {
    let state = line(&json!({"id": STATE, "type": "get_state"}));
    [state, prompt(FIRST_MESSAGE, first)].concat()
}

/// A message: starts a turn when Pi waits, and steers the model when it works.
pub(super) fn prompt(id: &str, prompt: &Prompt) -> Vec<u8> {
    let images: Vec<Value> = prompt
        .images
        .iter()
        .map(|image| json!({"type": "image", "data": image.base64, "mimeType": image.media_type.as_str()}))
        .collect();
    let mut command = json!({"id": id, "type": "prompt", "message": prompt.text, "streamingBehavior": "steer"});
    if !images.is_empty() {
        command["images"] = images.into();
    }
    line(&command)
}

/// Ends the turn and keeps the session.
pub(super) fn abort(id: &str) -> Vec<u8> {
    line(&json!({"id": id, "type": "abort"}))
}

/// Declines a question to a person: there is none.
pub(super) fn cancel(question: &Value) -> Vec<u8> {
    line(&json!({"type": "extension_ui_response", "id": question, "cancelled": true}))
}
