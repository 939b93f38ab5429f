//! The interface every tier implements. The engine holds an `Arc<dyn Backend>`; tests hold a fake one.
//!
//! Invariants: every call may be repeated after a crash between any two lines (create adopts, start is once by tag,
//! input is once by id, destroy is idempotent); no call trusts the sandbox to answer, each has a bound.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use codecourier_domain::id::SandboxId;
use codecourier_domain::time::Timestamp;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Exit, FileOwner, Isolation, JournalStream, LayerRef, Output, ProcessSpec, SandboxSpec, Signal, Support, Tier,
};

/// A kind of sandbox on this host (or on another one).
#[async_trait]
pub trait Backend: Send + Sync {
    /// Which tier this is.
    fn tier(&self) -> Tier;

    /// Finds out, by doing, what this tier can give here.
    async fn probe(&self) -> Support;

    /// Makes the sandbox `spec.id`. If it is alive already it is adopted; if half of it is there, that half is cleaned
    /// away first. Fails with [`Error::Degraded`] when a guarantee can't be given and the spec refuses that.
    async fn create(&self, spec: SandboxSpec) -> Result<Arc<dyn Sandbox>, Error>;

    /// Adopts a living sandbox, for example after a restart of the server. `None` if it is not alive.
    async fn open(&self, id: &SandboxId) -> Result<Option<Arc<dyn Sandbox>>, Error>;

    /// Everything of this data directory that is on this host, alive or remains.
    async fn list(&self) -> Result<Vec<SandboxId>, Error>;

    /// Kills everything in it, verifies that nothing is left, and removes it. Idempotent: a sandbox that never was is
    /// destroyed. Deleting its files goes on in the background.
    async fn destroy(&self, id: &SandboxId) -> Result<Destroyed, Error>;

    /// Why a sandbox that is no longer alive ended, until it is destroyed. `None` while it lives or when it is unknown.
    async fn ended(&self, id: &SandboxId) -> Result<Option<Ended>, Error>;

    /// Waits until nothing that goes on in the background is under way: for whoever ends in order.
    async fn settle(&self) {}
}

/// One living sandbox.
#[async_trait]
pub trait Sandbox: Send + Sync {
    /// Its identifier.
    fn id(&self) -> &SandboxId;

    /// Its tier, what that protects from, and what is degraded.
    fn isolation(&self) -> &Isolation;

    /// Starts a process, once by tag: a tag that was ever started in this sandbox is left alone and is no error.
    /// Its output is journaled inside the sandbox.
    async fn start(&self, process: ProcessSpec) -> Result<(), Error>;

    /// Writes to a process's standard input, once by `input_id`.
    async fn send_input(&self, tag: &str, input_id: &str, bytes: Bytes) -> Result<(), Error>;

    /// Closes a process's standard input.
    async fn close_stdin(&self, tag: &str) -> Result<(), Error>;

    /// Sends a signal to a process.
    async fn signal(&self, tag: &str, signal: Signal) -> Result<(), Error>;

