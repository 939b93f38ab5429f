//! OpenAI's Responses API: the request, the document and the event stream in its order. Pure.

use serde_json::{Value, json};

use super::super::act::{OfferedTool, ToolInput};
use super::super::answer::{Answer, Block, Ending, named_event};
use super::super::conversation::{Conversation, Said, texts_of};
use super::Service;

pub(super) fn read(request: &Value) -> Conversation {
    let mut said = Vec::new();
    let mut system = texts_of(&request["instructions"]);
    if let Value::String(text) = &request["input"] {
        said.push(Said::Person(vec![text.clone()]));
    }
    for item in request["input"].as_array().into_iter().flatten() {
        let kind = item["type"].as_str().unwrap_or("message");
        match (kind, item["role"].as_str().unwrap_or_default()) {
            (kind, _) if kind.ends_with("_call_output") => said.push(Said::Results(1)),
            ("message", "user") => said.push(Said::Person(texts_of(&item["content"]))),
            ("message", "system" | "developer") => system.extend(texts_of(&item["content"])),
            _ => {}
        }
    }
    Conversation {
        model: request["model"].as_str().unwrap_or_default().to_owned(),
        is_stream: request["stream"].as_bool().unwrap_or(false),
        wants_usage: true,
        system: system.join("\n"),
        said,
        tools: request["tools"].as_array().into_iter().flatten().map(offered).collect(),
    }
}

fn offered(tool: &Value) -> OfferedTool {
    match tool["type"].as_str().unwrap_or_default() {
        "custom" => OfferedTool::freeform(&tool["name"]),
        "function" | "namespace" => OfferedTool::function(&tool["name"], &tool["parameters"]),
        // Tools of the provider, such as `web_search`, have no name but their type.
        _ => OfferedTool::function(&tool["type"], &Value::Null),
    }
}

pub(super) fn document(answer: &Answer, model: &str, seed: u64, service: Service) -> Value {
    let output: Vec<Value> = answer
        .all_blocks()
        .iter()
        .enumerate()
        .map(|(number, block)| item(block, number, seed))
        .collect();
    let incomplete = answer.stop.as_deref().filter(|stop| *stop != "completed");
    json!({
        "id": format!("resp_{seed:016x}"), "object": "response", "created_at": 1_790_000_000,
        "status": if incomplete.is_some() { "incomplete" } else { "completed" },
        "error": null, "incomplete_details": incomplete.map(|reason| json!({"reason": reason})),
        "model": model, "output": output, "parallel_tool_calls": true, "tool_choice": "auto", "tools": [],
        "usage": usage(answer, service),
    })
}

fn usage(answer: &Answer, service: Service) -> Value {
    let usage = &answer.usage;
    let mut document = json!({
        "input_tokens": usage.all_input(),
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_writes()},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.all_input() + usage.output,
    });
    if service == Service::OpenRouter
        && let Some(cost) = usage.cost_micro_usd
    {
        document["cost"] = dollars(cost);
    }
    document
}

/// Millionths of a dollar as a number of dollars.
pub(super) fn dollars(micro_usd: u64) -> Value {
    serde_json::from_str(&format!("{}.{:06}", micro_usd / 1_000_000, micro_usd % 1_000_000)).unwrap_or(Value::Null)
}

fn item(block: &Block, number: usize, seed: u64) -> Value {
    let identifier = |kind: &str| format!("{kind}_{seed:016x}{number:02}");
    match block {
        Block::Text(text) => json!({
            "type": "message", "id": identifier("msg"), "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
        }),
        Block::Thinking(text) => json!({
            "type": "reasoning", "id": identifier("rs"), "summary": [{"type": "summary_text", "text": text}],
            "encrypted_content": format!("sealed{seed:016x}"),
        }),
        Block::Call(call) => match &call.input {
            ToolInput::Json(input) => {
                let mut item = json!({
                    "type": "function_call", "id": identifier("fc"), "call_id": identifier("call"),
                    "name": call.name, "arguments": input.to_string(), "status": "completed",
                });
                if let Some(namespace) = &call.namespace {
                    item["namespace"] = json!(namespace);
                }
                item
            }
            ToolInput::Text(text) => json!({
                "type": "custom_tool_call", "id": identifier("ctc"), "call_id": identifier("call"),
                "name": call.name, "input": text, "status": "completed",
            }),
        },
    }
}

/// Numbers events as they are written.
struct Writer {
    events: Vec<String>,
}

impl Writer {
    fn push(&mut self, kind: &str, mut data: Value) {
        data["sequence_number"] = json!(self.events.len());
        data["type"] = json!(kind);
        self.events.push(named_event(kind, &data));
    }
}

pub(super) fn events(answer: &Answer, model: &str, seed: u64, service: Service) -> Vec<String> {
    let response = document(answer, model, seed, service);
    let mut writer = Writer { events: Vec::new() };
    let begun = begun(&response);
    writer.push("response.created", json!({"response": begun}));
    writer.push("response.in_progress", json!({"response": begun}));
    for (index, item) in response["output"].as_array().into_iter().flatten().enumerate() {
        item_events(answer, index, item, &mut writer);
    }
    let last = if response["status"] == "incomplete" {
        "response.incomplete"
    } else {
        "response.completed"
    };
    writer.push(last, json!({"response": response}));
    writer.events
}

/// The response before anything was said.
fn begun(response: &Value) -> Value {
    let mut begun = response.clone();
    begun["status"] = json!("in_progress");
    begun["incomplete_details"] = Value::Null;
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    begun
}

pub(super) fn error_event(answer: &Answer, model: &str, seed: u64) -> Option<String> {
    let Ending::StreamError { kind, message } = &answer.ending else {
        return None;
    };
    let mut response = begun(&document(answer, model, seed, Service::OpenAi));
    response["status"] = json!("failed");
    response["error"] = json!({"code": kind, "message": message});
    let data = json!({"type": "response.failed", "sequence_number": 9, "response": response});
    Some(named_event("response.failed", &data))
}

