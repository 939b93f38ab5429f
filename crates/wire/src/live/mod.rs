//! The messages of the live socket, and the data of its twin for scripts.
//!
//! A client sends [`ClientMessage`]s and gets [`ServerMessage`]s, each a JSON object in a text message. What happened
//! has the number `seq` of its log: a client that reconnects says `after: <the last one it had>` and misses nothing.

use codecourier_domain::id::{RunId, StepId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::sandboxes::SandboxUsage;
use crate::schema;
use crate::time::Time;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum ClientMessage {
    /// Says who it is: the first message where neither a cookie nor a header said so. Later it replaces a credential that
    /// is about to end by a new one of the same caller.
    Authenticate {
        /// A session's token, an API key, or an outside identity provider's statement.
        token: String,
    },
    /// Begins to follow something.
    Subscribe {
        /// The client's own name for it, in every message about it.
        #[schema(min_length = 1, max_length = 64)]
        id: String,
        /// What.
        query: LiveQuery,
        /// Of what, where the query needs it.
        #[serde(default)]
        args: LiveArguments,
        /// The last number that the client had: what follows is told. Without it, what there is now is told first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(minimum = 0)]
        after: Option<u64>,
    },
    /// Stops following.
    Unsubscribe {
        /// The name.
        id: String,
    },
    /// Asks whether the server is there: it answers `pong`.
    Ping {},
}

/// What can be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum LiveQuery {
    /// Whatever changes in a project. Needs `project`.
    #[serde(rename = "project.changes")]
    ProjectChanges,
    /// What happens in a run. Needs `project` and `run`.
    #[serde(rename = "run.events")]
    RunEvents,
    /// What a sandbox uses, while it changes. Needs `project` and `sandbox`.
    #[serde(rename = "sandbox.usage")]
    SandboxUsage,
    /// What concerns the person who asks.
    #[serde(rename = "user.changes")]
    UserChanges,
    /// Whatever changes on the server. For its operators.
    #[serde(rename = "installation.changes")]
    InstallationChanges,
}

/// Of what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LiveArguments {
    /// A project's slug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// A run's identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// A sandbox's identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ServerMessage {
    /// The first message.
    #[serde(rename_all = "camelCase")]
    Hello {
        /// The server's version.
        version: String,
        /// Whether the client has said who it is. If not, `authenticate` must come next.
        authenticated: bool,
        /// How many things a connection can follow.
        max_subscriptions: usize,
        /// The longest message that the server reads, in bytes.
        max_message_bytes: usize,
    },
    /// What there is now. Whatever was told of this subscription before is void.
    Snapshot {
        /// Of which subscription.
        id: String,
        /// The last number that is in it.
        seq: u64,
        /// What there is.
        data: LiveSnapshot,
    },
    /// What happened. The numbers of a subscription rise; those of things that the client may not see are left out.
    Delta {
        /// Of which subscription.
        id: String,
        /// What.
        #[serde(flatten)]
        delta: LiveDelta,
    },
    /// What is shown while it happens and not kept. It may be lost; what it becomes comes as a `delta`.
    Transient {
        /// Of which subscription.
        id: String,
        /// What.
        transient: LiveTransient,
    },
    /// What happened since cannot be told any more. A snapshot follows.
    Reset {
        /// Of which subscription.
        id: String,
    },
    /// A message of the client cannot be done.
    Error {
        /// The subscription it is about, if it names one.
        #[schema(required)]
        id: Option<String>,
        /// What kind of error it is. Each has a page in the manual.
        code: String,
        /// What happened and what to do, for people.
        message: String,
    },
    /// A subscription is over: the client may not see it any more.
    Ended {
        /// Which.
        id: String,
        /// Why.
        code: String,
        /// Why, for people.
        message: String,
    },
    /// The answer to `ping`.
    Pong {},
}

/// An event of a stream, as scripts get it: its lines `id`, `event` and `data`. Only for the description.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamEvent {
    /// The number to go on after; absent where there is nothing to go on after.
    #[schema(pattern = "^[0-9]+$", nullable = false)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it is.
    pub event: StreamEventKind,
    /// More about it, as JSON: a `LiveSnapshot`, a `LiveDelta`, a `LiveTransient`, or why nothing more comes.
    pub data: String,
    /// In how many milliseconds to come back, before the server restarts.
    #[schema(nullable = false)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<u64>,
}

/// What an event of a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum StreamEventKind {
    /// What there is now.
    Snapshot,
    /// Something that happened.
    Delta,
    /// Something that is shown while it happens.
    Transient,
    /// What the client had is no longer to be gone on from: a snapshot follows.
    Reset,
    /// Nothing more comes, and why.
    Ended,
    /// The server restarts: come back.
    Restart,
}

/// One thing that happened: a change or an event, by the query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LiveDelta {
    /// Its number.
    pub seq: u64,
    /// A change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<LiveChange>,
    /// An event of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<LiveEvent>,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LiveChange {
    /// Of what kind of thing: `run`, `member`.
    pub kind: String,
    /// Which.
    pub id: String,
    /// What happened to it.
    pub op: LiveOp,
    /// Who did it.
    pub actor: String,
    /// When.
    pub at: Time,
    /// More about it, by the kind.
    #[schema(value_type = Object)]
    pub body: Value,
}

/// What happened to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum LiveOp {
    /// It is new, or different.
    Put,
    /// It is gone.
    Delete,
}

