//! Codex's standard output, line by line.
//!
//! The engine reaches it as a [`crate::parse::Parser`]. Answers to our requests carry the request's id, which says what
//! was asked; everything else names its conversation and turn.

use codecourier_domain::agent::Effort;
use codecourier_domain::event::{Event, PermissionAnswer, PlanEntry, PlanStatus};
use codecourier_domain::usage::Tokens;
use serde_json::{Value, json};

use super::{item, protocol, turn};
use crate::parse::bound::{self, name, notice, unknown};
use crate::parse::field::{count, is_true, take, take_list, take_text, text};
use crate::parse::{Join, Line, Meaning, ReadLine, object};
use crate::session::{Prompt, SessionHandle, SessionSpec, SessionStart};

/// Reads the app server's lines.
#[derive(Debug, Clone)]
pub struct CodexReader {
    prompt: Prompt,
    effort: Option<Effort>,
    is_resumed: bool,
}

impl CodexReader {
    /// A reader of a session's lines.
    #[must_use]
    pub fn of(session: &SessionSpec) -> Self {
        Self {
            prompt: session.prompt.clone(),
            effort: session.effort,
            is_resumed: matches!(session.start, SessionStart::Resume(_)),
        }
    }
}

impl ReadLine for CodexReader {
    fn read(&self, line: Line<'_>) -> Meaning {
        let mut meaning = object::read(line, |message| self.understand(message, line.bytes));
        // The record of a turn holds what was said last, so a long answer makes it long: its end must not be missed.
        if line.is_oversized() && line.bytes.starts_with(br#"{"method":"turn/completed""#) {
            meaning.events.push(turn::end_of_oversized(line.length));
        }
        meaning
    }
}

impl CodexReader {
    fn understand(&self, mut message: Value, line: &[u8]) -> Meaning {
        let id = message.get("id").cloned();
        let method = text(&message, "method").to_owned();
        match (id, method.as_str()) {
            (Some(id), "") => self.answered(&id, message, line),
            (Some(id), method) => asked(&id, method, take(&mut message, "params"), line),
            (None, "") => vec![unknown(line, "known type, unknown shape")].into(),
            (None, method) => told(method, take(&mut message, "params"), line),
        }
    }

    /// The answer to a request of ours.
    fn answered(&self, id: &Value, mut message: Value, line: &[u8]) -> Meaning {
        let id = id.as_str().unwrap_or_default();
        let error = message.get("error").map(|error| text(error, "message").to_owned());
        match (id, error) {
            ("initialize" | protocol::THREAD, Some(error)) => vec![turn::refused(&error)].into(),
            (id, Some(error)) if id.starts_with("message:") => Meaning {
                events: vec![turn::refused(&error)],
                join: Some(Join::Heard),
                ..Meaning::default()
            },
            (_, Some(error)) => vec![notice(format!("The agent refused a request: {error}"))].into(),
            (protocol::THREAD, None) => self.thread_begun(take(&mut message, "result"), line),
            (_, None) => Meaning::default(),
        }
    }

    /// The conversation is there: now the first message can be given.
    fn thread_begun(&self, mut result: Value, line: &[u8]) -> Meaning {
        let thread = take(&mut result, "thread");
        let id = text(&thread, "id");
        if id.is_empty() {
            return vec![unknown(line, "known type, unknown shape")].into();
        }
        Meaning {
            events: vec![Event::SessionStarted {
                session: name(id),
                model: name(text(&result, "model")),
                agent_version: name(text(&thread, "cliVersion")),
                tools: Vec::new(),
            }],
            pictures: Vec::new(),
            replies: vec![protocol::turn(protocol::FIRST_MESSAGE, id, &self.prompt, self.effort)],
            handle: Some(handle(id, None)),
            // It tells the usage of the turn before again.
            join: self.is_resumed.then_some(Join::Deaf),
        }
    }
}

