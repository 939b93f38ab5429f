//! OpenAI's Chat Completions API, as OpenAI, OpenRouter and local servers speak it: the request, the document and the
//! chunks. Pure.

use serde_json::{Value, json};

use super::super::act::{OfferedTool, ToolInput};
use super::super::answer::{Answer, Block, Ending};
use super::super::conversation::{Conversation, Said, texts_of};
use super::Service;
use super::responses::dollars;

pub(super) fn read(request: &Value) -> Conversation {
    let mut said = Vec::new();
    let mut system = Vec::new();
    for message in request["messages"].as_array().into_iter().flatten() {
        match message["role"].as_str().unwrap_or_default() {
            "tool" | "function" => said.push(Said::Results(1)),
            "user" => said.push(Said::Person(texts_of(&message["content"]))),
            "system" | "developer" => system.extend(texts_of(&message["content"])),
            _ => {}
        }
    }
    let tools = request["tools"].as_array().into_iter().flatten();
    Conversation {
        model: request["model"].as_str().unwrap_or_default().to_owned(),
        is_stream: request["stream"].as_bool().unwrap_or(false),
        wants_usage: request["stream_options"]["include_usage"].as_bool().unwrap_or(false),
        system: system.join("\n"),
        said,
        tools: tools
            .map(|tool| OfferedTool::function(&tool["function"]["name"], &tool["function"]["parameters"]))
            .collect(),
    }
}

pub(super) fn document(answer: &Answer, model: &str, seed: u64, service: Service) -> Value {
    let (mut text, mut thinking, mut calls) = (String::new(), String::new(), Vec::new());
    for (number, block) in answer.all_blocks().iter().enumerate() {
        match block {
            Block::Text(said) => text.push_str(said),
            Block::Thinking(thought) => thinking.push_str(thought),
            Block::Call(call) => {
                let arguments = match &call.input {
                    ToolInput::Json(input) => input.to_string(),
                    ToolInput::Text(text) => json!({"input": text}).to_string(),
                };
                calls.push(json!({
                    "id": format!("call_{seed:016x}{number:02}"), "type": "function",
                    "function": {"name": call.name, "arguments": arguments},
                }));
            }
        }
    }
    let mut message = json!({"role": "assistant", "content": text, "refusal": null});
    if !thinking.is_empty() {
        message[thinking_field(service)] = json!(thinking);
    }
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    let mut document = envelope("chat.completion", model, seed, service);
    let usual = if answer.has_calls() { "tool_calls" } else { "stop" };
    let reason = answer.stop.as_deref().unwrap_or(usual);
    document["choices"] = json!([{"index": 0, "message": message, "logprobs": null, "finish_reason": reason}]);
    document["usage"] = usage(answer, service);
    document
}

fn envelope(object: &str, model: &str, seed: u64, service: Service) -> Value {
    let mut envelope =
        json!({"id": format!("chatcmpl-{seed:016x}"), "object": object, "created": 1_790_000_000, "model": model});
    if service == Service::OpenRouter {
        envelope["id"] = json!(format!("gen-1790000000-{seed:016x}"));
        envelope["provider"] = json!("Scripted");
    }
    envelope
}

/// OpenRouter calls it reasoning, the servers that think aloud in OpenAI's protocol call it so.
const fn thinking_field(service: Service) -> &'static str {
    match service {
        Service::OpenRouter => "reasoning",
        Service::OpenAi | Service::Anthropic => "reasoning_content",
    }
}

fn usage(answer: &Answer, service: Service) -> Value {
    let usage = &answer.usage;
    let mut document = json!({
        "prompt_tokens": usage.all_input(), "completion_tokens": usage.output,
        "total_tokens": usage.all_input() + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_writes(), "audio_tokens": 0,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    });
    if service == Service::OpenRouter
        && let Some(cost) = usage.cost_micro_usd
    {
        document["cost"] = dollars(cost);
        document["is_byok"] = json!(false);
    }
    document
}

