//! Claude Code's standard output, line by line.
//!
//! The engine reaches it as a [`Parser`]. One API message comes as several `assistant` lines, one for each block, and
//! their usage is only the value at the start: so blocks become events as they come, and usage is read from the
//! `result` line alone.
//!
//! A file that was changed and a new plan are told with the result of the tool that did it, which says so beside the text
//! for the model.

use codecourier_domain::event::{Event, PermissionAnswer};
use serde_json::Value;

use super::changes;
use super::control;
use super::message::{Envelope, StreamEvent, count, is_true, keyword, status, string, take_text, text};
use super::turn;
use crate::parse::bound::{self, name, notice, unknown};
use crate::parse::given::Given;
use crate::parse::{Line, Meaning, Picture, ReadLine};

/// Reads Claude Code's stream-json.
#[derive(Debug, Clone, Copy)]
pub struct ClaudeReader;

impl ReadLine for ClaudeReader {
    fn read(&self, line: Line<'_>) -> Meaning {
        read(line)
    }
}

fn read(line: Line<'_>) -> Meaning {
    if line.is_oversized() {
        let reason = format!("the line is too long: {} bytes", line.length);
        return [unknown(line.bytes, &reason)]
            .into_iter()
            .chain(turn::events_of_oversized(line))
            .collect::<Vec<_>>()
            .into();
    }
    match std::str::from_utf8(line.bytes) {
        Ok("") => Meaning::default(),
        Ok(text) => understand(text),
        Err(_) => {
            let mut meaning = understand(&String::from_utf8_lossy(line.bytes));
            let is_unknown = |event: &Event| matches!(event, Event::Unknown { .. });
            if !meaning.events.iter().any(is_unknown) {
                meaning.events.push(notice(
                    "The agent wrote bytes that are not UTF-8; they are shown as \u{fffd}.",
                ));
            }
            meaning
        }
    }
}

fn understand(line: &str) -> Meaning {
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(line) else {
        return vec![unknown(line.as_bytes(), "not a JSON object of the agent's protocol")].into();
    };
    if keyword(envelope.kind) == "control_request" {
        return asked(line);
    }
    let mut pictures = Vec::new();
    let events = match keyword(envelope.kind) {
        "stream_event" => Some(piece(&envelope)),
        "assistant" => assistant(&envelope, &mut pictures),
        "user" => user(&envelope, &mut pictures),
        "system" => system(keyword(envelope.subtype), line),
        "result" => serde_json::from_str(line)
            .ok()
            .map(|result: Value| turn::events(&result)),
        "control_response" => control_response(line),
        // Progress of what comes again as a whole, or of what only an interactive client shows.
        "tool_progress" | "keep_alive" | "tool_use_summary" | "prompt_suggestion" | "control_cancel_request" => {
            Some(Vec::new())
        }
        kind => Some(vec![unknown(
            line.as_bytes(),
            &format!("unknown type `{}`", bound::end(kind.to_owned(), 64)),
        )]),
    };
    Meaning {
        events: events.unwrap_or_else(|| vec![unknown(line.as_bytes(), "known type, unknown shape")]),
        pictures,
        ..Meaning::default()
    }
}

/// The CLI asks the platform something and waits for the answer. With the adapter's flags it asks nothing, but one that
/// nobody answers would wait until it counts as stuck.
fn asked(line: &str) -> Meaning {
    let value: Value = serde_json::from_str(line).unwrap_or_default();
    let (id, request) = (text(&value, "request_id"), value.get("request").unwrap_or(&Value::Null));
    if id.is_empty() {
        return vec![unknown(line.as_bytes(), "known type, unknown shape")].into();
    }
    if text(request, "subtype") != "can_use_tool" {
        let reason = "the agent asks for something that the platform does not have";
        return Meaning {
            events: vec![unknown(line.as_bytes(), reason)],
            replies: vec![control::refuse(id, reason)],
            ..Meaning::default()
        };
    }
    let input = request.get("input").cloned().unwrap_or_default();
    let events = vec![
        Event::PermissionAsked {
            request: name(id),
            tool: name(text(request, "tool_name")),
            input: bound::arguments(input.clone()),
        },
        Event::PermissionAnswered {
            request: name(id),
            answer: PermissionAnswer::Allowed,
        },
    ];
    Meaning {
        events,
        replies: vec![control::allow(id, &input)],
        ..Meaning::default()
    }
}

