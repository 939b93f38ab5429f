//! The oneofs of the process messages in JSON: an object with the one member that is present.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Empty, ProcessEnd, ProcessEvent, ProcessInput, ProcessOutput, ProcessSelector};
use crate::json;

#[derive(Default, Serialize, Deserialize)]
struct SelectorFields {
    #[serde(
        default,
        deserialize_with = "json::optional_integer",
        skip_serializing_if = "Option::is_none"
    )]
    pid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
}

impl Serialize for ProcessSelector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = match self {
            Self::Pid(pid) => SelectorFields {
                pid: Some(*pid),
                tag: None,
            },
            Self::Tag(tag) => SelectorFields {
                pid: None,
                tag: Some(tag.clone()),
            },
        };
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ProcessSelector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match SelectorFields::deserialize(deserializer)? {
            SelectorFields {
                pid: Some(pid),
                tag: None,
            } => Ok(Self::Pid(pid)),
            SelectorFields {
                pid: None,
                tag: Some(tag),
            } => Ok(Self::Tag(tag)),
            SelectorFields { pid: None, tag: None } => Err(json::missing_oneof("process selector")),
            SelectorFields {
                pid: Some(_),
                tag: Some(_),
            } => Err(json::custom("select by pid or by tag, not both")),
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
struct ByteFields {
    #[serde(
        default,
        with = "json::optional_base64_bytes",
        skip_serializing_if = "Option::is_none"
    )]
    stdin: Option<Bytes>,
    #[serde(
        default,
        with = "json::optional_base64_bytes",
        skip_serializing_if = "Option::is_none"
    )]
    stdout: Option<Bytes>,
    #[serde(
        default,
        with = "json::optional_base64_bytes",
        skip_serializing_if = "Option::is_none"
    )]
    stderr: Option<Bytes>,
    #[serde(
        default,
        with = "json::optional_base64_bytes",
        skip_serializing_if = "Option::is_none"
    )]
    pty: Option<Bytes>,
}

impl Serialize for ProcessInput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = match self {
            Self::Stdin(bytes) => ByteFields {
                stdin: Some(bytes.clone()),
                ..ByteFields::default()
            },
            Self::Pty(bytes) => ByteFields {
                pty: Some(bytes.clone()),
                ..ByteFields::default()
            },
        };
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ProcessInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = ByteFields::deserialize(deserializer)?;
        match (fields.stdin, fields.pty) {
            (Some(bytes), None) => Ok(Self::Stdin(bytes)),
            (None, Some(bytes)) => Ok(Self::Pty(bytes)),
            (None, None) => Err(json::missing_oneof("input")),
            (Some(_), Some(_)) => Err(json::custom("input goes to stdin or to the pty, not both")),
        }
    }
}

impl Serialize for ProcessOutput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = match self {
            Self::Stdout(bytes) => ByteFields {
                stdout: Some(bytes.clone()),
                ..ByteFields::default()
            },
            Self::Stderr(bytes) => ByteFields {
                stderr: Some(bytes.clone()),
                ..ByteFields::default()
            },
            Self::Pty(bytes) => ByteFields {
                pty: Some(bytes.clone()),
                ..ByteFields::default()
            },
        };
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ProcessOutput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = ByteFields::deserialize(deserializer)?;
        match (fields.stdout, fields.stderr, fields.pty) {
            (Some(bytes), None, None) => Ok(Self::Stdout(bytes)),
            (None, Some(bytes), None) => Ok(Self::Stderr(bytes)),
            (None, None, Some(bytes)) => Ok(Self::Pty(bytes)),
            _ => Err(json::missing_oneof("exactly one output")),
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
struct StartFields {
    #[serde(default, deserialize_with = "json::integer")]
    pid: u32,
}

#[derive(Default, Serialize, Deserialize)]
struct EventFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<StartFields>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<ProcessOutput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<ProcessEnd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keepalive: Option<Empty>,
}

impl Serialize for ProcessEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = match self {
            Self::Start { pid } => EventFields {
                start: Some(StartFields { pid: *pid }),
                ..EventFields::default()
            },
            Self::Data(output) => EventFields {
                data: Some(output.clone()),
                ..EventFields::default()
            },
            Self::End(end) => EventFields {
                end: Some(end.clone()),
                ..EventFields::default()
            },
            Self::Keepalive => EventFields {
                keepalive: Some(Empty {}),
                ..EventFields::default()
            },
            Self::Unrecognised => EventFields::default(),
        };
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ProcessEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = EventFields::deserialize(deserializer)?;
        Ok(match fields {
            EventFields { start: Some(start), .. } => Self::Start { pid: start.pid },
            EventFields { data: Some(output), .. } => Self::Data(output),
            EventFields { end: Some(end), .. } => Self::End(end),
            EventFields {
                keepalive: Some(Empty {}),
                ..
            } => Self::Keepalive,
            EventFields {
                start: None,
                data: None,
                end: None,
                keepalive: None,
            } => Self::Unrecognised,
        })
    }
}