pub(super) fn events(answer: &Answer, conversation: &Conversation, seed: u64, service: Service) -> Vec<String> {
    let model = &conversation.model;
    let whole = document(answer, model, seed, service);
    let message = &whole["choices"][0]["message"];
    // OpenAI says nothing of the usage unless it is asked to; OpenRouter always does.
    let has_usage = conversation.wants_usage || service == Service::OpenRouter;
    let mut events = Vec::new();
    let mut push = |delta: Value, reason: &Value| {
        let mut chunk = envelope("chat.completion.chunk", model, seed, service);
        chunk["choices"] = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason}]);
        if has_usage && service == Service::OpenAi {
            chunk["usage"] = Value::Null;
        }
        events.push(format!("data: {chunk}\n\n"));
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    push(json!({"role": "assistant", "content": ""}), &Value::Null);
    let field = thinking_field(service);
    for piece in answer.pieces(&text(&message[field])) {
        push(json!({field: piece}), &Value::Null);
    }
    for piece in answer.pieces(&text(&message["content"])) {
        push(json!({"content": piece}), &Value::Null);
    }
    for (index, call) in message["tool_calls"].as_array().into_iter().flatten().enumerate() {
        let function = json!({"name": call["function"]["name"], "arguments": ""});
        let start = json!({"index": index, "id": call["id"], "type": "function", "function": function});
        push(json!({"tool_calls": [start]}), &Value::Null);
        for piece in answer.pieces(&text(&call["function"]["arguments"])) {
            let more = json!({"index": index, "function": {"arguments": piece}});
            push(json!({"tool_calls": [more]}), &Value::Null);
        }
    }
    push(json!({}), &whole["choices"][0]["finish_reason"]);
    if has_usage {
        let mut chunk = envelope("chat.completion.chunk", model, seed, service);
        chunk["choices"] = json!([]);
        chunk["usage"] = whole["usage"].clone();
        events.push(format!("data: {chunk}\n\n"));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

pub(super) fn error_event(answer: &Answer, model: &str, seed: u64, service: Service) -> Option<String> {
    let Ending::StreamError { kind, message } = &answer.ending else {
        return None;
    };
    let data = if service == Service::OpenRouter {
        let mut chunk = envelope("chat.completion.chunk", model, seed, service);
        let code = match kind.as_str() {
            "rate_limit_error" | "rate_limit_exceeded" => 429,
            _ => 502,
        };
        chunk["error"] = json!({"code": code, "message": message});
        chunk["choices"] = json!([{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]);
        chunk
    } else {
        json!({"error": {"message": message, "type": kind, "param": null, "code": kind}})
    };
    Some(format!("data: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::super::super::act::ToolCall;
    use super::*;

    fn answer() -> Answer {
        Answer {
            blocks: vec![
                Block::Thinking("Hm.".to_owned()),
                Block::Text("I look.".to_owned()),
                Block::Call(ToolCall {
                    name: "bash".to_owned(),
                    namespace: None,
                    input: ToolInput::Json(json!({"command": "ls"})),
                }),
            ],
            ..Answer::default()
        }
    }

    fn chunks(conversation: &Conversation, service: Service) -> Vec<String> {
        events(&answer(), conversation, 7, service)
    }

    #[test]
    fn calls_have_their_index_and_the_stream_its_reason() {
        let chunks = chunks(&Conversation::default(), Service::OpenAi);
        assert!(chunks.iter().any(|chunk| chunk.contains(r#""tool_calls":[{"index":0"#)));
        let reasons = chunks
            .iter()
            .filter(|chunk| chunk.contains(r#""finish_reason":"tool_calls""#));
        assert_eq!(reasons.count(), 1);
        assert_eq!(chunks.last().unwrap(), "data: [DONE]\n\n");
        assert!(chunks.iter().any(|chunk| chunk.contains("reasoning_content")));
    }

    #[test]
    fn usage_comes_when_it_is_asked_for_and_from_openrouter_always() {
        let asked = Conversation {
            wants_usage: true,
            ..Conversation::default()
        };
        let has_usage = |chunks: Vec<String>| {
            chunks
                .iter()
                .any(|chunk| chunk.contains(r#""usage":{"prompt_tokens":100"#))
        };
        assert!(has_usage(chunks(&asked, Service::OpenAi)));
        assert!(!has_usage(chunks(&Conversation::default(), Service::OpenAi)));
        assert!(has_usage(chunks(&Conversation::default(), Service::OpenRouter)));
    }

    #[test]
    fn each_tool_message_is_a_result() {
        let read = read(&json!({
            "model": "m", "messages": [
                {"role": "system", "content": "s"}, {"role": "user", "content": "@@run ls"},
                {"role": "assistant", "tool_calls": []}, {"role": "tool", "content": "a"}, {"role": "tool", "content": "b"},
            ],
            "tools": [{"type": "function", "function": {"name": "bash", "parameters": {"properties": {"command": {}}}}}],
        }));
        assert_eq!(read.said[1..], [Said::Results(1), Said::Results(1)]);
        assert_eq!((read.tools.len(), read.system.as_str()), (1, "s"));
    }
}
