//! Pi's standard output, line by line.
//!
//! The engine reaches it as a [`crate::parse::Parser`]. A message comes in pieces and then whole; a run's end repeats all
//! messages of it and holds only once Pi is settled.

use codecourier_domain::event::Event;
use codecourier_domain::usage::Tokens;
use serde_json::Value;

use super::{protocol, turn};
use crate::parse::bound::{self, name, notice, unknown};
use crate::parse::field::{count, is_true, micro_usd, take, take_list, take_text, text};
use crate::parse::given::Given;
use crate::parse::{Join, Line, Meaning, ReadLine, object};

/// Pi's words for a wait before a retry that was cut off.
const RETRY_CANCELLED: &str = "Retry cancelled";

/// Reads Pi's lines.
#[derive(Debug, Clone, Copy)]
pub struct PiReader;

impl ReadLine for PiReader {
    fn read(&self, line: Line<'_>) -> Meaning {
        if line.is_oversized() && line.bytes.starts_with(br#"{"type":"agent_end""#) {
            return unsettled(turn::end_of_oversized(line.length));
        }
        object::read(line, |message| understand(message, line.bytes))
    }
}

fn understand(mut message: Value, line: &[u8]) -> Meaning {
    let kind = text(&message, "type").to_owned();
    match kind.as_str() {
        "message_update" => piece(take(&mut message, "assistantMessageEvent")),
        "message_end" => said(take(&mut message, "message")),
        "tool_execution_end" => return result(message),
        "agent_start" => return joined(Join::GoesOn, Vec::new()),
        "agent_end" => {
            if is_true(&message, "willRetry") {
                return Meaning::default();
            }
            return unsettled(turn::end(take_list(&mut message, "messages")));
        }
        "agent_settled" => return joined(Join::Settled, Vec::new()),
        "auto_retry_start" => {
            let error = text(&message, "errorMessage").to_owned();
            vec![Event::Retry {
                attempt: count(&message, "attempt").try_into().unwrap_or(u32::MAX),
                delay_ms: count(&message, "delayMs"),
                status: turn::status(&error),
                message: bound::end(error, bound::NOTE),
            }]
        }
        // A person interrupted it while it waited to ask again: nothing else ends the turn.
        "auto_retry_end" if text(&message, "finalError") == RETRY_CANCELLED => {
            return unsettled(turn::interrupted());
        }
        "compaction_end" => match text(&message, "errorMessage") {
            "" if is_true(&message, "aborted") => Vec::new(),
            "" => vec![notice("The conversation was compacted to fit the model's context.")],
            error => vec![notice(format!("The conversation could not be compacted: {error}"))],
        },
        "extension_error" => vec![notice(format!("An extension failed: {}", text(&message, "error")))],
        "response" => return answered(message),
        "extension_ui_request" => return asked(&message),
        // What comes again whole, or what another line says too.
        "turn_start"
        | "turn_end"
        | "message_start"
        | "tool_execution_start"
        | "tool_execution_update"
        | "auto_retry_end"
        | "compaction_start"
        | "queue_update"
        | "entry_appended"
        | "session_info_changed"
        | "thinking_level_changed"
        | "summarization_retry_scheduled"
        | "summarization_retry_attempt_start"
        | "summarization_retry_finished"
        | "bash_execution_update" => Vec::new(),
        other => {
            let reason = format!("unknown type `{}`", bound::end(other.to_owned(), 64));
            vec![unknown(line, &reason)]
        }
    }
    .into()
}

fn unsettled(end: Event) -> Meaning {
    joined(Join::Unsettled, vec![end])
}

fn joined(join: Join, events: Vec<Event>) -> Meaning {
    Meaning {
        events,
        join: Some(join),
        ..Meaning::default()
    }
}

fn piece(mut update: Value) -> Vec<Event> {
    match text(&update, "type") {
        "text_delta" => vec![Event::Text {
            text: bound::middle(take_text(&mut update, "delta"), bound::TEXT).0,
            partial: true,
            parent_call: None,
        }],
        "thinking_delta" => vec![Event::Thinking {
            text: bound::middle(take_text(&mut update, "delta"), bound::OUTPUT).0,
            partial: true,
            parent_call: None,
        }],
        _ => Vec::new(),
    }
}

