//! OpenAI Responses: hand-written exchanges expanded, recorded ones converted. Pure.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::format::{Exchange, Piece};
use super::{all_input, identifier, pieces, usage_of, with_lines_joined};
use crate::meter::EventReader;

pub(super) fn response(exchange: &Exchange, model: &str, request_bytes: usize) -> Value {
    let identifier = |kind: &str, number: usize| identifier(exchange, kind, number);
    let mut output = Vec::new();
    for (number, piece) in exchange.pieces().into_iter().enumerate() {
        output.push(match piece {
            Piece::Think(text) => json!({
                "type": "reasoning", "id": identifier("rs", number),
                "summary": [{"type": "summary_text", "text": text.joined()}],
            }),
            Piece::Say(text) => json!({
                "type": "message", "id": identifier("msg", number), "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": text.joined(), "annotations": []}],
            }),
            Piece::ToolUse(call) => match with_lines_joined(call.input) {
                Value::String(text) => json!({
                    "type": "custom_tool_call", "id": identifier("ctc", number), "status": "completed",
                    "call_id": identifier("call", number), "name": call.name, "input": text,
                }),
                input => json!({
                    "type": "function_call", "id": identifier("fc", number), "status": "completed",
                    "call_id": identifier("call", number), "name": call.name, "arguments": input.to_string(),
                }),
            },
        });
    }
    let answer_bytes = output.iter().map(|item| item.to_string().len()).sum();
    let usage = usage_of(exchange, request_bytes, answer_bytes);
    let written = usage.cache_write_5m.saturating_add(usage.cache_write_1h);
    let incomplete = exchange.stop.as_deref().filter(|stop| *stop == "max_output_tokens");
    json!({
        "id": identifier("resp", 0), "object": "response", "created_at": 0, "model": model,
        "status": if incomplete.is_some() { "incomplete" } else { "completed" }, "error": null,
        "incomplete_details": incomplete.map(|reason| json!({"reason": reason})), "output": output,
        "usage": {
            "input_tokens": all_input(&usage),
            "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": written},
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.total(),
        },
    })
}

pub(super) fn stream(response: &Value) -> Vec<Bytes> {
    let mut events = Vec::new();
    let mut push = |kind: &str, mut data: Value| {
        data["type"] = json!(kind);
        data["sequence_number"] = json!(events.len());
        events.push(Bytes::from(format!("event: {kind}\ndata: {data}\n\n")));
    };
    let mut begun = response.clone();
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    push("response.created", json!({"response": begun}));
    push("response.in_progress", json!({"response": begun}));
    for (index, item) in response["output"].as_array().into_iter().flatten().enumerate() {
        item_events(index, item, &mut push);
    }
    let last = match response["status"].as_str() {
        Some("incomplete") => "response.incomplete",
        Some("failed") => "response.failed",
        _ => "response.completed",
    };
    push(last, json!({"response": response}));
    events
}

/// The events of one item: its empty beginning, the text that fills it, its whole.
fn item_events(index: usize, item: &Value, push: &mut impl FnMut(&str, Value)) {
    let id = &item["id"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut start = item.clone();
    // The list that holds parts, the events that a part has, and its own kind; or the field that is one text.
    let (list, part_event, text_event) = match item["type"].as_str().unwrap_or_default() {
        "message" => ("content", "response.content_part", "response.output_text"),
        "reasoning" => (
            "summary",
            "response.reasoning_summary_part",
            "response.reasoning_summary_text",
        ),
        "custom_tool_call" => ("input", "", "response.custom_tool_call_input"),
        "function_call" => ("arguments", "", "response.function_call_arguments"),
        // Items that the provider makes by itself come whole.
        _ => ("", "", ""),
    };
    let number = if list == "content" {
        "content_index"
    } else {
        "summary_index"
    };
    match (list, part_event) {
        ("", _) => push(
            "response.output_item.added",
            json!({"output_index": index, "item": start}),
        ),
        (field, "") => {
            start[field] = json!("");
            push(
                "response.output_item.added",
                json!({"output_index": index, "item": start}),
            );
            for piece in pieces(&text(&item[field])) {
                let data = json!({"item_id": id, "output_index": index, "delta": piece});
                push(&format!("{text_event}.delta"), data);
            }
            let data = json!({"item_id": id, "output_index": index, field: item[field]});
            push(&format!("{text_event}.done"), data);
        }
        (list, part_event) => {
            start[list] = json!([]);
            push(
                "response.output_item.added",
                json!({"output_index": index, "item": start}),
            );
            for (position, part) in item[list].as_array().into_iter().flatten().enumerate() {
                if !part.is_object() {
                    continue;
                }
                let mut empty = part.clone();
                empty["text"] = json!("");
                let place = json!({"item_id": id, "output_index": index, number: position});
                let with = |name: &str, value: &Value| {
                    let mut data = place.clone();
                    data[name] = value.clone();
                    data
                };
                push(&format!("{part_event}.added"), with("part", &empty));
                for piece in pieces(&text(&part["text"])) {
                    push(&format!("{text_event}.delta"), with("delta", &json!(piece)));
                }
                push(&format!("{text_event}.done"), with("text", &part["text"]));
                push(&format!("{part_event}.done"), with("part", part));
            }
        }
    }
    push(
        "response.output_item.done",
        json!({"output_index": index, "item": item}),
    );
}

/// The last event holds the whole response.
pub(super) fn assemble(stream: &[u8]) -> Option<Value> {
    let mut whole = None;
    EventReader::new(stream.len().max(1)).feed(stream, |event| {
        if let Ok(mut data) = serde_json::from_slice::<Value>(event.data)
            && matches!(
                data["type"].as_str(),
                Some("response.completed" | "response.incomplete")
            )
        {
            whole = Some(data["response"].take());
        }
    });
    whole.filter(Value::is_object)
}
