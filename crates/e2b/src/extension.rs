//! What CodeCourier adds to the protocol, in a `codecourier` object that other servers ignore, and in routes of its own.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::json;

/// `GET`: follows a journal. Query: `tag`, `stream` (`stdout`, `stderr`), `offset`.
pub const ROUTE_JOURNAL: &str = "/journal";
/// `GET`: waits for the end of a process and tells how it ended. Query: `tag`.
pub const ROUTE_EXIT: &str = "/processes/exit";
/// `POST`: kills everything but pid 1.
pub const ROUTE_KILL_ALL: &str = "/kill-all";
/// `GET`: a page of a directory below a root, out of which no link is followed. Query: `root`, `path` (relative to it, empty
/// for the root itself), `after` (the `next` of the page before), `limit`. Answers with a [`BeneathPage`].
pub const ROUTE_BENEATH_LIST: &str = "/beneath/list";
/// `GET`: the beginning of a regular file below a root, out of which no link is followed. Query: `root`, `path`, `limit`.
/// Answers with the bytes, [`HEADER_FILE_BYTES`] and [`HEADER_FILE_MODIFIED`].
pub const ROUTE_BENEATH_FILE: &str = "/beneath/file";
/// Answer header of [`ROUTE_BENEATH_FILE`]: how long the whole file is.
pub const HEADER_FILE_BYTES: &str = "codecourier-file-bytes";
/// Answer header of [`ROUTE_BENEATH_FILE`]: when it was last written to, in Unix milliseconds.
pub const HEADER_FILE_MODIFIED: &str = "codecourier-file-modified";
/// Answer header of [`ROUTE_JOURNAL`]: the process id.
pub const HEADER_JOURNAL_PID: &str = "codecourier-journal-pid";
/// Variable in the environment of every tagged process and what it starts; the mark by which escaped ones are found.
pub const TAG_VARIABLE: &str = "CODECOURIER_TAG";

/// In a `Start` request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartExtension {
    /// If a process with this tag was ever started in the sandbox, attach to it instead of starting another.
    #[serde(
        default,
        deserialize_with = "json::nullable",
        skip_serializing_if = "json::is_default"
    )]
    pub once: bool,
    /// Write output to journal files instead of to the stream, and keep how it ended for the sandbox's life.
    #[serde(
        default,
        deserialize_with = "json::nullable",
        skip_serializing_if = "json::is_default"
    )]
    pub journal: bool,
    /// Written to standard input right after the start. With `stdin: false` the input is closed after it.
    #[serde(default, with = "json::base64_bytes", skip_serializing_if = "Bytes::is_empty")]
    pub input: Bytes,
    /// Run as this user; wins over the `Authorization` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Bytes of both journals together above which the process tree is killed.
    #[serde(
        default,
        alias = "journal_limit",
        deserialize_with = "json::optional_integer",
        skip_serializing_if = "Option::is_none"
    )]
    pub journal_limit: Option<u64>,
    /// How long after the process's own exit its pipes may stay open (in the hands of what it left behind) before the
    /// end is told. Absent: until they are closed, as E2B does.
    #[serde(
        default,
        alias = "drain_grace_ms",
        deserialize_with = "json::optional_integer",
        skip_serializing_if = "Option::is_none"
    )]
    pub drain_grace_ms: Option<u64>,
}

/// In a `SendInput` request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InputExtension {
    /// An id seen before for this process is acknowledged without writing again.
    #[serde(
        default,
        alias = "input_id",
        deserialize_with = "json::nullable",
        skip_serializing_if = "json::is_default"
    )]
    pub input_id: String,
}

/// Which output of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JournalStream {
    /// Standard output (or the terminal).
    Stdout,
    /// Standard error.
    Stderr,
}

impl JournalStream {
    /// The word in the query and in the file name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// The stream of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "stdout" => Some(Self::Stdout),
            "stderr" => Some(Self::Stderr),
            _ => None,
        }
    }
}

