//! Anthropic's Messages API: the request, the document and the event stream in its order. Pure.

use serde_json::{Value, json};

use super::super::act::{OfferedTool, ToolInput};
use super::super::answer::{Answer, Block, Ending, named_event};
use super::super::conversation::{Conversation, Said, after_interruption, texts_of};

pub(super) fn read(request: &Value) -> Conversation {
    let mut said = Vec::new();
    for message in request["messages"].as_array().into_iter().flatten() {
        if message["role"] != "user" {
            continue;
        }
        let parts = message["content"].as_array().into_iter().flatten();
        let results: Vec<&Value> = parts.filter(|block| block["type"] == "tool_result").collect();
        let texts = texts_of(&message["content"]);
        if results.is_empty() {
            said.push(Said::Person(texts));
            continue;
        }
        said.push(Said::Results(results.len()));
        // Text beside tool results is the agent's own remark, not a person's message; unless the person interrupted the
        // tool to say it.
        if let Some(words) = after_interruption(&texts) {
            said.push(Said::Person(words.to_vec()));
        } else if results.iter().any(|result| is_cut_off(result)) {
            said.push(Said::Person(texts));
        }
    }
    let tools = request["tools"].as_array().into_iter().flatten();
    Conversation {
        model: request["model"].as_str().unwrap_or_default().to_owned(),
        is_stream: request["stream"].as_bool().unwrap_or(false),
        wants_usage: true,
        system: texts_of(&request["system"]).join("\n"),
        said,
        tools: tools
            .map(|tool| OfferedTool::function(&tool["name"], &tool["input_schema"]))
            .collect(),
    }
}

pub(super) fn document(answer: &Answer, model: &str, seed: u64) -> Value {
    let mut content: Vec<Value> = Vec::new();
    for (number, block) in answer.all_blocks().iter().enumerate() {
        content.push(match block {
            Block::Text(text) => json!({"type": "text", "text": text}),
            Block::Thinking(text) => {
                json!({"type": "thinking", "thinking": text, "signature": format!("sig{seed:016x}")})
            }
            Block::Call(call) => {
                let input = match &call.input {
                    ToolInput::Json(input) => input.clone(),
                    ToolInput::Text(text) => json!({"input": text}),
                };
                json!({"type": "tool_use", "id": format!("toolu_{seed:016x}{number:02}"), "name": call.name, "input": input})
            }
        });
    }
    let usual = if answer.has_calls() { "tool_use" } else { "end_turn" };
    let usage = &answer.usage;
    json!({
        "id": format!("msg_{seed:016x}"), "type": "message", "role": "assistant", "model": model,
        "content": content, "stop_reason": answer.stop.as_deref().unwrap_or(usual), "stop_sequence": null,
        "usage": {
            "input_tokens": usage.input,
            "cache_creation_input_tokens": usage.cache_writes(),
            "cache_read_input_tokens": usage.cache_read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": usage.cache_write_5m,
                "ephemeral_1h_input_tokens": usage.cache_write_1h,
            },
            "output_tokens": usage.output,
            "service_tier": "standard",
        },
    })
}

pub(super) fn events(answer: &Answer, model: &str, seed: u64) -> Vec<String> {
    let message = document(answer, model, seed);
    let mut start = message.clone();
    start["content"] = json!([]);
    start["stop_reason"] = Value::Null;
    start["usage"]["output_tokens"] = json!(1);
    let mut events = vec![
        named_event("message_start", &json!({"type": "message_start", "message": start})),
        named_event("ping", &json!({"type": "ping"})),
    ];
    for (index, block) in message["content"].as_array().into_iter().flatten().enumerate() {
        block_events(answer, index, block, &mut events);
    }
    let delta = json!({"stop_reason": message["stop_reason"], "stop_sequence": null});
    let usage = json!({"output_tokens": answer.usage.output});
    events.push(named_event(
        "message_delta",
        &json!({"type": "message_delta", "delta": delta, "usage": usage}),
    ));
    events.push(named_event("message_stop", &json!({"type": "message_stop"})));
    events
}

pub(super) fn error_event(answer: &Answer) -> Option<String> {
    let Ending::StreamError { kind, message } = &answer.ending else {
        return None;
    };
    let error = json!({"type": "error", "error": {"type": kind, "message": message}});
    Some(named_event("error", &error))
}

fn block_events(answer: &Answer, index: usize, block: &Value, events: &mut Vec<String>) {
    let kind = block["type"].as_str().unwrap_or_default();
    let text = |name: &str| block[name].as_str().unwrap_or_default().to_owned();
    let (field, delta_type, delta_field, text) = match kind {
        "thinking" => ("thinking", "thinking_delta", "thinking", text("thinking")),
        "tool_use" => ("input", "input_json_delta", "partial_json", block["input"].to_string()),
        _ => ("text", "text_delta", "text", text("text")),
    };
    let mut start = block.clone();
    start[field] = if kind == "tool_use" { json!({}) } else { json!("") };
    if kind == "thinking" {
        start["signature"] = json!("");
    }
    events.push(named_event(
        "content_block_start",
        &json!({"type": "content_block_start", "index": index, "content_block": start}),
    ));
    let mut push = |delta: Value| {
        let data = json!({"type": "content_block_delta", "index": index, "delta": delta});
        events.push(named_event("content_block_delta", &data));
    };
    for piece in answer.pieces(&text) {
        push(json!({"type": delta_type, delta_field: piece}));
    }
    if kind == "thinking" {
        push(json!({"type": "signature_delta", "signature": block["signature"]}));
    }
    events.push(named_event(
        "content_block_stop",
        &json!({"type": "content_block_stop", "index": index}),
    ));
}

/// Whether a person interrupted the tool, as OpenCode words it.
fn is_cut_off(result: &Value) -> bool {
    let texts = texts_of(&result["content"]);
    texts.iter().any(|text| text.contains("User aborted the command"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_interrupts_a_tool_to_say_is_their_message() {
        let conversation = read(&json!({"messages": [{"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "1", "content": "x"},
            {"type": "text", "text": "[Request interrupted by user for tool use]"},
            {"type": "text", "text": "@@say b"},
        ]}]}));
        assert_eq!(
            conversation.said,
            [Said::Results(1), Said::Person(vec!["@@say b".to_owned()])]
        );
        let conversation = read(&json!({"messages": [{"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "1", "content": "(no output)\nUser aborted the command\n"},
            {"type": "text", "text": "@@say c"},
        ]}]}));
        assert_eq!(
            conversation.said,
            [Said::Results(1), Said::Person(vec!["@@say c".to_owned()])]
        );
    }

    #[test]
    fn results_and_the_words_beside_them_are_not_a_persons_message() {
        let conversation = read(&json!({
            "model": "m", "stream": true,
            "system": [{"type": "text", "text": "…\nPrimary working directory: /w\n"}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "@@bash ls"}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "Bash", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "x"}, {"type": "text", "text": "@@say no"}]},
                {"role": "system", "content": "ignored"},
            ]
        }));
        assert_eq!(
            conversation.said,
            [Said::Person(vec!["@@bash ls".to_owned()]), Said::Results(1)]
        );
        assert!(conversation.is_stream && conversation.system.contains("/w"));
    }
}
