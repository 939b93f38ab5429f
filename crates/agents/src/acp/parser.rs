//! The standard output of an agent that speaks the Agent Client Protocol, line by line.
//!
//! The engine reaches it as a [`crate::parse::Parser`]. The handshake goes from answer to answer: what is there, a session,
//! its model, its effort, the first message.

use codecourier_domain::agent::Effort;
use codecourier_domain::event::{Event, PermissionAnswer};
use serde_json::{Value, json};

use super::config::{self, Setting, Wish};
use super::protocol::{self, EFFORT, INITIALIZE, MESSAGE, MODEL, SESSION};
use super::{tool, turn};
use crate::parse::bound::{self, name, notice, unknown};
use crate::parse::field::{count, take, take_list, take_text, text};
use crate::parse::{Join, Line, Meaning, Piece, ReadLine, Said, object};
use crate::session::{Prompt, SessionHandle, SessionSpec, SessionStart};

/// Where the rules of the project and the role stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// Before the first message: the protocol has no place of its own for them.
    InFirstMessage,
    /// In a file that the agent reads.
    InFile,
}

/// Reads the lines of an agent.
#[derive(Debug, Clone)]
pub struct AcpReader {
    prompt: Prompt,
    rules: Option<String>,
    model: String,
    effort: Option<Effort>,
    place: Value,
    resumed: Option<String>,
    usage: Usage,
}

/// What the usage in the answer to a message is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usage {
    /// It is that of the turn.
    OfTurn,
    /// It is that of the last call of the model alone, and so of no use.
    OfLastCall,
}

impl AcpReader {
    /// A reader of a session's lines.
    #[must_use]
    pub fn of(session: &SessionSpec, rules: Rules) -> Self {
        Self {
            prompt: session.prompt.clone(),
            rules: match rules {
                Rules::InFirstMessage => session.system_prompt.clone(),
                Rules::InFile => None,
            },
            model: session.model.as_str().to_owned(),
            effort: session.effort,
            place: protocol::place(session),
            resumed: match &session.start {
                SessionStart::New => None,
                SessionStart::Resume(handle) => Some(handle.session.clone()),
            },
            usage: Usage::OfTurn,
        }
    }

    /// The same for an agent that reports the usage of its last call as that of the turn.
    #[must_use]
    pub fn without_usage(self) -> Self {
        Self {
            usage: Usage::OfLastCall,
            ..self
        }
    }
}

impl ReadLine for AcpReader {
    fn read(&self, line: Line<'_>) -> Meaning {
        object::read(line, |message| self.understand(message, line.bytes))
    }
}

impl AcpReader {
    fn understand(&self, mut message: Value, line: &[u8]) -> Meaning {
        let id = message.get("id").cloned();
        let method = text(&message, "method").to_owned();
        match (id, method.as_str()) {
            (Some(id), "") => self.answered(id.as_str().unwrap_or_default(), message, line),
            (Some(id), "session/request_permission") => permission(&id, take(&mut message, "params")),
            (Some(id), _) => {
                let reason = "the agent asks for something that the platform does not have";
                Meaning {
                    events: vec![unknown(line, reason)],
                    replies: vec![protocol::refuse(&id, reason)],
                    ..Meaning::default()
                }
            }
            (None, "session/update") => match message.get_mut("params") {
                Some(params) => update(take(params, "update"), line),
                None => vec![unknown(line, "known type, unknown shape")].into(),
            },
            (None, other) => {
                let reason = format!("unknown notification `{}`", bound::end(other.to_owned(), 64));
                vec![unknown(line, &reason)].into()
            }
        }
    }