/// A request of the server: it waits for the answer.
fn asked(id: &Value, method: &str, mut params: Value, line: &[u8]) -> Meaning {
    let (answer, what) = match method {
        "item/commandExecution/requestApproval" => (json!({"decision": "accept"}), "shell"),
        "item/fileChange/requestApproval" => (json!({"decision": "accept"}), "apply_patch"),
        "execCommandApproval" => (json!({"decision": "approved"}), "shell"),
        "applyPatchApproval" => (json!({"decision": "approved"}), "apply_patch"),
        "mcpServer/elicitation/request" => {
            return Meaning {
                events: vec![notice("A tool asked a person something; nobody is there to answer.")],
                replies: vec![protocol::answer(id, &json!({"action": "decline"}))],
                ..Meaning::default()
            };
        }
        _ => {
            let reason = "the agent asks for something that the platform does not have";
            return Meaning {
                events: vec![unknown(line, reason)],
                replies: vec![protocol::refuse(id, reason)],
                ..Meaning::default()
            };
        }
    };
    let request = name(match id {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let input = json!({"command": take(&mut params, "command"), "reason": take(&mut params, "reason")});
    Meaning {
        events: vec![
            Event::PermissionAsked {
                request: request.clone(),
                tool: what.to_owned(),
                input: bound::arguments(input),
            },
            Event::PermissionAnswered {
                request,
                answer: PermissionAnswer::Allowed,
            },
        ],
        replies: vec![protocol::answer(id, &answer)],
        ..Meaning::default()
    }
}

/// Something that happened.
fn told(method: &str, mut params: Value, line: &[u8]) -> Meaning {
    match method {
        "item/agentMessage/delta" | "item/plan/delta" => vec![Event::Text {
            text: bound::middle(take_text(&mut params, "delta"), bound::TEXT).0,
            partial: true,
            parent_call: None,
        }],
        "item/reasoning/summaryTextDelta" | "item/reasoning/textDelta" => vec![Event::Thinking {
            text: bound::middle(take_text(&mut params, "delta"), bound::OUTPUT).0,
            partial: true,
            parent_call: None,
        }],
        "item/started" => item::started(take(&mut params, "item")),
        "item/completed" => {
            let mut pictures = Vec::new();
            return Meaning {
                events: item::completed(take(&mut params, "item"), line, &mut pictures),
                pictures,
                ..Meaning::default()
            };
        }
        "turn/started" => {
            let turn = params.get("turn").map(|turn| text(turn, "id").to_owned());
            return Meaning {
                handle: Some(handle(text(&params, "threadId"), turn)),
                join: Some(Join::Heard),
                ..Meaning::default()
            };
        }
        "turn/completed" => {
            return Meaning {
                events: vec![turn::end(&mut take(&mut params, "turn"))],
                handle: Some(handle(text(&params, "threadId"), None)),
                ..Meaning::default()
            };
        }
        "turn/plan/updated" => vec![Event::Plan {
            entries: take_list(&mut params, "plan")
                .into_iter()
                .take(bound::EVENTS)
                .map(plan_entry)
                .collect(),
        }],
        "thread/tokenUsage/updated" => usage(&params),
        "error" => error(&params),
        "model/rerouted" => vec![Event::ModelChanged {
            model: name(text(&params, "toModel")),
        }],
        "warning" | "guardianWarning" => vec![notice(text(&params, "message"))],
        "deprecationNotice" | "configWarning" => match text(&params, "summary") {
            // Its own sandbox is not used: ours is around it.
            summary if summary.contains("bubblewrap") => Vec::new(),
            summary => vec![notice(summary)],
        },
        "thread/compacted" => vec![notice("The conversation was compacted to fit the model's context.")],
        "mcpServer/startupStatus/updated" => match text(&params, "error") {
            "" => Vec::new(),
            error => vec![notice(format!("The MCP server {}: {error}", text(&params, "name")))],
        },
        silent if is_silent(silent) => Vec::new(),
        other => {
            let reason = format!("unknown notification `{}`", bound::end(other.to_owned(), 64));
            vec![unknown(line, &reason)]
        }
    }
    .into()
}

/// Notifications that say nothing which another line does not say, or that only a client with a screen shows.
fn is_silent(method: &str) -> bool {
    const PREFIXES: [&str; 14] = [
        "account/",
        "app/",
        "command/",
        "externalAgentConfig/",
        "fs/",
        "fuzzyFileSearch/",
        "hook/",
        "item/autoApprovalReview/",
        "mcpServer/",
        "process/",
        "project/",
        "remoteControl/",
        "skills/",
        "thread/",
    ];
    const METHODS: [&str; 14] = [
        "item/commandExecution/outputDelta",
        "item/commandExecution/terminalInteraction",
        "item/fileChange/outputDelta",
        "item/fileChange/patchUpdated",
        "item/mcpToolCall/progress",
        "item/reasoning/summaryPartAdded",
        "model/safetyBuffering/updated",
        "model/verification",
        "modelProvider/authRecoveryCompleted",
        "modelProvider/authRecoveryStarted",
        "rawResponse/completed",
        "serverRequest/resolved",
        "turn/diff/updated",
        "turn/moderationMetadata",
    ];
    METHODS.contains(&method) || PREFIXES.iter().any(|prefix| method.starts_with(prefix))
}

fn handle(thread: &str, turn: Option<String>) -> SessionHandle {
    SessionHandle {
        session: name(thread),
        turn: turn.map(name),
    }
}

fn plan_entry(mut entry: Value) -> PlanEntry {
    PlanEntry {
        status: match text(&entry, "status") {
            "completed" => PlanStatus::Completed,
            "inProgress" => PlanStatus::InProgress,
            _ => PlanStatus::Pending,
        },
        text: bound::end(take_text(&mut entry, "step"), bound::NAME * 2),
    }
}

/// The usage of one call of the model. Its count of what went in includes what came from the cache.
fn usage(params: &Value) -> Vec<Event> {
    let Some(last) = params.get("tokenUsage").and_then(|usage| usage.get("last")) else {
        return Vec::new();
    };
    let cached = count(last, "cachedInputTokens");
    let written = count(last, "cacheWriteInputTokens");
    let tokens = Tokens {
        input: count(last, "inputTokens")
            .saturating_sub(cached)
            .saturating_sub(written),
        output: count(last, "outputTokens"),
        cache_read: cached,
        cache_write_5m: written,
        cache_write_1h: 0,
    };
    let size = params
        .get("tokenUsage")
        .and_then(|usage| usage.get("modelContextWindow")?.as_u64());
    vec![
        Event::UsageReported { tokens, cost: None },
        Event::ContextUsed {
            used: count(last, "totalTokens"),
            size,
        },
    ]
}

/// An error that it tries to get over; what it does not get over is in the turn's end.
fn error(params: &Value) -> Vec<Event> {
    if !is_true(params, "willRetry") {
        return Vec::new();
    }
    let null = Value::Null;
    let error = params.get("error").unwrap_or(&null);
    // "Reconnecting... 2/5"
    let attempt = text(error, "message")
        .rsplit(' ')
        .next()
        .and_then(|counts| counts.split_once('/'));
    vec![Event::Retry {
        attempt: attempt.and_then(|(attempt, _)| attempt.parse().ok()).unwrap_or(1),
        delay_ms: 0,
        status: turn::status(error),
        message: bound::end(turn::words(Some(error)), bound::NOTE),
    }]
}
