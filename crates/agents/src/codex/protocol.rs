//! The messages to Codex's app server.
//!
//! Invariant: each is one JSON object and one `\n`, without the `jsonrpc` field, which the server does not use.

use codecourier_domain::agent::Effort;
use serde_json::{Value, json};

use crate::parse::field::line;
use crate::session::{Image, Prompt, SessionSpec, SessionStart};

/// The id of the request that begins the conversation or takes it up.
pub(super) const THREAD: &str = "thread";
/// The id of the request that gives the first message.
pub(super) const FIRST_MESSAGE: &str = "message:first";

/// What can be sent without waiting: who is there, and which conversation it is about.
pub(super) fn opening(session: &SessionSpec) -> Vec<u8> {
    let initialize = json!({
        "id": "initialize",
        "method": "initialize",
        "params": {
            "clientInfo": {"name": "codecourier", "title": "CodeCourier", "version": env!("CARGO_PKG_VERSION")},
            "capabilities": {"experimentalApi": true},
        },
    });
    let mut params = json!({
        "model": session.model.as_str(),
        "cwd": session.workspace.as_str(),
        // The sandbox around the agent is the wall.
        "approvalPolicy": "never",
        "sandbox": "danger-full-access",
    });
    if let Some(rules) = &session.system_prompt {
        params["developerInstructions"] = json!(rules);
    }
    let method = match &session.start {
        SessionStart::New => "thread/start",
        SessionStart::Resume(handle) => {
            params["threadId"] = json!(handle.session);
            params["excludeTurns"] = json!(true);
            "thread/resume"
        }
    };
    let thread = json!({"id": THREAD, "method": method, "params": params});
    [
        line(&initialize),
        line(&json!({"method": "initialized"})),
        line(&thread),
    ]
    .concat()
}

/// A message: starts a turn when the agent waits, and is added to the turn when it works.
pub(super) fn turn(id: &str, thread: &str, prompt: &Prompt, effort: Option<Effort>) -> Vec<u8> {
    let text = json!({"type": "text", "text": prompt.text});
    let input: Vec<Value> = prompt.images.iter().map(image).chain([text]).collect();
    let mut params = json!({"threadId": thread, "input": input, "summary": "auto"});
    if let Some(effort) = effort {
        params["effort"] = json!(effort.as_str());
    }
    line(&json!({"id": id, "method": "turn/start", "params": params}))
}

/// Ends a turn and keeps the conversation.
pub(super) fn interrupt(id: &str, thread: &str, turn: &str) -> Vec<u8> {
    line(&json!({"id": id, "method": "turn/interrupt", "params": {"threadId": thread, "turnId": turn}}))
}

/// Answers a request of the server.
pub(super) fn answer(id: &Value, result: &Value) -> Vec<u8> {
    line(&json!({"id": id, "result": result}))
}

/// Tells the server that what it asks for is not to be had.
pub(super) fn refuse(id: &Value, reason: &str) -> Vec<u8> {
    line(&json!({"id": id, "error": {"code": -32_601, "message": reason}}))
}

fn image(image: &Image) -> Value {
    let url = format!("data:{};base64,{}", image.media_type.as_str(), image.base64);
    json!({"type": "image", "url": url})
}
