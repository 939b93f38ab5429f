//! Processes in a sandbox: what to start, and how it ended.

use bytes::Bytes;
use codecourier_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::EndedBecause;

/// A process to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessSpec {
    /// Its name in this sandbox. A tag is started at most once in a sandbox's life.
    pub tag: String,
    /// The program: a path, or a name that is looked up in `PATH`.
    pub command: String,
    /// Its arguments, without the program's name.
    pub args: Vec<String>,
    /// Environment variables on top of the sandbox's own.
    pub env: Vec<(String, String)>,
    /// The working directory; the user's home if `None`.
    pub cwd: Option<String>,
    /// The user it runs as: `user` or `root`.
    pub user: FileOwner,
    /// Its standard input.
    pub stdin: Stdin,
    /// Above this many bytes of output in one stream the process is killed. `None`: the daemon's own limit.
    pub journal_limit: Option<u64>,
}

impl ProcessSpec {
    /// `command args…` as the ordinary user in its home, with nothing on standard input.
    pub fn new(
        tag: impl Into<String>,
        command: impl Into<String>,
        args: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            tag: tag.into(),
            command: command.into(),
            args: args.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            cwd: None,
            user: FileOwner::User,
            stdin: Stdin::Null,
            journal_limit: None,
        }
    }

    /// A line for `/bin/sh`, as the ordinary user in its home.
    pub fn shell(tag: impl Into<String>, line: impl Into<String>) -> Self {
        Self::new(tag, "/bin/sh", ["-c".to_owned(), line.into()])
    }
}

/// A process's standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stdin {
    /// At its end from the start.
    Null,
    /// A pipe that stays open until it is closed.
    Open {
        /// Written at once, together with the start.
        initial: Bytes,
    },
}

/// One of the sandbox's two users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileOwner {
    /// The ordinary user, uid 1000.
    #[default]
    User,
    /// Root inside; nobody outside.
    Root,
}

impl FileOwner {
    /// The user's name in the sandbox.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Root => "root",
        }
    }
}

/// A signal that can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
}

/// One of a process's two journals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JournalStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl JournalStream {
    /// The name in the protocol.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// In which way.
    pub status: ExitStatus,
    /// When it started, by the sandbox's clock, if known.
    pub started_at: Option<Timestamp>,
    /// When it ended, if known.
    pub ended_at: Option<Timestamp>,
}

impl Exit {
    /// Whether it ended by itself with 0.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, ExitStatus::Exited(0))
    }
}

/// The way in which a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// The sandbox ran out of memory and the process was killed for it.
    OutOfMemory,
    /// It wrote more than its journal may hold and was killed for it.
    JournalLimit,
    /// Its output could no longer be written down, since the disk is full, and it was killed for it.
    JournalError,
    /// The sandbox ended first, for this reason: [`EndedBecause::TimedOut`] is the time limit.
    SandboxEnded(EndedBecause),
}

/// What [`crate::Sandbox::run`] gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Standard output, cut at the limit.
    pub stdout: Bytes,
    /// Standard error, cut at the limit.
    pub stderr: Bytes,
    /// Whether either was cut.
    pub truncated: bool,
}

impl Output {
    /// Standard output as text.
    #[must_use]
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    #[must_use]
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}
