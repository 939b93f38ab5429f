//! Anthropic Messages: hand-written exchanges expanded, recorded ones converted. Pure.

use bytes::Bytes;
use codecourier_domain::usage::Tokens;
use serde_json::{Map, Value, json};

use super::super::format::{Exchange, Piece};
use super::{identifier, pieces, with_lines_joined};
use crate::meter::EventReader;

/// Expands an exchange written by hand into a whole message. Identifiers are derived from the place in the cassette, so
/// the same request gets the same bytes; `request_bytes` stands in for the input where no usage is given.
pub(super) fn message(exchange: &Exchange, model: &str, request_bytes: usize) -> Value {
    let identifier = |kind: &str, number: usize| identifier(exchange, kind, number);
    let mut content = Vec::new();
    let mut has_calls = false;
    let mut bytes = 0;
    for (number, piece) in exchange.pieces().into_iter().enumerate() {
        let block = match piece {
            Piece::Think(text) => {
                json!({"type": "thinking", "thinking": text.joined(), "signature": identifier("sig", number)})
            }
            Piece::Say(text) => json!({"type": "text", "text": text.joined()}),
            Piece::ToolUse(call) => {
                has_calls = true;
                let input = with_lines_joined(call.input);
                json!({"type": "tool_use", "id": identifier("toolu", number), "name": call.name, "input": input})
            }
        };
        bytes += block.to_string().len();
        content.push(block);
    }
    let stop = exchange
        .stop
        .as_deref()
        .unwrap_or(if has_calls { "tool_use" } else { "end_turn" });
    let usage = exchange.usage.unwrap_or(Tokens {
        input: (request_bytes / 4) as u64,
        output: (bytes / 4) as u64,
        ..Tokens::default()
    });
    json!({
        "id": identifier("msg", 0), "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": stop, "stop_sequence": null, "usage": usage_document(&usage),
    })
}

/// The event stream of a whole message, one event per element.
pub(super) fn stream(message: &Value) -> Vec<Bytes> {
    let mut events = Vec::new();
    let mut push = |name: &str, data: Value| events.push(Bytes::from(format!("event: {name}\ndata: {data}\n\n")));
    let mut head = message.clone();
    head["content"] = json!([]);
    head["stop_reason"] = Value::Null;
    let final_output = message["usage"]["output_tokens"].clone();
    if head["usage"].is_object() {
        head["usage"]["output_tokens"] = json!(1);
    }
    push("message_start", json!({"type": "message_start", "message": head}));
    push("ping", json!({"type": "ping"}));
    for (index, block) in message["content"].as_array().into_iter().flatten().enumerate() {
        let (start, deltas) = block_events(block);
        push(
            "content_block_start",
            json!({"type": "content_block_start", "index": index, "content_block": start}),
        );
        for delta in deltas {
            push(
                "content_block_delta",
                json!({"type": "content_block_delta", "index": index, "delta": delta}),
            );
        }
        push(
            "content_block_stop",
            json!({"type": "content_block_stop", "index": index}),
        );
    }
    push(
        "message_delta",
        json!({
            "type": "message_delta",
            "delta": {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]},
            "usage": {"output_tokens": final_output},
        }),
    );
    push("message_stop", json!({"type": "message_stop"}));
    events
}

/// The whole message of an event stream. None when the stream is not a whole message.
pub(super) fn assemble(stream: &[u8]) -> Option<Value> {
    let mut message: Option<Map<String, Value>> = None;
    let mut is_whole = false;
    EventReader::new(stream.len().max(1)).feed(stream, |event| {
        let Ok(data) = serde_json::from_slice::<Value>(event.data) else {
            return;
        };
        match data["type"].as_str().unwrap_or_default() {
            "message_start" => message = data["message"].as_object().cloned(),
            "message_stop" => is_whole = true,
            kind => {
                if let Some(message) = &mut message {
                    apply(message, kind, &data);
                }
            }
        }
    });
    message.filter(|_| is_whole).map(Value::Object)
}

/// Applies one event to the message so far. Events that do not fit it are passed over.
fn apply(message: &mut Map<String, Value>, kind: &str, data: &Value) {
    let index = data["index"]
        .as_u64()
        .and_then(|index| usize::try_from(index).ok())
        .unwrap_or(0);
    let content = message.get_mut("content").and_then(Value::as_array_mut);
    match kind {
        "content_block_start" => {
            if let Some(content) = content.filter(|content| content.len() == index) {
                content.push(data["content_block"].clone());
            }
        }
        "content_block_delta" => {
            let block = content
                .and_then(|content| content.get_mut(index))
                .and_then(Value::as_object_mut);
            if let Some(block) = block {
                extend(block, &data["delta"]);
            }
        }
        "content_block_stop" => {
            let block = content
                .and_then(|content| content.get_mut(index))
                .and_then(Value::as_object_mut);
            if let Some(block) = block
                && let Some(text) = block.get("input").and_then(Value::as_str)
            {
                let input = serde_json::from_str(text).unwrap_or_else(|_| json!({}));
                block.insert("input".to_owned(), input);
            }
        }
        "message_delta" => {
            for (name, value) in data["delta"].as_object().into_iter().flatten() {
                message.insert(name.clone(), value.clone());
            }
            if let Some(usage) = message.get_mut("usage").and_then(Value::as_object_mut) {
                for (name, value) in data["usage"].as_object().into_iter().flatten() {
                    usage.insert(name.clone(), value.clone());
                }
            }
        }
        _ => {}
    }
}

