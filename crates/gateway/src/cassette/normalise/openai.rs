//! Requests of OpenAI's two languages, normalised. Pure.
//!
//! Kept is the same as of Anthropic's: the model, whether there are tools, what was said, called and returned. Dropped:
//! instructions and messages of the developer, what Codex adds to the user's messages (its environment, the text of
//! AGENTS.md, with the paths in them), reasoning whether sealed or not, `prompt_cache_key` and every other setting.

use serde_json::Value;

use super::{
    NormalisedMessage, NormalisedRequest, blocks_of, hash, normalise_text, short_hash, text_of, without_element,
    without_reminders, write_canonical,
};
use crate::provider::Dialect;

/// One thing in a conversation.
struct Turn {
    role: &'static str,
    /// As it was, for what a person expects of it; empty for what the model says.
    plain: String,
    part: String,
}

pub(super) fn read(dialect: Dialect, body: &[u8]) -> Result<NormalisedRequest, serde_json::Error> {
    let request: Value = serde_json::from_slice(body)?;
    let model = text_of(&request["model"]).to_owned();
    let has_tools = request["tools"].as_array().is_some_and(|tools| !tools.is_empty());
    let turns = match dialect {
        Dialect::Messages | Dialect::Chat => turns_of_chat(&request),
        Dialect::Responses => turns_of_responses(&request),
    };
    let mut messages: Vec<NormalisedMessage> = Vec::new();
    let mut index = 0;
    let mut last_words = String::new();
    let mut role = "";
    for turn in turns {
        let goes_on = std::mem::replace(&mut role, turn.role) == turn.role;
        if turn.role == "assistant" {
            // Everything the model said in one answer is one message of its.
            index += u32::from(!goes_on);
            last_words.clear();
        } else {
            last_words.push_str(&turn.plain);
            last_words.push('\n');
        }
        match messages.last_mut().filter(|_| goes_on) {
            Some(message) => message.parts.push(turn.part),
            None => messages.push(NormalisedMessage {
                role: turn.role.to_owned(),
                parts: vec![turn.part],
            }),
        }
    }
    Ok(NormalisedRequest {
        dialect,
        hash: hash(&format!("{dialect:?}\n{model}\n{has_tools}\n"), &messages),
        model,
        messages,
        index,
        last_words,
        body_bytes: body.len(),
    })
}

fn turns_of_responses(request: &Value) -> Vec<Turn> {
    if let Value::String(text) = &request["input"] {
        return said("user", text).into_iter().collect();
    }
    let mut turns = Vec::new();
    for item in request["input"].as_array().into_iter().flatten() {
        let kind = item["type"].as_str().unwrap_or("message");
        match (kind, text_of(&item["role"])) {
            ("message", "assistant") => turns.extend(texts(&item["content"], "assistant")),
            ("message", "user") => turns.extend(texts(&item["content"], "user")),
            // The developer's and the system's; what the model thought.
            ("message", _) | ("reasoning", _) => {}
            (kind, _) if kind.ends_with("_call_output") => turns.push(result(&item["output"])),
            (kind, _) if kind.ends_with("_call") => {
                let input = if item["arguments"].is_string() {
                    &item["arguments"]
                } else {
                    &item["input"]
                };
                turns.push(call(text_of(&item["name"]), text_of(input)));
            }
            _ => {}
        }
    }
    turns
}

fn turns_of_chat(request: &Value) -> Vec<Turn> {
    let mut turns = Vec::new();
    for message in request["messages"].as_array().into_iter().flatten() {
        match text_of(&message["role"]) {
            "user" => turns.extend(texts(&message["content"], "user")),
            "assistant" => {
                turns.extend(texts(&message["content"], "assistant"));
                for one in message["tool_calls"].as_array().into_iter().flatten() {
                    let function = &one["function"];
                    turns.push(call(text_of(&function["name"]), text_of(&function["arguments"])));
                }
            }
            "tool" | "function" => turns.push(result(&message["content"])),
            _ => {}
        }
    }
    turns
}

/// The parts of a content that count.
fn texts(content: &Value, role: &'static str) -> Vec<Turn> {
    blocks_of(content)
        .iter()
        .filter_map(|block| match block["text"].as_str() {
            Some(text) => said(role, text),
            None => Some(Turn {
                role,
                plain: String::new(),
                part: format!("{} {}", text_of(&block["type"]), short_hash(&block.to_string())),
            }),
        })
        .collect()
}