    fn answered(&self, id: &str, mut message: Value, line: &[u8]) -> Meaning {
        let result = match message.get("error").filter(|error| !error.is_null()) {
            None => Ok(take(&mut message, "result")),
            Some(error) => Err(error.clone()),
        };
        let kinds = [SESSION, MODEL, EFFORT, MESSAGE];
        let kind = kinds.into_iter().find(|kind| id.starts_with(kind));
        let of = kind.and_then(|kind| id.strip_prefix(kind)).unwrap_or_default();
        match (kind, result) {
            (Some(MODEL), Ok(result)) => self.model_set(of, &result),
            (Some(EFFORT), Ok(_)) => self.first_message(of, Vec::new()),
            // The agent goes on as it is by itself; the notice tells.
            (Some(MODEL), Err(error)) => self.model_set(of, &Value::Null).after(refused_setting("model", &error)),
            (Some(EFFORT), Err(error)) => self.first_message(of, vec![refused_setting("effort", &error)]),
            (Some(SESSION), Ok(result)) => self.session_begun(of, &result, line),
            (Some(MESSAGE), Ok(result)) => {
                let usage = turn::usage(&result).filter(|_| self.usage == Usage::OfTurn);
                usage.into_iter().chain([turn::end(&result)]).collect::<Vec<_>>().into()
            }
            (Some(_), Err(error)) => Meaning {
                events: vec![turn::failed(&error)],
                join: Some(Join::Heard),
                ..Meaning::default()
            },
            (_, Ok(result)) if id == INITIALIZE => self.initialized(&result),
            (_, Err(error)) if id == INITIALIZE => vec![turn::failed(&error)].into(),
            (_, Err(error)) => {
                let words = text(&error, "message");
                vec![notice(format!("The agent refused a request: {words}"))].into()
            }
            (_, Ok(_)) => Meaning::default(),
        }
    }

    /// The agent is there and says what it can: the session can begin.
    fn initialized(&self, result: &Value) -> Meaning {
        let null = Value::Null;
        let can = result.get("agentCapabilities").unwrap_or(&null);
        let pictures = can
            .get("promptCapabilities")
            .and_then(|prompt| prompt.get("image")?.as_bool());
        if !self.prompt.images.is_empty() && pictures != Some(true) {
            return vec![turn::impossible(
                "The agent takes no pictures, and the task comes with some.",
            )]
            .into();
        }
        let version = result.get("agentInfo").map_or("", |agent| text(agent, "version"));
        let id = format!("{SESSION}{}", name(version));
        let Some(session) = &self.resumed else {
            return reply(protocol::request(&id, "session/new", &self.place));
        };
        let mut place = self.place.clone();
        place["sessionId"] = json!(session);
        let can_resume = can
            .get("sessionCapabilities")
            .is_some_and(|session| session.get("resume").is_some_and(|resume| !resume.is_null()));
        let can_load = can.get("loadSession").and_then(Value::as_bool).unwrap_or_default();
        if can_resume {
            reply(protocol::request(&id, "session/resume", &place))
        } else if can_load {
            Meaning {
                join: Some(Join::Deaf),
                ..reply(protocol::request(&id, "session/load", &place))
            }
        } else {
            vec![turn::impossible("The agent cannot take up a session again.")].into()
        }
    }

    fn session_begun(&self, version: &str, result: &Value, line: &[u8]) -> Meaning {
        let session = match (&self.resumed, text(result, "sessionId")) {
            (Some(session), _) => session.clone(),
            (None, "") => return vec![unknown(line, "known type, unknown shape")].into(),
            (None, session) => name(session),
        };
        let begun = Event::SessionStarted {
            session: session.clone(),
            model: name(self.model.as_str()),
            agent_version: version.to_owned(),
            tools: Vec::new(),
        };
        let ends = format!("/{}", self.model);
        let is_model = |value: &str| value == self.model || value.ends_with(&ends);
        let mut meaning = match config::wish(result, "model", is_model) {
            Wish::Set(Setting { option, value }) => {
                let id = format!("{MODEL}{session}");
                reply(protocol::set_option(&id, &session, &option, &value)).after(begun)
            }
            Wish::Granted => self.model_set(&session, result).after(begun),
            Wish::Impossible { instead } => {
                let changed = Event::ModelChanged { model: name(instead) };
                self.model_set(&session, result).after(changed).after(begun)
            }
        };
        meaning.join = Some(Join::Heard);
        meaning.handle = Some(SessionHandle { session, turn: None });
        meaning
    }