fn item_events(answer: &Answer, index: usize, item: &Value, writer: &mut Writer) {
    let id = &item["id"];
    let place = json!({"item_id": id, "output_index": index});
    let with = |more: Value| {
        let mut data = place.clone();
        for (name, value) in more.as_object().into_iter().flatten() {
            data[name] = value.clone();
        }
        data
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut start = item.clone();
    match item["type"].as_str().unwrap_or_default() {
        "message" => {
            start["content"] = json!([]);
            start["status"] = json!("in_progress");
            writer.push(
                "response.output_item.added",
                json!({"output_index": index, "item": start}),
            );
            let part = &item["content"][0];
            let mut empty = part.clone();
            empty["text"] = json!("");
            writer.push(
                "response.content_part.added",
                with(json!({"content_index": 0, "part": empty})),
            );
            for piece in answer.pieces(&text(&part["text"])) {
                writer.push(
                    "response.output_text.delta",
                    with(json!({"content_index": 0, "delta": piece, "logprobs": []})),
                );
            }
            writer.push(
                "response.output_text.done",
                with(json!({"content_index": 0, "text": part["text"], "logprobs": []})),
            );
            writer.push(
                "response.content_part.done",
                with(json!({"content_index": 0, "part": part})),
            );
        }
        "reasoning" => {
            start["summary"] = json!([]);
            writer.push(
                "response.output_item.added",
                json!({"output_index": index, "item": start}),
            );
            let part = &item["summary"][0];
            let empty = json!({"type": "summary_text", "text": ""});
            writer.push(
                "response.reasoning_summary_part.added",
                with(json!({"summary_index": 0, "part": empty})),
            );
            for piece in answer.pieces(&text(&part["text"])) {
                writer.push(
                    "response.reasoning_summary_text.delta",
                    with(json!({"summary_index": 0, "delta": piece})),
                );
            }
            writer.push(
                "response.reasoning_summary_text.done",
                with(json!({"summary_index": 0, "text": part["text"]})),
            );
            writer.push(
                "response.reasoning_summary_part.done",
                with(json!({"summary_index": 0, "part": part})),
            );
        }
        kind => {
            let (field, event) = if kind == "custom_tool_call" {
                ("input", "response.custom_tool_call_input")
            } else {
                ("arguments", "response.function_call_arguments")
            };
            start[field] = json!("");
            start["status"] = json!("in_progress");
            writer.push(
                "response.output_item.added",
                json!({"output_index": index, "item": start}),
            );
            for piece in answer.pieces(&text(&item[field])) {
                writer.push(&format!("{event}.delta"), with(json!({"delta": piece})));
            }
            writer.push(&format!("{event}.done"), with(json!({field: item[field]})));
        }
    }
    writer.push(
        "response.output_item.done",
        json!({"output_index": index, "item": item}),
    );
}

#[cfg(test)]
mod tests {
    use super::super::super::act::ToolCall;
    use super::*;

    #[test]
    fn a_codex_request_is_read() {
        let conversation = read(&json!({
            "model": "gpt-5.5", "stream": true, "instructions": "You are Codex.",
            "tools": [
                {"type": "function", "name": "exec_command", "parameters": {"properties": {"cmd": {}}}},
                {"type": "custom", "name": "apply_patch", "format": {}}, {"type": "web_search"},
            ],
            "input": [
                {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Role: checker"}]},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "@@run ls"}]},
                {"type": "reasoning", "summary": []},
                {"type": "function_call", "call_id": "c", "name": "exec_command", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "a"},
                {"type": "custom_tool_call_output", "call_id": "d", "output": "b"},
            ],
        }));
        assert_eq!(conversation.said[1..], [Said::Results(1), Said::Results(1)]);
        assert_eq!(conversation.system, "You are Codex.\nRole: checker");
        let freeform: Vec<_> = conversation
            .tools
            .iter()
            .map(|tool| (tool.name.as_str(), tool.is_freeform))
            .collect();
        assert_eq!(
            freeform,
            [("exec_command", false), ("apply_patch", true), ("web_search", false)]
        );
    }

    #[test]
    fn a_stream_says_each_item_whole_and_ends_with_the_usage() {
        let answer = Answer {
            blocks: vec![
                Block::Thinking("Hm.".to_owned()),
                Block::Text("A text of more than one piece.".to_owned()),
                Block::Call(ToolCall {
                    name: "exec_command".to_owned(),
                    namespace: None,
                    input: ToolInput::Json(json!({"cmd": "ls"})),
                }),
            ],
            ..Answer::default()
        };
        let events = events(&answer, "m", 7, Service::OpenAi);
        let data: Vec<Value> = events
            .iter()
            .map(|event| serde_json::from_str(event.split_once("data: ").unwrap().1).unwrap())
            .collect();
        let whole: Vec<_> = data
            .iter()
            .filter(|data| data["type"] == "response.output_item.done")
            .map(|data| data["item"]["type"].as_str().unwrap())
            .collect();
        assert_eq!(whole, ["reasoning", "message", "function_call"]);
        let last = data.last().unwrap();
        assert_eq!(last["type"], "response.completed");
        assert_eq!(last["response"]["usage"]["input_tokens"], 100);
        assert_eq!(last["response"]["output"][2]["call_id"], "call_000000000000000702");
        let spoken: String = data
            .iter()
            .filter(|data| data["type"] == "response.output_text.delta")
            .map(|data| data["delta"].as_str().unwrap())
            .collect();
        assert_eq!(spoken, "A text of more than one piece.");
    }
}
