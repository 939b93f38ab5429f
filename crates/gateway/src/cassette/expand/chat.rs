//! OpenAI Chat Completions: hand-written exchanges expanded, recorded ones converted. Pure.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::format::{Exchange, Piece};
use super::{all_input, identifier, pieces, usage_of, with_lines_joined};
use crate::meter::EventReader;

/// The fields of a message in which thinking stands, by server.
const THINKING: [&str; 2] = ["reasoning_content", "reasoning"];

pub(super) fn completion(exchange: &Exchange, model: &str, request_bytes: usize) -> Value {
    let (mut said, mut thought, mut calls) = (String::new(), String::new(), Vec::new());
    for (number, piece) in exchange.pieces().into_iter().enumerate() {
        match piece {
            Piece::Think(text) => thought.push_str(&text.joined()),
            Piece::Say(text) => said.push_str(&text.joined()),
            Piece::ToolUse(call) => calls.push(json!({
                "id": identifier(exchange, "call", number), "type": "function",
                "function": {"name": call.name, "arguments": with_lines_joined(call.input).to_string()},
            })),
        }
    }
    let usual = if calls.is_empty() { "stop" } else { "tool_calls" };
    let mut message = json!({"role": "assistant", "content": said});
    if !thought.is_empty() {
        message[THINKING[0]] = json!(thought);
    }
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    let usage = usage_of(exchange, request_bytes, message.to_string().len());
    let written = usage.cache_write_5m.saturating_add(usage.cache_write_1h);
    json!({
        "id": identifier(exchange, "chatcmpl", 0), "object": "chat.completion", "created": 0, "model": model,
        "choices": [{
            "index": 0, "message": message, "finish_reason": exchange.stop.as_deref().unwrap_or(usual),
        }],
        "usage": {
            "prompt_tokens": all_input(&usage), "completion_tokens": usage.output, "total_tokens": usage.total(),
            "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": written},
        },
    })
}

pub(super) fn stream(completion: &Value) -> Vec<Bytes> {
    let mut events = Vec::new();
    let mut push = |choices: Value, usage: &Value| {
        let mut chunk = json!({
            "id": completion["id"], "object": "chat.completion.chunk", "created": completion["created"],
            "model": completion["model"], "choices": choices,
        });
        if !usage.is_null() {
            chunk["usage"] = usage.clone();
        }
        events.push(Bytes::from(format!("data: {chunk}\n\n")));
    };
    let choice = &completion["choices"][0];
    let message = &choice["message"];
    let mut say = |delta: Value, reason: &Value| {
        push(
            json!([{"index": 0, "delta": delta, "finish_reason": reason}]),
            &Value::Null,
        );
    };
    say(json!({"role": "assistant", "content": ""}), &Value::Null);
    for field in THINKING.into_iter().chain(["content"]) {
        for piece in pieces(message[field].as_str().unwrap_or_default()) {
            say(json!({field: piece}), &Value::Null);
        }
    }
    for (index, call) in message["tool_calls"].as_array().into_iter().flatten().enumerate() {
        let function = &call["function"];
        let start = json!({
            "index": index, "id": call["id"], "type": "function",
            "function": {"name": function["name"], "arguments": ""},
        });
        say(json!({"tool_calls": [start]}), &Value::Null);
        for piece in pieces(function["arguments"].as_str().unwrap_or_default()) {
            let more = json!({"index": index, "function": {"arguments": piece}});
            say(json!({"tool_calls": [more]}), &Value::Null);
        }
    }
    say(json!({}), &choice["finish_reason"]);
    if completion["usage"].is_object() {
        push(json!([]), &completion["usage"]);
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

/// Puts the chunks together. None when no reason for the end was given.
pub(super) fn assemble(stream: &[u8]) -> Option<Value> {
    let mut whole = json!({"object": "chat.completion"});
    let mut message = json!({"role": "assistant", "content": ""});
    let mut reason = Value::Null;
    let mut calls: Vec<Value> = Vec::new();
    EventReader::new(stream.len().max(1)).feed(stream, |event| {
        let Ok(chunk) = serde_json::from_slice::<Value>(event.data) else {
            return;
        };
        for field in ["id", "created", "model", "provider", "system_fingerprint", "usage"] {
            if !chunk[field].is_null() {
                whole[field] = chunk[field].clone();
            }
        }
        let choice = &chunk["choices"][0];
        if !choice["finish_reason"].is_null() {
            reason = choice["finish_reason"].clone();
        }
        for field in THINKING.into_iter().chain(["content", "refusal"]) {
            if let Some(more) = choice["delta"][field].as_str() {
                let so_far = message[field].as_str().unwrap_or_default();
                message[field] = json!(format!("{so_far}{more}"));
            }
        }
        for piece in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            add_to_call(&mut calls, piece);
        }
    });
    if reason.is_null() || reason == "error" {
        return None;
    }
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    whole["choices"] = json!([{"index": 0, "message": message, "finish_reason": reason}]);
    Some(whole)
}

/// A piece of a call: the first has its name, all have a part of its arguments.
fn add_to_call(calls: &mut Vec<Value>, piece: &Value) {
    let index = piece["index"]
        .as_u64()
        .and_then(|index| usize::try_from(index).ok())
        .unwrap_or(0);
    if index == calls.len() {
        calls.push(json!({"id": "", "type": "function", "function": {"name": "", "arguments": ""}}));
    }
    // A stream that leaves numbers out is not one that any server writes.
    let Some(call) = calls.get_mut(index) else { return };
    if piece["id"].is_string() {
        call["id"] = piece["id"].clone();
    }
    for field in ["name", "arguments"] {
        if let Some(more) = piece["function"][field].as_str() {
            let so_far = call["function"][field].as_str().unwrap_or_default();
            call["function"][field] = json!(format!("{so_far}{more}"));
        }
    }
}
