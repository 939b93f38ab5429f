//! [`NsSandbox`]: one living sandbox of this tier. It holds no process and no lock: dropping it changes nothing, and any
//! number of them may stand for the same sandbox.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use codecourier_domain::id::SandboxId;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::backend::blocking;
use super::launch::{Answer, Ids, Request, name};
use super::state::{Record, StateDirectory};
use super::{control, disk, groups, snapshot};
use crate::envd_client::{EnvdClient, Failed, Users};
use crate::{
    Degradation, DirectoryPage, Ended, EndedBecause, Error, Exit, ExitStatus, FileBeginning, FileOwner, Isolation,
    JournalStream, Killed, LayerRef, Output, PROJECT_DIRECTORY, ProcessSpec, Sandbox, Signal, State, Tier, Usage,
};

/// How long a shim may take to answer. It has nothing else to do.
const PATIENCE: Duration = Duration::from_secs(5);

/// A living sandbox.
pub(super) struct NsSandbox {
    id: SandboxId,
    state: StateDirectory,
    directory: Arc<OwnedFd>,
    record: Arc<Record>,
    isolation: Isolation,
    envd: EnvdClient,
}

impl NsSandbox {
    /// A sandbox that has just been made.
    pub(super) fn new(state: StateDirectory, id: SandboxId, record: Record) -> Result<Self, Error> {
        let directory = Arc::new(state.open()?);
        let degraded: Vec<Degradation> = record.degraded.clone();
        let users = match record.ids {
            Ids::Mapped { .. } | Ids::Delegated { .. } => Users::Named,
            Ids::Single => Users::Single,
        };
        Ok(Self {
            id,
            envd: EnvdClient::new(Arc::clone(&directory), name::ENVD, users),
            state,
            directory,
            record: Arc::new(record),
            isolation: Isolation {
                tier: Tier::Ns,
                degraded,
            },
        })
    }