fn said(role: &'static str, text: &str) -> Option<Turn> {
    if role == "user" && text.trim_start().starts_with("# AGENTS.md instructions") {
        return None;
    }
    let plain = without_element(
        &without_reminders(text),
        "<environment_context>",
        "</environment_context>",
    );
    let part = normalise_text(&plain);
    (!part.is_empty()).then_some(Turn { role, plain, part })
}

/// A call; its arguments are JSON in a text, or a text as such.
fn call(name: &str, arguments: &str) -> Turn {
    let mut part = format!("call {name} ");
    match serde_json::from_str::<Value>(arguments) {
        Ok(input) => write_canonical(&input, &mut part),
        Err(_) => part.push_str(&normalise_text(arguments)),
    }
    Turn {
        role: "assistant",
        plain: String::new(),
        part,
    }
}

fn result(output: &Value) -> Turn {
    let blocks: Vec<String> = blocks_of(output)
        .iter()
        .map(|block| match block["text"].as_str() {
            Some(text) => without_reminders(text),
            None => format!("[{} {}]", text_of(&block["type"]), short_hash(&block.to_string())),
        })
        .collect();
    // Codex names each piece of a command's output by chance.
    let plain: Vec<&str> = blocks
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| !line.starts_with("Chunk ID: "))
        .collect();
    let plain = plain.join("\n");
    Turn {
        role: "tool",
        part: format!("result {}", normalise_text(&plain)),
        plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn responses(run: &str) -> NormalisedRequest {
        let body = json!({
            "model": "gpt-5.5", "instructions": format!("Today is {run}"), "prompt_cache_key": run, "tools": [{"name": "exec"}],
            "input": [
                {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": run}]},
                {"type": "message", "role": "user", "content": [
                    {"type": "input_text", "text": format!("# AGENTS.md instructions for /tmp/{run}\n…")},
                    {"type": "input_text", "text": format!("<environment_context><cwd>/tmp/{run}</cwd></environment_context>")}]},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Fix it"}]},
                {"type": "reasoning", "encrypted_content": run, "summary": []},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
                {"type": "function_call", "call_id": run, "name": "exec_command", "arguments": "{\"cmd\": \"ls\"}"},
                {"type": "function_call_output", "call_id": run, "output": format!("Chunk ID: {run}\nWall time: 0.0{} seconds\nOutput:\na.rs", run.len())},
            ],
        });
        NormalisedRequest::read(Dialect::Responses, body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn another_run_of_the_same_conversation_is_recognised() {
        let one = responses("first");
        assert_eq!(one.hash, responses("another").hash);
        assert_eq!(one.index, 1, "what the model said in one answer is one message");
        assert!(one.last_words.contains("a.rs"));
        let roles: Vec<_> = one.messages.iter().map(|message| message.role.as_str()).collect();
        assert_eq!(roles, ["user", "assistant", "tool"]);
        assert_eq!(one.messages[1].parts.len(), 2);
    }

    #[test]
    fn a_chat_is_told_by_what_was_said_called_and_returned() {
        let chat = |id: &str, result: &str| {
            let body = json!({
                "model": "m", "tools": [{}],
                "messages": [
                    {"role": "system", "content": id}, {"role": "user", "content": "Fix it"},
                    {"role": "assistant", "content": "I look.", "reasoning_content": id, "tool_calls": [
                        {"id": id, "function": {"name": "bash", "arguments": "{\"command\":\"ls\"}"}}]},
                    {"role": "tool", "tool_call_id": id, "content": result},
                ],
            });
            NormalisedRequest::read(Dialect::Chat, body.to_string().as_bytes()).unwrap()
        };
        assert_eq!(chat("x", "a.rs").hash, chat("y", "a.rs").hash);
        assert_ne!(chat("x", "a.rs").hash, chat("x", "b.rs").hash);
        assert_eq!(chat("x", "a.rs").index, 1);
    }

    #[test]
    fn wild_requests_are_read() {
        for dialect in [Dialect::Responses, Dialect::Chat] {
            for body in ["{}", "[]", "3", r#"{"input": "hi", "messages": [3, {"role": 4}]}"#] {
                assert!(NormalisedRequest::read(dialect, body.as_bytes()).is_ok(), "{body}");
            }
        }
    }
}
