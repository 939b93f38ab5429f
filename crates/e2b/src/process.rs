//! `process.Process`: start, attach to, list, feed, signal and resize processes.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::extension::{InputExtension, StartExtension};
use crate::json::{self, NameOrNumber};

/// Path prefix of the service's methods.
pub const SERVICE: &str = "/process.Process/";

/// What to execute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessConfig {
    /// Executable, looked up in `PATH`.
    #[serde(default, deserialize_with = "json::nullable")]
    pub cmd: String,
    /// Arguments without the executable's name.
    #[serde(default, deserialize_with = "json::nullable", skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Variables that win over the sandbox's.
    #[serde(
        default,
        deserialize_with = "json::nullable",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub envs: BTreeMap<String, String>,
    /// Directory; `~` and relative paths start at the user's home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
}

/// Size of a terminal in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PtySize {
    /// Columns.
    #[serde(
        default,
        deserialize_with = "json::integer",
        skip_serializing_if = "json::is_default"
    )]
    pub cols: u32,
    /// Rows.
    #[serde(
        default,
        deserialize_with = "json::integer",
        skip_serializing_if = "json::is_default"
    )]
    pub rows: u32,
}

/// The terminal of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pty {
    /// Its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<PtySize>,
}

/// Request of `Start`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRequest {
    /// What to execute.
    #[serde(default, deserialize_with = "json::nullable")]
    pub process: ProcessConfig,
    /// Run it in a terminal instead of on pipes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pty: Option<Pty>,
    /// A name to select it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Whether standard input is an open pipe; absent means yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<bool>,
    /// Our own wishes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codecourier: Option<StartExtension>,
}

/// Which process is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessSelector {
    /// By process id inside the sandbox.
    Pid(u32),
    /// By the tag it was started with.
    Tag(String),
}

/// A request that names a process and nothing more: `Connect`, `CloseStdin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectRequest {
    /// The process.
    pub process: ProcessSelector,
}

/// Bytes for a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessInput {
    /// To its standard input.
    Stdin(Bytes),
    /// To its terminal.
    Pty(Bytes),
}

/// Request of `SendInput`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendInputRequest {
    /// The process.
    pub process: ProcessSelector,
    /// What to write.
    pub input: ProcessInput,
    /// Our own wishes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codecourier: Option<InputExtension>,
}

/// Request of `SendSignal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendSignalRequest {
    /// The process.
    pub process: ProcessSelector,
    /// The signal.
    #[serde(default)]
    pub signal: Signal,
}

/// Request of `Update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateRequest {
    /// The process.
    pub process: ProcessSelector,
    /// New terminal size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pty: Option<Pty>,
}

/// A signal. E2B names two; we take any number that Linux has, so that an agent can be interrupted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Signal {
    /// None given.
    #[default]
    Unspecified,
    /// 15.
    Terminate,
    /// 9.
    Kill,
    /// Any other, by its Linux number.
    Other(i32),
}

impl Signal {
    /// The Linux number; 0 if unspecified.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Unspecified => 0,
            Self::Terminate => 15,
            Self::Kill => 9,
            Self::Other(number) => number,
        }
    }

    /// The signal of a Linux number.
    #[must_use]
    pub const fn from_number(number: i32) -> Self {
        match number {
            0 => Self::Unspecified,
            9 => Self::Kill,
            15 => Self::Terminate,
            other => Self::Other(other),
        }
    }
}

impl Serialize for Signal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unspecified => serializer.serialize_str("SIGNAL_UNSPECIFIED"),
            Self::Terminate => serializer.serialize_str("SIGNAL_SIGTERM"),
            Self::Kill => serializer.serialize_str("SIGNAL_SIGKILL"),
            Self::Other(number) => serializer.serialize_i32(*number),
        }
    }
}

impl<'de> Deserialize<'de> for Signal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match NameOrNumber::deserialize(deserializer)? {
            NameOrNumber::Number(number) => Ok(Self::from_number(number)),
            NameOrNumber::Name(name) => match name.as_str() {
                "SIGNAL_UNSPECIFIED" => Ok(Self::Unspecified),
                "SIGNAL_SIGTERM" => Ok(Self::Terminate),
                "SIGNAL_SIGKILL" => Ok(Self::Kill),
                _ => Err(json::custom("unknown signal")),
            },
        }
    }
}

/// Answer of `List`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListResponse {
    /// The living processes that were started through this service.
    #[serde(default, deserialize_with = "json::nullable")]
    pub processes: Vec<ProcessInfo>,
}

/// One living process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessInfo {
    /// What was asked for.
    #[serde(default, deserialize_with = "json::nullable")]
    pub config: ProcessConfig,
    /// Its id.
    #[serde(default, deserialize_with = "json::integer")]
    pub pid: u32,
    /// Its tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// One message of the streams of `Start` and `Connect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessResponse {
    /// What happened.
    pub event: ProcessEvent,
}

/// What a process did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessEvent {
    /// First: it runs.
    Start {
        /// Its id.
        pid: u32,
    },
    /// It wrote.
    Data(ProcessOutput),
    /// Last: it ended.
    End(ProcessEnd),
    /// It is silent but alive.
    Keepalive,
    /// An event of a newer protocol; to be skipped.
    Unrecognised,
}

/// Bytes a process wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessOutput {
    /// To standard output.
    Stdout(Bytes),
    /// To standard error.
    Stderr(Bytes),
    /// To its terminal.
    Pty(Bytes),
}

/// How a process ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessEnd {
    /// Exit code, -1 if a signal ended it.
    #[serde(
        default,
        alias = "exit_code",
        deserialize_with = "json::integer",
        skip_serializing_if = "json::is_default"
    )]
    pub exit_code: i32,
    /// Whether it ended by itself.
    #[serde(
        default,
        deserialize_with = "json::nullable",
        skip_serializing_if = "json::is_default"
    )]
    pub exited: bool,
    /// `exit status 1`, `signal: killed`.
    #[serde(
        default,
        deserialize_with = "json::nullable",
        skip_serializing_if = "json::is_default"
    )]
    pub status: String,
    /// The same text unless it ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ProcessEnd {
    /// A process that exited by itself.
    #[must_use]
    pub fn exited(code: i32) -> Self {
        let status = format!("exit status {code}");
        let error = (code != 0).then(|| status.clone());
        Self {
            exit_code: code,
            exited: true,
            status,
            error,
        }
    }

    /// A process that a signal ended.
    #[must_use]
    pub fn signalled(signal: i32) -> Self {
        let status = format!("signal: {}", signal_text(signal));
        Self {
            exit_code: -1,
            exited: false,
            error: Some(status.clone()),
            status,
        }
    }
}

/// The words E2B's daemon uses for a signal.
fn signal_text(signal: i32) -> String {
    let text = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        10 => "user defined signal 1",
        11 => "segmentation fault",
        12 => "user defined signal 2",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    text.to_owned()
}

// ---- oneofs: the one member that is present -------------------------------------------------------------------------

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

/// A message without fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

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

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