/// A whole message. Only the model's own is news: ours is known, and a tool's is told where the tool ends.
fn said(mut message: Value) -> Vec<Event> {
    if text(&message, "role") != "assistant" {
        return Vec::new();
    }
    let content = take_list(&mut message, "content");
    let mut events: Vec<Event> = content.into_iter().filter_map(block).collect();
    // A request that failed has none.
    events.extend(
        message
            .get("usage")
            .filter(|usage| count(usage, "totalTokens") > 0)
            .map(usage),
    );
    events
}

fn block(mut block: Value) -> Option<Event> {
    match text(&block, "type") {
        "text" => match take_text(&mut block, "text") {
            said if said.is_empty() => None,
            said => Some(Event::Text {
                text: bound::middle(said, bound::TEXT).0,
                partial: false,
                parent_call: None,
            }),
        },
        "thinking" => Some(Event::Thinking {
            text: bound::middle(take_text(&mut block, "thinking"), bound::OUTPUT).0,
            partial: false,
            parent_call: None,
        }),
        "toolCall" => Some(Event::ToolCall {
            call: name(text(&block, "id")),
            name: name(text(&block, "name")),
            input: bound::arguments(take(&mut block, "arguments")),
            parent_call: None,
        }),
        kind => {
            let reason = format!("unknown block `{}` of an answer", bound::end(kind.to_owned(), 64));
            Some(unknown(block.to_string().as_bytes(), &reason))
        }
    }
}

fn result(mut message: Value) -> Meaning {
    let content = message.get_mut("result").map(|result| take_list(result, "content"));
    let mut meaning = Meaning::default();
    let call = name(text(&message, "toolCallId"));
    let given = Given::blocks(content.unwrap_or_default());
    meaning
        .events
        .push(given.result(call, !is_true(&message, "isError"), &mut meaning.pictures));
    meaning
}

/// The usage of one answer. Pi has no prices of the gateway's models, so its cost is one only when it is more than nothing.
fn usage(usage: &Value) -> Event {
    let written = count(usage, "cacheWrite");
    let one_hour = count(usage, "cacheWrite1h");
    let cost = usage.get("cost").and_then(|cost| cost.get("total")?.as_f64());
    Event::UsageReported {
        tokens: Tokens {
            input: count(usage, "input"),
            output: count(usage, "output"),
            cache_read: count(usage, "cacheRead"),
            cache_write_5m: written.saturating_sub(one_hour),
            cache_write_1h: one_hour,
        },
        cost: cost.filter(|cost| *cost > 0.0).and_then(micro_usd),
    }
}

fn answered(mut message: Value) -> Meaning {
    let id = text(&message, "id").to_owned();
    let succeeded = is_true(&message, "success");
    if succeeded && id == protocol::STATE {
        let data = take(&mut message, "data");
        return vec![Event::SessionStarted {
            session: name(text(&data, "sessionId")),
            model: name(data.get("model").map_or("", |model| text(model, "id"))),
            // It does not say.
            agent_version: String::new(),
            tools: Vec::new(),
        }]
        .into();
    }
    if succeeded {
        return Meaning::default();
    }
    let error = bound::end(take_text(&mut message, "error"), bound::NOTE);
    if id.starts_with("message:") {
        vec![turn::refused(error)].into()
    } else {
        vec![notice(format!("The agent refused a request: {error}"))].into()
    }
}

/// An extension asks a person something, and waits for those questions that have answers.
fn asked(message: &Value) -> Meaning {
    match text(message, "method") {
        "select" | "confirm" | "input" | "editor" => Meaning {
            events: vec![notice(
                "An extension asked a person something; nobody is there to answer.",
            )],
            replies: vec![protocol::cancel(message.get("id").unwrap_or(&Value::Null))],
            ..Meaning::default()
        },
        "notify" => vec![notice(text(message, "message"))].into(),
        _ => Meaning::default(),
    }
}