/// An event of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveEvent {
    /// Its step, if it belongs to one.
    #[schema(value_type = Option<schema::StepId>, required)]
    pub step_id: Option<StepId>,
    /// When it happened.
    pub at: Time,
    /// What happened, by its `kind`.
    #[schema(value_type = Object)]
    pub event: Value,
}

/// What is shown while it happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "what", rename_all = "camelCase")]
pub enum LiveTransient {
    /// A piece of a text that is still being written.
    #[serde(rename_all = "camelCase")]
    Piece {
        /// Its step.
        #[schema(value_type = schema::StepId)]
        step_id: StepId,
        /// The piece, as an event.
        #[schema(value_type = Object)]
        event: Value,
    },
    /// How far the preparation of the run is.
    Preparing {
        /// What is being done.
        stage: String,
        /// More about it.
        detail: String,
    },
    /// The platform cannot go on with the run now, and tries again by itself.
    Waiting {
        /// What happened and what to do.
        reason: String,
    },
    /// What a sandbox uses now. It stands for all that were told before.
    Usage {
        /// When that was looked at.
        at: Time,
        /// What it uses; `null` when it is not there.
        #[schema(required)]
        usage: Option<SandboxUsage>,
    },
}

/// What there is when somebody begins to follow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct LiveSnapshot {
    /// Of a project: its newest runs, newest first, if the caller may see runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<Vec<LiveRun>>,
    /// Of a run: how it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<LiveRun>,
}

/// A run in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveRun {
    /// Its identifier.
    #[schema(value_type = schema::RunId)]
    pub id: RunId,
    /// Its status.
    pub status: String,
    /// The name of its workflow.
    pub workflow: String,
    /// The beginning of its prompt.
    pub prompt_preview: String,
    /// When it was asked for.
    pub created_at: Time,
    /// When work on it began.
    #[schema(required)]
    pub started_at: Option<Time>,
    /// When it ended.
    #[schema(required)]
    pub finished_at: Option<Time>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ClientMessage, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn a_client_says_what_is_documented_and_nothing_else() {
        let subscribe =
            r#"{"type":"subscribe","id":"a","query":"project.changes","args":{"project":"shop"},"after":7}"#;
        assert_eq!(
            read(subscribe).unwrap(),
            ClientMessage::Subscribe {
                id: "a".to_owned(),
                query: LiveQuery::ProjectChanges,
                args: LiveArguments {
                    project: Some("shop".to_owned()),
                    ..LiveArguments::default()
                },
                after: Some(7),
            }
        );
        assert_eq!(serde_json::to_string(&read(subscribe).unwrap()).unwrap(), subscribe);
        assert!(read(r#"{"type":"ping"}"#).is_ok() && read(r#"{"id":"a","type":"unsubscribe"}"#).is_ok());
        let deep = format!(r#"{{"type":"ping","a":{}{}}}"#, "[".repeat(9_000), "]".repeat(9_000));
        for text in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"type":"shout"}"#,
            r#"{"type":"ping","more":1}"#,
            r#"{"type":"subscribe","id":"a"}"#,
            r#"{"type":"subscribe","id":"a","query":"everything"}"#,
            r#"{"type":"subscribe","id":"a","query":"user.changes","after":-1}"#,
            r#"{"type":"subscribe","id":"a","query":"user.changes","after":1.5}"#,
            r#"{"type":"subscribe","id":1,"query":"user.changes"}"#,
            r#"{"type":"subscribe","id":"a","query":"user.changes","args":{"user":"b"}}"#,
            r#"{"type":"ping"} {"type":"ping"}"#,
            deep.as_str(),
        ] {
            assert!(read(text).is_err(), "{text:.80}");
        }
    }

    #[test]
    fn the_schemas_have_the_names_of_the_messages() {
        use utoipa::PartialSchema as _;
        let described = serde_json::to_string(&[ServerMessage::schema(), LiveTransient::schema()]).unwrap();
        for name in ["maxSubscriptions", "maxMessageBytes", "stepId"] {
            assert!(described.contains(&format!("\"{name}\":")), "{described}");
        }
        let hello = ServerMessage::Hello {
            version: String::new(),
            authenticated: true,
            max_subscriptions: 1,
            max_message_bytes: 2,
        };
        let text = serde_json::to_string(&hello).unwrap();
        assert!(text.contains("\"maxSubscriptions\":1,\"maxMessageBytes\":2"), "{text}");
    }

    #[test]
    fn messages_of_the_server_look_as_documented() {
        let shown = |message: &ServerMessage| serde_json::to_string(message).unwrap();
        let delta = ServerMessage::Delta {
            id: "a".to_owned(),
            delta: LiveDelta {
                seq: 3,
                change: None,
                event: Some(LiveEvent {
                    step_id: None,
                    at: Time(codecourier_domain::time::Timestamp(0)),
                    event: serde_json::json!({"kind": "notice", "message": "x"}),
                }),
            },
        };
        let text = shown(&delta);
        assert_eq!(
            text,
            r#"{"type":"delta","id":"a","seq":3,"event":{"stepId":null,"at":"1970-01-01T00:00:00.000Z","event":{"kind":"notice","message":"x"}}}"#
        );
        assert_eq!(serde_json::from_str::<ServerMessage>(&text).unwrap(), delta);
        assert_eq!(shown(&ServerMessage::Pong {}), r#"{"type":"pong"}"#);
    }
}