fn piece(envelope: &Envelope<'_>) -> Vec<Event> {
    let event = envelope
        .event
        .and_then(|event| serde_json::from_str::<StreamEvent>(event.get()).ok());
    let Some(delta) = event.and_then(|event| event.delta) else {
        return Vec::new();
    };
    let parent_call = string(envelope.parent_tool_use_id).map(name);
    match (delta.text, delta.thinking) {
        (Some(text), _) => vec![Event::Text {
            text: bound::middle(text, bound::TEXT).0,
            partial: true,
            parent_call,
        }],
        (None, Some(text)) => {
            vec![Event::Thinking {
                text: bound::middle(text, bound::OUTPUT).0,
                partial: true,
                parent_call,
            }]
        }
        (None, None) => Vec::new(),
    }
}

fn assistant(envelope: &Envelope<'_>, pictures: &mut Vec<Picture>) -> Option<Vec<Event>> {
    let mut message: Value = serde_json::from_str(envelope.message?.get()).ok()?;
    let parent_call = string(envelope.parent_tool_use_id).map(name);
    let from_cli = is_true(envelope.is_api_error_message);
    let blocks = blocks(&mut message)?;
    Some(
        blocks
            .into_iter()
            .filter_map(|block| assistant_block(block, parent_call.clone(), from_cli, pictures))
            .collect(),
    )
}

fn assistant_block(
    mut block: Value,
    parent_call: Option<String>,
    from_cli: bool,
    pictures: &mut Vec<Picture>,
) -> Option<Event> {
    match text(&block, "type") {
        "text" => match take_text(&mut block, "text") {
            said if said.is_empty() => None,
            // The CLI puts an API error into the conversation as if the model had said it.
            said if from_cli => Some(notice(said)),
            said => Some(Event::Text {
                text: bound::middle(said, bound::TEXT).0,
                partial: false,
                parent_call,
            }),
        },
        "thinking" => Some(Event::Thinking {
            text: bound::middle(take_text(&mut block, "thinking"), bound::OUTPUT).0,
            partial: false,
            parent_call,
        }),
        "redacted_thinking" => Some(Event::Thinking {
            text: String::new(),
            partial: false,
            parent_call,
        }),
        "tool_use" | "server_tool_use" | "mcp_tool_use" => Some(Event::ToolCall {
            call: name(text(&block, "id")),
            name: name(text(&block, "name")),
            input: bound::arguments(block.get_mut("input").map(Value::take).unwrap_or_default()),
            parent_call,
        }),
        kind if kind.ends_with("tool_result") => Some(tool_result(block, pictures)),
        kind => {
            let reason = format!("unknown block `{}` of an answer", bound::end(kind.to_owned(), 64));
            Some(unknown(block.to_string().as_bytes(), &reason))
        }
    }
}

fn user(envelope: &Envelope<'_>, pictures: &mut Vec<Picture>) -> Option<Vec<Event>> {
    if is_true(envelope.is_replay) {
        // The CLI repeats a message of ours; it is recorded when it is sent.
        return Some(Vec::new());
    }
    let mut message: Value = serde_json::from_str(envelope.message?.get()).ok()?;
    let for_sub_agent = string(envelope.parent_tool_use_id).is_some();
    let mut events = Vec::new();
    for mut block in blocks(&mut message)? {
        match text(&block, "type") {
            kind if kind.ends_with("tool_result") => events.push(tool_result(block, pictures)),
            // A sub-agent's prompt stands in the call that started it.
            "text" if for_sub_agent => {}
            // The CLI tells its model something: an interruption, a skill's text, a cut answer.
            "text" => events.push(notice(take_text(&mut block, "text"))),
            kind => events.push(notice(format!("[{}]", bound::end(kind.to_owned(), 64)))),
        }
    }
    let succeeded = matches!(events.as_slice(), [Event::ToolResult { succeeded: true, .. }]);
    events.extend(envelope.tool_use_result.filter(|_| succeeded).and_then(changes::event));
    Some(events)
}

fn tool_result(mut block: Value, pictures: &mut Vec<Picture>) -> Event {
    let failed = block.get("is_error").and_then(Value::as_bool).unwrap_or_default();
    let given = given(block.get_mut("content").map(Value::take));
    given.result(name(text(&block, "tool_use_id")), !failed, pictures)
}

