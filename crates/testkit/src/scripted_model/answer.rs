//! Answers as Anthropic's API gives them: the event stream in its order, the JSON document, errors. Pure.
//!
//! Written apart from the gateway's own expansion of cassettes on purpose: each is the other's check.

use serde_json::{Value, json};

/// Tokens that an answer claims. The defaults are small and round, so that tests can count on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Input that no cache served.
    pub input: u64,
    /// Output.
    pub output: u64,
    /// Input read from a cache.
    pub cache_read: u64,
    /// Input written to the five-minute cache.
    pub cache_write_5m: u64,
    /// Input written to the one-hour cache.
    pub cache_write_1h: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            input: 100,
            output: 20,
            cache_read: 0,
            cache_write_5m: 0,
            cache_write_1h: 0,
        }
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Answer {
    pub(super) blocks: Vec<Block>,
    pub(super) usage: Usage,
    pub(super) stop: Option<String>,
    pub(super) ending: Ending,
    pub(super) slow_ms: u64,
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Block {
    Text(String),
    Thinking(String),
    ToolUse { name: String, input: Value },
}

/// How an answer goes, or goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Ending {
    #[default]
    Whole,
    Error {
        status: u16,
        retry_after: Option<u64>,
        message: String,
    },
    StreamError {
        kind: String,
        message: String,
    },
    Cut,
    Hang,
    HangStream,
    BigLine(usize),
    Redirect,
    Garbage,
}

impl Answer {
    /// The whole message. `seed` makes its identifiers: the same request gets the same.
    pub(super) fn message(&self, model: &str, seed: u64) -> Value {
        let mut content: Vec<Value> = Vec::new();
        let mut has_calls = false;
        for (number, block) in self.blocks.iter().enumerate() {
            content.push(match block {
                Block::Text(text) => json!({"type": "text", "text": text}),
                Block::Thinking(text) => {
                    json!({"type": "thinking", "thinking": text, "signature": format!("sig{seed:016x}")})
                }
                Block::ToolUse { name, input } => {
                    has_calls = true;
                    json!({"type": "tool_use", "id": format!("toolu_{seed:016x}{number:02}"), "name": name, "input": input})
                }
            });
        }
        if let Ending::BigLine(bytes) = &self.ending {
            content.push(json!({"type": "text", "text": "x".repeat(*bytes)}));
        }
        let stop = self
            .stop
            .as_deref()
            .unwrap_or(if has_calls { "tool_use" } else { "end_turn" });
        json!({
            "id": format!("msg_{seed:016x}"), "type": "message", "role": "assistant", "model": model,
            "content": content, "stop_reason": stop, "stop_sequence": null,
            "usage": {
                "input_tokens": self.usage.input,
                "cache_creation_input_tokens": self.usage.cache_write_5m + self.usage.cache_write_1h,
                "cache_read_input_tokens": self.usage.cache_read,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": self.usage.cache_write_5m,
                    "ephemeral_1h_input_tokens": self.usage.cache_write_1h,
                },
                "output_tokens": self.usage.output,
                "service_tier": "standard",
            },
        })
    }

    /// The events of the answer up to where it breaks off, each as it goes over the wire.
    pub(super) fn events(&self, model: &str, seed: u64) -> Vec<String> {
        let message = self.message(model, seed);
        let mut events = Vec::new();
        let mut start = message.clone();
        start["content"] = json!([]);
        start["stop_reason"] = Value::Null;
        start["usage"]["output_tokens"] = json!(1);
        events.push(event(
            "message_start",
            &json!({"type": "message_start", "message": start}),
        ));
        events.push(event("ping", &json!({"type": "ping"})));
        for (index, block) in message["content"].as_array().into_iter().flatten().enumerate() {
            block_events(index, block, matches!(self.ending, Ending::BigLine(_)), &mut events);
        }
        match &self.ending {
            Ending::StreamError { kind, message } => {
                events.truncate(breaking_point(&events));
                let error = json!({"type": "error", "error": {"type": kind, "message": message}});
                events.push(event("error", &error));
            }
            Ending::Cut | Ending::HangStream => events.truncate(breaking_point(&events)),
            _ => {
                let delta = json!({"stop_reason": message["stop_reason"], "stop_sequence": null});
                let usage = json!({"output_tokens": self.usage.output});
                events.push(event(
                    "message_delta",
                    &json!({"type": "message_delta", "delta": delta, "usage": usage}),
                ));
                events.push(event("message_stop", &json!({"type": "message_stop"})));
            }
        }
        events
    }
}

/// Inside the first block, so that what came is neither nothing nor all.
fn breaking_point(events: &[String]) -> usize {
    events.len().min(4)
}

fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

fn block_events(index: usize, block: &Value, in_one_piece: bool, events: &mut Vec<String>) {
    let kind = block["type"].as_str().unwrap_or_default();
    let (field, delta_type, delta_field, text) = match kind {
        "thinking" => (
            "thinking",
            "thinking_delta",
            "thinking",
            block["thinking"].as_str().unwrap_or_default().to_owned(),
        ),
        "tool_use" => ("input", "input_json_delta", "partial_json", block["input"].to_string()),
        _ => (
            "text",
            "text_delta",
            "text",
            block["text"].as_str().unwrap_or_default().to_owned(),
        ),
    };
    let mut start = block.clone();
    start[field] = if kind == "tool_use" { json!({}) } else { json!("") };
    if kind == "thinking" {
        start["signature"] = json!("");
    }
    events.push(event(
        "content_block_start",
        &json!({"type": "content_block_start", "index": index, "content_block": start}),
    ));
    let mut push = |delta: Value| {
        let data = json!({"type": "content_block_delta", "index": index, "delta": delta});
        events.push(event("content_block_delta", &data));
    };
    let size = if in_one_piece { usize::MAX } else { 24 };
    let characters: Vec<char> = text.chars().collect();
    for piece in characters.chunks(size) {
        push(json!({"type": delta_type, delta_field: piece.iter().collect::<String>()}));
    }
    if kind == "thinking" {
        push(json!({"type": "signature_delta", "signature": block["signature"]}));
    }
    events.push(event(
        "content_block_stop",
        &json!({"type": "content_block_stop", "index": index}),
    ));
}

/// The body of an error, in Anthropic's shape.
pub(super) fn error_body(status: u16, message: &str) -> String {
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message}}).to_string()
}
