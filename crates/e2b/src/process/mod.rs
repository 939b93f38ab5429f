//! `process.Process`: start, attach to, list, feed, signal and resize processes.

mod oneof;

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

/// A message without fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

#[cfg(test)]
mod tests;