/// Why a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitReason {
    /// By itself.
    Exited,
    /// By a signal.
    Signal,
    /// Killed: it wrote more than its journal may hold.
    JournalLimit,
    /// Killed: its output could not be written down (disk full).
    JournalError,
    /// Killed by the kernel: the sandbox ran out of memory.
    Oom,
    /// Killed: the time given with its start ran out.
    Timeout,
}

/// Answer of [`ROUTE_EXIT`], and the record beside the journal files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExitRecord {
    /// Exit code; -1 if a signal ended it.
    pub exit_code: i32,
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Why.
    pub reason: ExitReason,
    /// Unix milliseconds.
    pub started_at_ms: i64,
    /// Unix milliseconds.
    pub ended_at_ms: i64,
    /// Bytes of standard output in the journal.
    #[serde(default)]
    pub stdout_bytes: u64,
    /// Bytes of standard error in the journal.
    #[serde(default)]
    pub stderr_bytes: u64,
    /// Something it left behind still held its output when the end was told.
    #[serde(default, skip_serializing_if = "json::is_default")]
    pub output_held: bool,
}

/// Answer of [`ROUTE_KILL_ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillAllResponse {
    /// Processes that ended.
    pub killed: u32,
    /// Processes still there when the time given for it was over.
    pub remaining: u32,
}

/// Answer of [`ROUTE_BENEATH_LIST`]: directories first, each group by the bytes of the names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeneathPage {
    /// What is there.
    #[serde(default, deserialize_with = "json::nullable")]
    pub entries: Vec<BeneathEntry>,
    /// Where the next page begins, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BeneathEntry {
    /// Its name; what is no UTF-8 in it is replaced.
    pub name: String,
    /// What it is itself.
    pub kind: BeneathKind,
    /// Bytes.
    #[serde(default)]
    pub size: u64,
    /// Unix milliseconds.
    #[serde(default)]
    pub modified_ms: i64,
    /// Of a link: what is written in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Of a link that leads to something below the root: what that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leads_to: Option<BeneathKind>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BeneathKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, a pipe, a socket.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn the_contract_of_the_design_is_understood() {
        let start: StartExtension =
            parse(br#"{"once":true,"journal":true,"input":"aGk=","user":"user","journalLimit":10}"#).unwrap();
        assert!(start.once && start.journal);
        assert_eq!(start.input.as_ref(), b"hi");
        assert_eq!(start.user.as_deref(), Some("user"));
        assert_eq!(start.journal_limit, Some(10));
        assert_eq!(start.drain_grace_ms, None);
        let input: InputExtension = parse(br#"{"inputId":"m1"}"#).unwrap();
        assert_eq!(input.input_id, "m1");
    }

    #[test]
    fn a_page_reads_as_documented() {
        let page: BeneathPage = parse(
            br#"{"entries":[{"name":"a","kind":"link","size":1,"modifiedMs":2,"target":"b","leadsTo":"file"}],"next":"f61"}"#,
        )
        .unwrap();
        assert_eq!(
            (page.entries[0].kind, page.entries[0].leads_to, page.next.as_deref()),
            (BeneathKind::Link, Some(BeneathKind::File), Some("f61"))
        );
        assert!(parse::<BeneathPage>(br#"{"entries":[{"name":"a","kind":"wormhole"}]}"#).is_err());
    }

    #[test]
    fn an_exit_reads_as_documented() {
        let record = ExitRecord {
            exit_code: -1,
            signal: Some(9),
            reason: ExitReason::JournalLimit,
            started_at_ms: 1,
            ended_at_ms: 2,
            stdout_bytes: 3,
            stderr_bytes: 0,
            output_held: false,
        };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(
            text,
            r#"{"exitCode":-1,"signal":9,"reason":"journal_limit","startedAtMs":1,"endedAtMs":2,"stdoutBytes":3,"stderrBytes":0}"#
        );
        assert_eq!(serde_json::from_str::<ExitRecord>(&text).unwrap(), record);
    }
}