fn given(content: Option<Value>) -> Given {
    match content {
        None | Some(Value::Null) => Given::default(),
        Some(Value::String(text)) => Given::words(text),
        Some(Value::Array(parts)) => {
            let mut given = Given::default();
            for part in parts {
                give(&mut given, part);
            }
            given
        }
        Some(other) => Given::words(other.to_string()),
    }
}

fn give(given: &mut Given, mut part: Value) {
    let source = part.get("source").unwrap_or(&Value::Null);
    match text(&part, "type") {
        "text" => given.say(take_text(&mut part, "text")),
        "image" => given.show(text(source, "media_type"), text(source, "data")),
        "document" => given.leave_out("document", text(source, "media_type"), text(source, "data"), ""),
        _ => given.say(part.to_string()),
    }
}

fn system(subtype: &str, line: &str) -> Option<Vec<Event>> {
    if SILENT.contains(&subtype) {
        return Some(Vec::new());
    }
    let line_value: Value = serde_json::from_str(line).ok()?;
    let value = &line_value;
    let message = |field: &str| vec![notice(text(value, field))];
    Some(match subtype {
        "init" => vec![started(value)],
        "api_retry" => vec![Event::Retry {
            attempt: count(value, "attempt").try_into().unwrap_or(u32::MAX),
            delay_ms: value.get("retry_delay_ms").and_then(Value::as_f64).map_or(0, whole),
            status: status(value, "error_status"),
            message: bound::end(text(value, "error").to_owned(), bound::NOTE),
        }],
        "permission_denied" => vec![Event::PermissionDenied {
            tool: name(text(value, "tool_name")),
        }],
        "informational"
        | "notification"
        | "local_command"
        | "local_command_output"
        | "model_refusal_fallback"
        | "model_fallback"
        | "model_consent_fallback"
        | "instruction_size_warning" => message("content"),
        "api_error" | "mirror_error" => message("error"),
        "model_refusal_no_fallback" => vec![notice("The model refused the request.")],
        "compact_boundary" => vec![notice("The conversation was compacted to fit the model's context.")],
        "session_writes_lost" => vec![notice(
            "The agent could not write its session file; it may not be resumable.",
        )],
        "task_started" => vec![notice(format!("Task started: {}", text(value, "description")))],
        "task_notification" => {
            vec![notice(format!(
                "Task {}: {}",
                text(value, "status"),
                text(value, "summary")
            ))]
        }
        other => {
            let reason = format!("unknown system line `{}`", bound::end(other.to_owned(), 64));
            vec![unknown(line.as_bytes(), &reason)]
        }
    })
}

/// System lines that say nothing which another line does not say, or that only an interactive client shows.
const SILENT: [&str; 25] = [
    "background_tasks_changed",
    "commands_changed",
    "control_request_progress",
    "file_snapshot",
    "files_persisted",
    "hook_progress",
    "hook_response",
    "hook_started",
    "memory_recall",
    "memory_saved",
    "per_turn_effort_changed",
    "post_turn_summary",
    "session_metadata",
    "session_state_changed",
    "session_title_changed",
    "shell_cwd",
    "status",
    "stop_hook_summary",
    "task_progress",
    "task_summary",
    "task_updated",
    "thinking_tokens",
    "turn_duration",
    "turn_starting",
    "vcs_state_changed",
];

fn started(value: &Value) -> Event {
    let tools = value
        .get("tools")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    Event::SessionStarted {
        session: name(text(value, "session_id")),
        model: name(text(value, "model")),
        agent_version: name(text(value, "claude_code_version")),
        tools: tools
            .iter()
            .take(bound::EVENTS)
            .filter_map(|tool| Some(name(tool.as_str()?)))
            .collect(),
    }
}

fn control_response(line: &str) -> Option<Vec<Event>> {
    let value: Value = serde_json::from_str(line).ok()?;
    let response = value.get("response")?;
    Some(match text(response, "subtype") {
        "success" => Vec::new(),
        _ => vec![notice(format!(
            "The agent refused a request: {}",
            text(response, "error")
        ))],
    })
}

/// The blocks of a message; a message that is plain text is one text block.
fn blocks(message: &mut Value) -> Option<Vec<Value>> {
    match message.get_mut("content")?.take() {
        Value::Array(blocks) => Some(blocks),
        Value::String(text) => Some(vec![serde_json::json!({"type": "text", "text": text})]),
        _ => None,
    }
}

/// `as` saturates, which is what is wanted.
fn whole(number: f64) -> u64 {
    number.round() as u64
}