    /// The bytes of a journal from `offset` on. Follows until the process ended and everything was sent.
    async fn journal(
        &self,
        tag: &str,
        stream: JournalStream,
        offset: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error>;

    /// Waits until a process ended. If the sandbox ends first, the exit says why it did.
    async fn wait(&self, tag: &str) -> Result<Exit, Error>;

    /// Starts a process, waits for it and reads what it wrote, each stream up to `output_limit` bytes.
    async fn run(&self, process: ProcessSpec, output_limit: usize) -> Result<Output, Error>;

    /// Writes a file (parents are made), with its permission bits and owner.
    async fn write_file(&self, path: &str, bytes: Bytes, mode: u32, owner: FileOwner) -> Result<(), Error>;

    /// Writes a file from one on the host, streaming.
    async fn write_file_from(&self, path: &str, host_file: &Path, mode: u32, owner: FileOwner) -> Result<(), Error>;

    /// Reads a file; [`Error::FileTooLarge`] above `limit` bytes.
    async fn read_file(&self, path: &str, limit: u64) -> Result<Bytes, Error>;

    /// Reads a file into one on the host, streaming; [`Error::FileTooLarge`] above `limit` bytes. Returns its size.
    async fn read_file_to(&self, path: &str, host_file: &Path, limit: u64) -> Result<u64, Error>;

    /// A page of a directory of the repository, for people who look at it. `path` is relative to
    /// [`crate::PROJECT_DIRECTORY`] and empty for that itself; `after` is the `next` of the page before. Links lead nowhere
    /// out of the repository: [`Error::LeadsOut`].
    async fn list_project(&self, path: &str, after: Option<&str>, limit: u32) -> Result<DirectoryPage, Error>;

    /// The first `limit` bytes of a regular file of the repository, found in the same way.
    async fn read_project(&self, path: &str, limit: u64) -> Result<FileBeginning, Error>;

    /// The TCP listener inside the sandbox's network namespace at `127.0.0.1:`[`crate::GATEWAY_PORT`].
    async fn gateway_listener(&self) -> Result<tokio::net::TcpListener, Error>;

    /// Stops every process where it is; memory stays.
    async fn pause(&self) -> Result<(), Error>;

    /// Lets a paused sandbox go on.
    async fn resume(&self) -> Result<(), Error>;

    /// What it uses now.
    async fn usage(&self) -> Result<Usage, Error>;

    /// Whether it runs, is paused, or has ended and why.
    async fn state(&self) -> Result<State, Error>;

    /// Kills every process but the sandbox's own first one, and verifies that none is left.
    async fn kill_processes(&self) -> Result<Killed, Error>;

    /// Makes what this sandbox wrote one more layer under `layers` (`<layers>/<digest>/{rootfs,manifest.json}`).
    /// Every process is killed first and the sandbox is of no further use: destroy it afterwards.
    async fn snapshot(&self, layers: &Path) -> Result<LayerRef, Error>;
}

/// A page of a directory: directories first, each group by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirectoryPage {
    /// What is there.
    pub entries: Vec<DirectoryEntry>,
    /// Where the next page begins, if there is one: at most [`DirectoryPage::LONGEST_NEXT`] ASCII letters and digits.
    pub next: Option<String>,
}

impl DirectoryPage {
    /// Bytes of `next`: a file's name in hexadecimal digits, and a letter.
    pub const LONGEST_NEXT: usize = 511;
}

/// An entry of a directory. Its name and its target are the sandbox's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its name; what is no UTF-8 in it is replaced.
    pub name: String,
    /// What it is itself.
    pub kind: FileKind,
    /// Bytes.
    pub size: u64,
    /// When it was last written to.
    pub modified_at: Timestamp,
    /// Of a link: where it leads.
    pub link: Option<LinkTarget>,
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkTarget {
    /// What is written in it.
    pub target: String,
    /// What is there, if that is in the repository.
    pub leads_to: Option<FileKind>,
}

/// What an entry of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, a pipe, a socket.
    Other,
}

/// The beginning of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBeginning {
    /// The bytes, at most as many as were asked for.
    pub bytes: Bytes,
    /// How long the whole file was.
    pub size: u64,
    /// When it was last written to.
    pub modified_at: Timestamp,
}

/// What [`Sandbox::kill_processes`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Killed {
    /// Processes that were killed.
    pub killed: u32,
    /// Processes still there afterwards, the sandbox's own first one not counted. Zero, or something is very wrong.
    pub survivors: u32,
}

/// What [`Backend::destroy`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Destroyed {
    /// Processes that were found alive and killed, the sandbox's own first one included.
    pub killed: u32,
    /// Processes that were still there when the deadline passed. Zero, or something is very wrong.
    pub survivors: u32,
}

/// What a sandbox uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Memory in use, page cache included; `None` where it is not metered.
    pub memory_bytes: Option<u64>,
    /// CPU time used so far.
    pub cpu_microseconds: Option<u64>,
    /// Processes and threads alive.
    pub processes: Option<u32>,
    /// Bytes the sandbox has written to disk.
    pub disk_bytes: Option<u64>,
}

/// Whether a sandbox runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// It is paused.
    Paused,
    /// It is over.
    Ended(Ended),
}

/// The record of a sandbox's end, kept on the host until the sandbox is destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// Why.
    pub because: EndedBecause,
    /// When, if it was written down.
    pub at: Option<Timestamp>,
    /// More, for people.
    pub detail: String,
}

/// Why a sandbox ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBecause {
    /// Its time limit passed.
    TimedOut,
    /// It needed more memory than its limit, and its first process was the one that died.
    OutOfMemory,
    /// It wrote more than its disk limit, on a host where that is watched and not enforced by the file system.
    DiskFull,
    /// It was asked to end.
    Killed,
    /// Its first process ended by itself or was killed from outside.
    Crashed,
}
