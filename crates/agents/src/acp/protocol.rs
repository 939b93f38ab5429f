//! The messages of the Agent Client Protocol that go to the agent.
//!
//! Invariant: each is one JSON object and one `\n`.

use serde_json::{Value, json};

use super::PROTOCOL_VERSION;
use crate::parse::field::line;
use crate::session::{Image, McpServer, Prompt, SessionHandle, SessionSpec};

/// The id of the request that opens the connection.
pub(super) const INITIALIZE: &str = "initialize";
/// What the ids of requests begin with, before what an answer cannot tell by itself.
pub(super) const SESSION: &str = "session:";
pub(super) const MODEL: &str = "model:";
pub(super) const EFFORT: &str = "effort:";
pub(super) const MESSAGE: &str = "message:";

/// Opens the connection. The agent is offered nothing: it reads and writes files itself.
pub(crate) fn opening() -> Vec<u8> {
    let params = json!({
        "protocolVersion": PROTOCOL_VERSION,
        "clientCapabilities": {"fs": {"readTextFile": false, "writeTextFile": false}, "terminal": false},
        "clientInfo": {"name": "codecourier", "title": "CodeCourier", "version": env!("CARGO_PKG_VERSION")},
    });
    request(INITIALIZE, "initialize", &params)
}

/// A further message.
pub(crate) fn user_message(session: &SessionHandle, prompt: &Prompt, id: &str) -> Vec<u8> {
    message(&format!("{MESSAGE}{id}"), &session.session, None, prompt)
}

/// Ends the turn and keeps the session: the answer to the message says so.
pub(crate) fn interrupt(session: &SessionHandle) -> Vec<u8> {
    let params = json!({"sessionId": session.session});
    line(&json!({"jsonrpc": "2.0", "method": "session/cancel", "params": params}))
}

/// A message, after rules that have no other place.
pub(super) fn message(id: &str, session: &str, rules: Option<&str>, prompt: &Prompt) -> Vec<u8> {
    let text = |text: &str| json!({"type": "text", "text": text});
    let blocks: Vec<Value> = rules
        .map(text)
        .into_iter()
        .chain(prompt.images.iter().map(image))
        .chain([text(&prompt.text)])
        .collect();
    request(id, "session/prompt", &json!({"sessionId": session, "prompt": blocks}))
}

/// Sets one of the session's options.
pub(super) fn set_option(id: &str, session: &str, option: &str, value: &str) -> Vec<u8> {
    let params = json!({"sessionId": session, "configId": option, "value": value});
    request(id, "session/set_config_option", &params)
}

/// Where and with what servers the session works.
pub(super) fn place(session: &SessionSpec) -> Value {
    let servers: Vec<Value> = session
        .mcp
        .iter()
        .map(|(name, server)| mcp_server(name.as_str(), server))
        .collect();
    json!({"cwd": session.workspace.as_str(), "mcpServers": servers})
}

pub(super) fn request(id: &str, method: &str, params: &Value) -> Vec<u8> {
    line(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
}

pub(super) fn answer(id: &Value, result: &Value) -> Vec<u8> {
    line(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

pub(super) fn refuse(id: &Value, reason: &str) -> Vec<u8> {
    line(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32_601, "message": reason}}))
}

fn image(image: &Image) -> Value {
    json!({"type": "image", "mimeType": image.media_type.as_str(), "data": image.base64})
}

fn mcp_server(name: &str, server: &McpServer) -> Value {
    let pair = |(name, value): (&str, &String)| json!({"name": name, "value": value});
    match server {
        McpServer::Stdio { command, args, env } => {
            let env: Vec<Value> = env.iter().map(|(name, value)| pair((name.as_str(), value))).collect();
            json!({"name": name, "command": command, "args": args, "env": env})
        }
        McpServer::Http { url, headers } => {
            let headers: Vec<Value> = headers.iter().map(|(name, value)| pair((name, value))).collect();
            json!({"type": "http", "name": name, "url": url, "headers": headers})
        }
    }
}