    /// A sandbox that an earlier server made, if it lives. Waits for one that is still being made.
    pub(super) fn adopt(state: &StateDirectory, id: SandboxId) -> Result<Option<Self>, Error> {
        if !state.exists() || !state.is_held() {
            return Ok(None);
        }
        let Some(record) = state.record() else { return Ok(None) };
        let directory = state.open()?;
        match control::ask(&directory, &Request::Status, PATIENCE) {
            Ok((Answer::Status { .. }, _)) => Self::new(state.clone(), id, record).map(Some),
            // It ended meanwhile, or never got so far that it could be asked.
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// The host's error for a failed call: a broken connection to a sandbox that is over becomes the reason it is over.
    fn explain(&self, operation: &'static str, what: &str, failed: Failed) -> Error {
        match failed {
            Failed::Connection(source) => match self.state.exists().then(|| self.state.ended()) {
                Some(None) => Error::Connection { operation, source },
                Some(ended) => Error::Gone { id: self.id, ended },
                None => Error::Gone {
                    id: self.id,
                    ended: None,
                },
            },
            Failed::Silent => Error::NoAnswer { operation, seconds: 30 },
            Failed::Refused { status: 404, .. } => Error::NotFound { what: what.to_owned() },
            Failed::Refused { error, .. } => Error::Refused {
                operation,
                code: error.code.to_string(),
                message: error.message,
            },
            Failed::Protocol(message) => Error::Protocol { operation, message },
            Failed::TooLarge => Error::Protocol {
                operation,
                message: "the answer is too large".to_owned(),
            },
            Failed::Host(error) => Error::host(operation, what, error),
        }
    }

    /// The same for somebody who looks around in the repository.
    fn explain_look(&self, operation: &'static str, path: &str, wanted: &'static str, failed: Failed) -> Error {
        let path = || path.to_owned();
        match failed {
            // The daemon of a sandbox that an older version made.
            Failed::Refused { status: 404, error } if error.message.starts_with("no route") => Error::Unavailable {
                reasons: "an older version of the server made the sandbox, and its files cannot be looked at"
                    .to_owned(),
            },
            Failed::Refused { status: 400, .. } => Error::WrongKind { path: path(), wanted },
            Failed::Refused { status: 409, .. } => Error::LeadsOut { path: path() },
            Failed::Refused { status: 503, error } if error.message.starts_with("more than") => {
                Error::TooManyEntries { path: path() }
            }
            failed => self.explain(operation, &path(), failed),
        }
    }

    /// Why it is over, waiting a moment for the shim to write it down.
    async fn wait_for_end(&self) -> Option<Ended> {
        let state = self.state.clone();
        let ended = blocking(move || {
            let start = std::time::Instant::now();
            loop {
                if !state.exists() {
                    return Ok(Some(Ended {
                        because: EndedBecause::Killed,
                        at: None,
                        detail: "it was destroyed".to_owned(),
                    }));
                }
                if let Some(ended) = state.ended() {
                    return Ok(Some(ended));
                }
                if start.elapsed() > Duration::from_secs(2) {
                    return Ok(None);
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        ended.await.ok().flatten()
    }

    async fn read_journal(&self, tag: &str, stream: JournalStream, limit: usize) -> Result<(Bytes, bool), Error> {
        let mut chunks = self.journal(tag, stream, 0).await?;
        let mut all = BytesMut::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            let room = limit - all.len();
            all.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                return Ok((all.freeze(), true));
            }
        }
        Ok((all.freeze(), false))
    }
}

/// Has the shim see that the sandbox stands still now: it counts no time between two such moments. Without an answer it
/// counts by its own looks, which are seconds apart.
fn look_at_the_time(directory: &OwnedFd) {
    let _ = control::ask(directory, &Request::Status, PATIENCE);
}

#[async_trait]
impl Sandbox for NsSandbox {
    fn id(&self) -> &SandboxId {
        &self.id
    }

    fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    async fn start(&self, process: ProcessSpec) -> Result<(), Error> {
        let tag = process.tag.clone();
        self.envd
            .start(process)
            .await
            .map_err(|failed| self.explain("start a process", &tag, failed))
    }

    async fn send_input(&self, tag: &str, input_id: &str, bytes: Bytes) -> Result<(), Error> {
        let sent = self.envd.send_input(tag, input_id, bytes).await;
        sent.map_err(|failed| self.explain("write to a process", tag, failed))
    }

    async fn close_stdin(&self, tag: &str) -> Result<(), Error> {
        let closed = self.envd.close_stdin(tag).await;
        closed.map_err(|failed| self.explain("close a process's input", tag, failed))
    }

    async fn signal(&self, tag: &str, signal: Signal) -> Result<(), Error> {
        let sent = self.envd.signal(tag, signal).await;
        sent.map_err(|failed| self.explain("signal a process", tag, failed))
    }

    async fn journal(
        &self,
        tag: &str,
        stream: JournalStream,
        offset: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let operation = "read a journal";
        let chunks = self.envd.journal(tag, stream, offset).await;
        let chunks = chunks.map_err(|failed| self.explain(operation, tag, failed))?;
        // The stream outlives `self`; a second handle explains what breaks it.
        let own = Self {
            id: self.id,
            state: self.state.clone(),
            directory: Arc::clone(&self.directory),
            record: Arc::clone(&self.record),
            isolation: self.isolation.clone(),
            envd: self.envd.clone(),
        };
        let tag = tag.to_owned();
        Ok(chunks
            .map(move |chunk| chunk.map_err(|failed| own.explain(operation, &tag, failed)))
            .boxed())
    }

    async fn wait(&self, tag: &str) -> Result<Exit, Error> {
        match self.envd.wait(tag).await {
            Ok(exit) => Ok(exit),
            Err(Failed::Connection(source)) => match self.wait_for_end().await {
                Some(ended) => Ok(Exit {
                    status: ExitStatus::SandboxEnded(ended.because),
                    started_at: None,
                    ended_at: ended.at,
                }),
                None => Err(Error::Connection {
                    operation: "wait for a process",
                    source,
                }),
            },
            Err(failed) => Err(self.explain("wait for a process", tag, failed)),
        }
    }

    async fn run(&self, process: ProcessSpec, output_limit: usize) -> Result<Output, Error> {
        let tag = process.tag.clone();
        self.start(process).await?;
        let exit = self.wait(&tag).await?;
        if let ExitStatus::SandboxEnded(_) = exit.status {
            return Ok(Output {
                exit,
                stdout: Bytes::new(),
                stderr: Bytes::new(),
                truncated: false,
            });
        }
        let (stdout, cut_stdout) = self.read_journal(&tag, JournalStream::Stdout, output_limit).await?;
        let (stderr, cut_stderr) = self.read_journal(&tag, JournalStream::Stderr, output_limit).await?;
        Ok(Output {
            exit,
            stdout,
            stderr,
            truncated: cut_stdout || cut_stderr,
        })
    }

    async fn write_file(&self, path: &str, bytes: Bytes, mode: u32, owner: FileOwner) -> Result<(), Error> {
        let written = self.envd.write(path, bytes, mode, owner).await;
        written.map_err(|failed| self.explain("write a file", path, failed))
    }

    async fn write_file_from(&self, path: &str, host_file: &Path, mode: u32, owner: FileOwner) -> Result<(), Error> {
        let written = self.envd.write_from(path, host_file, mode, owner).await;
        written.map_err(|failed| self.explain("write a file", path, failed))
    }

    async fn read_file(&self, path: &str, limit: u64) -> Result<Bytes, Error> {
        match self.envd.read(path, limit).await {
            Err(Failed::TooLarge) => Err(Error::FileTooLarge {
                path: path.to_owned(),
                limit,
            }),
            other => other.map_err(|failed| self.explain("read a file", path, failed)),
        }
    }

    async fn read_file_to(&self, path: &str, host_file: &Path, limit: u64) -> Result<u64, Error> {
        match self.envd.read_to(path, host_file, limit).await {
            Err(Failed::TooLarge) => Err(Error::FileTooLarge {
                path: path.to_owned(),
                limit,
            }),
            other => other.map_err(|failed| self.explain("read a file", path, failed)),
        }
    }

    async fn list_project(&self, path: &str, after: Option<&str>, limit: u32) -> Result<DirectoryPage, Error> {
        let listed = self.envd.list_beneath(PROJECT_DIRECTORY, path, after, limit).await;
        listed.map_err(|failed| self.explain_look("list a directory", path, "a directory", failed))
    }

    async fn read_project(&self, path: &str, limit: u64) -> Result<FileBeginning, Error> {
        let read = self.envd.read_beneath(PROJECT_DIRECTORY, path, limit).await;
        read.map_err(|failed| self.explain_look("read a file", path, "a regular file", failed))
    }

    async fn gateway_listener(&self) -> Result<tokio::net::TcpListener, Error> {
        let operation = "take the gateway's listener";
        let directory = Arc::clone(&self.directory);
        let asked = blocking(move || Ok(control::ask(&directory, &Request::GatewayListener, PATIENCE))).await?;
        let (answer, descriptor) =
            asked.map_err(|error| self.explain(operation, "the gateway", Failed::Connection(error.into())))?;
        let Some(descriptor) = descriptor else {
            let message = match answer {
                Answer::Refused { message } => message,
                Answer::Listener | Answer::Status { .. } | Answer::Killed { .. } => "no descriptor came".to_owned(),
            };
            return Err(Error::Protocol { operation, message });
        };
        let listener = std::net::TcpListener::from(descriptor);
        listener
            .set_nonblocking(true)
            .and_then(|()| tokio::net::TcpListener::from_std(listener))
            .map_err(|error| Error::host(operation, &self.state.path, error))
    }

    async fn pause(&self) -> Result<(), Error> {
        let (record, directory) = (Arc::clone(&self.record), Arc::clone(&self.directory));
        blocking(move || {
            if !groups::can_freeze(&record.groups) {
                let message = "there is no control group to freeze by".to_owned();
                return Err(Error::Freeze {
                    operation: "pause",
                    message,
                });
            }
            groups::freeze(&record.groups).map_err(|error| Error::Freeze {
                operation: "pause",
                message: error.to_string(),
            })?;
            look_at_the_time(&directory);
            Ok(())
        })
        .await
    }

    async fn resume(&self) -> Result<(), Error> {
        let (record, directory) = (Arc::clone(&self.record), Arc::clone(&self.directory));
        blocking(move || {
            look_at_the_time(&directory);
            groups::thaw(&record.groups).map_err(|error| Error::Freeze {
                operation: "resume",
                message: error.to_string(),
            })
        })
        .await
    }

    async fn usage(&self) -> Result<Usage, Error> {
        let (record, path) = (Arc::clone(&self.record), self.state.path.clone());
        blocking(move || {
            let mut usage = groups::usage(&record.groups);
            usage.disk_bytes = disk::used(&path, &record.disk);
            Ok(usage)
        })
        .await
    }

    async fn state(&self) -> Result<State, Error> {
        let (state, record, id) = (self.state.clone(), Arc::clone(&self.record), self.id);
        blocking(move || {
            if !state.exists() {
                return Err(Error::Gone { id, ended: None });
            }
            Ok(match state.ended() {
                Some(ended) => State::Ended(ended),
                None if groups::is_frozen(&record.groups) => State::Paused,
                None => State::Running,
            })
        })
        .await
    }

    async fn kill_processes(&self) -> Result<Killed, Error> {
        let killed = self.envd.kill_all().await;
        let killed = killed.map_err(|failed| self.explain("kill every process", "the sandbox", failed))?;
        // The sandbox's word is not enough: the host counts, too. Pid 1 is one of them.
        let record = Arc::clone(&self.record);
        let counted = blocking(move || Ok(groups::processes(&record.groups).len())).await?;
        let counted = u32::try_from(counted.saturating_sub(1)).unwrap_or(u32::MAX);
        Ok(Killed {
            killed: killed.killed,
            survivors: killed.remaining.max(counted),
        })
    }

    async fn snapshot(&self, layers: &Path) -> Result<LayerRef, Error> {
        self.kill_processes().await?;
        let (state, record, id, layers) = (
            self.state.clone(),
            Arc::clone(&self.record),
            self.id,
            layers.to_path_buf(),
        );
        blocking(move || snapshot::take(&state, &record, &id, &layers)).await
    }
}