    fn model_set(&self, session: &str, result: &Value) -> Meaning {
        let Some(effort) = self.effort else {
            return self.first_message(session, Vec::new());
        };
        match config::wish(result, "thought_level", |value| value == effort.as_str()) {
            Wish::Granted => self.first_message(session, Vec::new()),
            Wish::Set(Setting { option, value }) => {
                let id = format!("{EFFORT}{session}");
                reply(protocol::set_option(&id, session, &option, &value))
            }
            Wish::Impossible { instead } => {
                let told = format!(
                    "The model has no effort `{}`; the agent goes on with `{instead}`.",
                    effort.as_str()
                );
                self.first_message(session, vec![notice(told)])
            }
        }
    }

    fn first_message(&self, session: &str, events: Vec<Event>) -> Meaning {
        let id = format!("{MESSAGE}first");
        let message = protocol::message(&id, session, self.rules.as_deref(), &self.prompt);
        Meaning {
            events,
            ..reply(message)
        }
    }
}

impl Meaning {
    /// The same after another event.
    fn after(mut self, event: Event) -> Self {
        self.events.insert(0, event);
        self
    }
}

fn reply(bytes: Vec<u8>) -> Meaning {
    Meaning {
        replies: vec![bytes],
        ..Meaning::default()
    }
}

fn refused_setting(what: &str, error: &Value) -> Event {
    notice(format!("The agent did not take the {what}: {}", text(error, "message")))
}

fn permission(id: &Value, mut params: Value) -> Meaning {
    let options = take_list(&mut params, "options");
    let allows = ["allow_once", "allow_always"];
    let allowed = allows
        .into_iter()
        .find_map(|kind| options.iter().find(|option| text(option, "kind") == kind));
    let (outcome, answer) = match allowed {
        Some(option) => (
            json!({"outcome": "selected", "optionId": text(option, "optionId")}),
            PermissionAnswer::Allowed,
        ),
        None => (json!({"outcome": "cancelled"}), PermissionAnswer::Refused),
    };
    let mut call = take(&mut params, "toolCall");
    let request = name(match id {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    Meaning {
        events: vec![
            Event::PermissionAsked {
                request: request.clone(),
                tool: name(text(&call, "title")),
                input: bound::arguments(take(&mut call, "rawInput")),
            },
            Event::PermissionAnswered { request, answer },
        ],
        replies: vec![protocol::answer(id, &json!({"outcome": outcome}))],
        ..Meaning::default()
    }
}

fn update(mut update: Value, line: &[u8]) -> Meaning {
    match text(&update, "sessionUpdate") {
        "agent_message_chunk" => piece(Said::Text, update),
        "agent_thought_chunk" => piece(Said::Thought, update),
        "tool_call" => tool::announced(update),
        "tool_call_update" => tool::updated(update),
        "plan" => vec![tool::plan(take_list(&mut update, "entries"))].into(),
        "usage_update" => Meaning {
            events: vec![Event::ContextUsed {
                used: count(&update, "used"),
                size: update.get("size").and_then(Value::as_u64),
            }],
            join: Some(Join::Beside),
            ..Meaning::default()
        },
        "user_message_chunk"
        | "available_commands_update"
        | "current_mode_update"
        | "config_option_update"
        | "session_info_update" => Meaning::default(),
        other => {
            let reason = format!("unknown update `{}`", bound::end(other.to_owned(), 64));
            vec![unknown(line, &reason)].into()
        }
    }
}

fn piece(of: Said, mut update: Value) -> Meaning {
    let whole = name(text(&update, "messageId"));
    let mut content = take(&mut update, "content");
    let text = match text(&content, "type") {
        "text" => take_text(&mut content, "text"),
        kind => format!("[{}]", bound::end(kind.to_owned(), 64)),
    };
    if text.is_empty() {
        return Meaning::default();
    }
    Meaning {
        join: Some(Join::Piece(Piece { of, whole, text })),
        ..Meaning::default()
    }
}
