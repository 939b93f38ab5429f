//! The protocols that the scripted model speaks, one file each: how a request is read and an answer written. Pure.
//!
//! Written apart from the gateway's own expansion of cassettes on purpose: each is the other's check.

pub(super) mod chat;
pub(super) mod failures;
pub(super) mod messages;
pub(super) mod responses;

use serde_json::Value;

use super::answer::{Answer, Ending};
use super::conversation::Conversation;

/// What language a request is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Anthropic Messages.
    Messages,
    /// OpenAI Responses.
    Responses,
    /// OpenAI Chat Completions.
    Chat,
}

/// Whose house style an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Anthropic,
    OpenAi,
    OpenRouter,
}

/// What a path is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// An answer of the model.
    Answer(Protocol),
    /// How many tokens a request has.
    Count(Protocol),
    /// The list of models.
    Models,
    /// What OpenRouter says of a key.
    Key,
}

impl Endpoint {
    pub(super) fn of(path: &str) -> Option<Self> {
        let (_, path) = path.rsplit_once("/v1/")?;
        Some(match path {
            "messages" => Self::Answer(Protocol::Messages),
            "messages/count_tokens" => Self::Count(Protocol::Messages),
            "responses" => Self::Answer(Protocol::Responses),
            "responses/input_tokens" => Self::Count(Protocol::Responses),
            "chat/completions" => Self::Answer(Protocol::Chat),
            "models" => Self::Models,
            "key" => Self::Key,
            _ => return None,
        })
    }
}

impl Service {
    /// OpenRouter has its API below `/api`; Anthropic has messages, or is told by its version header.
    pub(super) fn of(path: &str, names_anthropic: bool) -> Self {
        if path.contains("/api/v1/") {
            Self::OpenRouter
        } else if names_anthropic || path.contains("/v1/messages") {
            Self::Anthropic
        } else {
            Self::OpenAi
        }
    }
}

impl Protocol {
    pub(super) fn read(self, request: &Value) -> Conversation {
        match self {
            Self::Messages => messages::read(request),
            Self::Responses => responses::read(request),
            Self::Chat => chat::read(request),
        }
    }

    /// The whole answer as one document. `seed` makes its identifiers: the same request gets the same.
    pub(super) fn document(self, service: Service, answer: &Answer, model: &str, seed: u64) -> Value {
        match self {
            Self::Messages => messages::document(answer, model, seed),
            Self::Responses => responses::document(answer, model, seed, service),
            Self::Chat => chat::document(answer, model, seed, service),
        }
    }

    /// The events of the answer up to where it breaks off, each as it goes over the wire.
    pub(super) fn events(
        self,
        service: Service,
        answer: &Answer,
        conversation: &Conversation,
        seed: u64,
    ) -> Vec<String> {
        let model = &conversation.model;
        let (mut events, error) = match self {
            Self::Messages => (messages::events(answer, model, seed), messages::error_event(answer)),
            Self::Responses => (
                responses::events(answer, model, seed, service),
                responses::error_event(answer, model, seed),
            ),
            Self::Chat => (
                chat::events(answer, conversation, seed, service),
                chat::error_event(answer, model, seed, service),
            ),
        };
        match &answer.ending {
            Ending::StreamError { .. } => {
                events.truncate(self.breaking_point(events.len()));
                events.extend(error);
            }
            Ending::Cut | Ending::HangStream => events.truncate(self.breaking_point(events.len())),
            _ => {}
        }
        events
    }

    /// Inside the first block, so that what came is neither nothing nor all.
    fn breaking_point(self, events: usize) -> usize {
        events.min(match self {
            Self::Messages => 4,
            Self::Responses => 5,
            Self::Chat => 2,
        })
    }
}