/// Adds a piece to the field of a block that it belongs to. The input of a call is text until the block ends.
fn extend(block: &mut Map<String, Value>, delta: &Value) {
    let (from, to) = match delta["type"].as_str().unwrap_or_default() {
        "text_delta" => ("text", "text"),
        "thinking_delta" => ("thinking", "thinking"),
        "signature_delta" => ("signature", "signature"),
        "input_json_delta" => ("partial_json", "input"),
        _ => return,
    };
    let so_far = block.get(to).and_then(Value::as_str).unwrap_or_default();
    let text = format!("{so_far}{}", delta[from].as_str().unwrap_or_default());
    block.insert(to.to_owned(), Value::String(text));
}

/// The start of a block, empty, and the deltas that fill it.
fn block_events(block: &Value) -> (Value, Vec<Value>) {
    let text = |name: &str| block[name].as_str().unwrap_or_default();
    let mut start = block.clone();
    match text("type") {
        "text" => {
            start["text"] = json!("");
            let deltas = pieces(text("text")).map(|piece| json!({"type": "text_delta", "text": piece}));
            (start, deltas.collect())
        }
        "thinking" => {
            start["thinking"] = json!("");
            start["signature"] = json!("");
            let mut deltas: Vec<_> = pieces(text("thinking"))
                .map(|piece| json!({"type": "thinking_delta", "thinking": piece}))
                .collect();
            deltas.push(json!({"type": "signature_delta", "signature": text("signature")}));
            (start, deltas)
        }
        "tool_use" | "server_tool_use" => {
            start["input"] = json!({});
            let input = block["input"].to_string();
            let deltas = pieces(&input).map(|piece| json!({"type": "input_json_delta", "partial_json": piece}));
            (start, deltas.collect())
        }
        _ => (start, Vec::new()),
    }
}

fn usage_document(usage: &Tokens) -> Value {
    json!({
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write_5m.saturating_add(usage.cache_write_1h),
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens": usage.output,
        "service_tier": "standard",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassette::Cassette;

    fn exchange(text: &str) -> Exchange {
        let cassette = Cassette::parse("test", format!("{{\"codecourier_cassette\": 1}} {text}").as_bytes()).unwrap();
        cassette.exchanges()[0].clone()
    }

    fn written() -> Exchange {
        exchange(
            r#"{"lane": "designer#1", "think": "Hm. Ünïcode 🦀.", "say": ["A long text that is longer than one delta can be,", "in two lines."],
                "tool_use": [{"name": "Write", "input": {"file_path": "/p/a", "content": {"$lines": ["one", "two"]}}}, {"name": "Bash"}],
                "usage": {"input": 1200, "output": 34, "cacheRead": 5, "cacheWrite5m": 6, "cacheWrite1h": 7}}"#,
        )
    }

    #[test]
    fn a_hand_written_exchange_becomes_a_stream_in_the_right_order() {
        let stream = stream(&message(&written(), "claude-opus-5-5", 0));
        let names: Vec<_> = stream
            .iter()
            .map(|event| {
                std::str::from_utf8(event)
                    .unwrap()
                    .lines()
                    .next()
                    .unwrap()
                    .trim_start_matches("event: ")
            })
            .collect();
        assert_eq!(names[..3], ["message_start", "ping", "content_block_start"]);
        assert_eq!(
            names[names.len() - 3..],
            ["content_block_stop", "message_delta", "message_stop"]
        );
        assert_eq!(names.iter().filter(|name| **name == "content_block_start").count(), 4);
        assert_eq!(names.iter().filter(|name| **name == "content_block_stop").count(), 4);
    }

    #[test]
    fn stream_and_message_are_each_others_inverse() {
        let message = message(&written(), "claude-opus-5-5", 0);
        assert_eq!(message["content"][2]["input"]["content"], "one\ntwo\n");
        assert_eq!(message["stop_reason"], "tool_use");
        assert_eq!(message["usage"]["cache_creation_input_tokens"], 13);
        assert_eq!(assemble(&stream(&message).concat()), Some(message));
    }

    #[test]
    fn a_stream_that_is_cut_or_wild_is_no_message() {
        let whole = stream(&message(&written(), "m", 0)).concat();
        assert_eq!(assemble(&whole[..whole.len() - 30]), None);
        assert_eq!(assemble(b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":3}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\"}\n\n"), None);
        assert_eq!(assemble(b""), None);
    }

    #[test]
    fn usage_that_is_not_given_comes_from_the_sizes() {
        let message = message(&exchange(r#"{"lane": "a", "say": "hello"}"#), "m", 4000);
        assert_eq!(message["usage"]["input_tokens"], 1000);
        assert!(message["usage"]["output_tokens"].as_u64().unwrap() > 0);
        assert_eq!(message["stop_reason"], "end_turn");
    }
}
