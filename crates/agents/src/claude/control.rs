//! The lines that go to the CLI's standard input.
//!
//! Invariant: each is one JSON object and one `\n`; a prompt's own line breaks are escaped by the encoding.

use serde_json::json;

use crate::parse::field::line;
use crate::session::{Image, Prompt};

/// A user message: starts a turn when the CLI waits, steers the model when it works.
pub(super) fn user_message(prompt: &Prompt) -> Vec<u8> {
    let content = if prompt.images.is_empty() {
        json!(prompt.text)
    } else {
        let text = json!({"type": "text", "text": prompt.text});
        prompt.images.iter().map(image).chain([text]).collect()
    };
    line(&json!({"type": "user", "message": {"role": "user", "content": content}}))
}

/// Ends the turn and keeps the session. The CLI answers with a `control_response` of the same id, then with a `result`.
pub(super) fn interrupt(request: &str) -> Vec<u8> {
    line(&json!({"type": "control_request", "request_id": request, "request": {"subtype": "interrupt"}}))
}

/// Lets the CLI use the tool it asks for, as it asks.
pub(super) fn allow(request: &str, input: &serde_json::Value) -> Vec<u8> {
    let answer = json!({"behavior": "allow", "updatedInput": input});
    line(
        &json!({"type": "control_response", "response": {"subtype": "success", "request_id": request, "response": answer}}),
    )
}

/// Tells the CLI that what it asks for is not to be had.
pub(super) fn refuse(request: &str, reason: &str) -> Vec<u8> {
    line(&json!({"type": "control_response", "response": {"subtype": "error", "request_id": request, "error": reason}}))
}

fn image(image: &Image) -> serde_json::Value {
    json!({
        "type": "image",
        "source": {"type": "base64", "media_type": image.media_type.as_str(), "data": image.base64},
    })
}
