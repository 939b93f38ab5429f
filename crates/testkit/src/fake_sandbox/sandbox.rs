//! [`FakeSandbox`]: the handle that the engine holds.

use std::collections::btree_map::Entry;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use codecourier_domain::id::SandboxId;
use codecourier_sandbox::{
    DirectoryPage, Error, Exit, ExitStatus, FileBeginning, FileOwner, Isolation, JournalStream, Killed, LayerRef,
    Output, ProcessSpec, Sandbox, Signal, State, Stdin, Usage,
};
use futures::StreamExt as _;
use futures::stream::BoxStream;

use super::backend::Shared;
use super::{Moment, Process, Room, host, look};
use crate::fake_agent;

/// The tags of the processes that are played begin so.
const AGENT: &str = "agent";

pub(super) struct FakeSandbox {
    shared: Arc<Shared>,
    room: Arc<Room>,
}

impl FakeSandbox {
    pub(super) fn new(shared: Arc<Shared>, room: Arc<Room>) -> Self {
        Self { shared, room }
    }

    async fn point(&self, moment: Moment, what: &str) {
        self.shared.calls.point(moment, Some(self.room.id), what).await;
    }

    /// A whole call: the point before, whether the sandbox still lives, the work, the point after.
    async fn call<T>(&self, what: &str, work: impl AsyncFnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.point(Moment::Before, what).await;
        self.room.refuse_when_over()?;
        let done = work().await?;
        self.point(Moment::After, what).await;
        Ok(done)
    }

    fn process(&self, tag: &str) -> Result<Arc<Process>, Error> {
        self.room.process(tag).ok_or_else(|| Error::NotFound {
            what: format!("process {tag}"),
        })
    }

    fn living(&self, tag: &str) -> Result<Arc<Process>, Error> {
        let process = self.process(tag)?;
        if process.is_alive() {
            Ok(process)
        } else {
            Err(Error::NotFound {
                what: format!("living process {tag}"),
            })
        }
    }

    fn start_now(&self, spec: ProcessSpec) {
        let tag = spec.tag.clone();
        let (process, input) = {
            let mut processes = self.room.processes.lock().unwrap_or_else(PoisonError::into_inner);
            match processes.entry(tag.clone()) {
                Entry::Occupied(running) => return running.get().count_start(),
                Entry::Vacant(place) => {
                    let (process, input) = Process::new(spec);
                    place.insert(Arc::clone(&process));
                    (process, input)
                }
            }
        };
        match &process.spec.stdin {
            Stdin::Null => process.close_input(),
            Stdin::Open { initial } => {
                process.put("initial", initial.clone());
            }
        }
        let room = Arc::clone(&self.room);
        if tag.starts_with(AGENT) {
            let (script, shared) = (self.shared.script(), Arc::downgrade(&self.shared));
            self.shared.spawn(async move {
                let id = room.id;
                fake_agent::play(script, room, process, input).await;
                if let Some(shared) = shared.upgrade() {
                    shared.calls.note(Moment::After, Some(id), "exit agent");
                }
            });
        } else {
            self.shared.spawn(host::run(room, process, input));
        }
    }

    async fn wait_for(&self, process: &Process) -> Exit {
        process.ended().await
    }
}

#[async_trait]
impl Sandbox for FakeSandbox {
    fn id(&self) -> &SandboxId {
        &self.room.id
    }

    fn isolation(&self) -> &Isolation {
        &self.room.isolation
    }

    async fn start(&self, process: ProcessSpec) -> Result<(), Error> {
        let what = format!("start {}", process.tag);
        self.call(&what, async || {
            self.start_now(process);
            Ok(())
        })
        .await
    }

    async fn send_input(&self, tag: &str, input_id: &str, bytes: Bytes) -> Result<(), Error> {
        let what = format!("send_input {tag} {input_id}");
        self.call(&what, async || {
            if self.living(tag)?.put(input_id, bytes) {
                Ok(())
            } else {
                Err(Error::Refused {
                    operation: "write to a process",
                    code: "failed_precondition".to_owned(),
                    message: "its input is closed".to_owned(),
                })
            }
        })
        .await
    }

    async fn close_stdin(&self, tag: &str) -> Result<(), Error> {
        self.call(&format!("close_stdin {tag}"), async || {
            self.living(tag)?.close_input();
            Ok(())
        })
        .await
    }

    async fn signal(&self, tag: &str, signal: Signal) -> Result<(), Error> {
        self.call(&format!("signal {tag}"), async || {
            self.living(tag)?.send_signal(signal);
            Ok(())
        })
        .await
    }

    async fn journal(
        &self,
        tag: &str,
        stream: JournalStream,
        offset: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let what = format!("journal {tag} {}", stream.as_str());
        let process = self.call(&what, async || self.process(tag)).await?;
        let journal = Arc::clone(process.journal(stream));
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        if offset > journal.len() {
            return Err(Error::Refused {
                operation: "read a journal",
                code: "416".to_owned(),
                message: "the journal is shorter".to_owned(),
            });
        }
        let (shared, room) = (Arc::clone(&self.shared), Arc::clone(&self.room));
        let follow = futures::stream::unfold(Some(offset), move |offset| {
            let (shared, room, journal) = (Arc::clone(&shared), Arc::clone(&room), Arc::clone(&journal));
            let what = what.clone();
            async move {
                let offset = offset?;
                let what = format!("{what} from {offset}");
                let piece = journal.next(offset, shared.piece.load(Ordering::SeqCst)).await;
                shared.calls.point(Moment::Before, Some(room.id), &what).await;
                match piece {
                    // What a sandbox that is over wrote is gone with it.
                    _ if room.end_record().is_some() => Some((Err(room.gone()), None)),
                    Some(piece) => {
                        let next = offset + piece.len();
                        Some((Ok(piece), Some(next)))
                    }
                    None => None,
                }
            }
        });
        Ok(follow.boxed())
    }

    async fn wait(&self, tag: &str) -> Result<Exit, Error> {
        let what = format!("wait {tag}");
        self.point(Moment::Before, &what).await;
        let process = self.process(tag)?;
        let exit = self.wait_for(&process).await;
        self.point(Moment::After, &what).await;
        Ok(exit)
    }

    async fn run(&self, process: ProcessSpec, output_limit: usize) -> Result<Output, Error> {
        let tag = process.tag.clone();
        let what = format!("run {tag}");
        self.point(Moment::Before, &what).await;
        self.room.refuse_when_over()?;
        self.start_now(process);
        let process = self.process(&tag)?;
        self.point(Moment::After, &format!("{what} started")).await;
        let exit = self.wait_for(&process).await;
        self.point(Moment::After, &what).await;
        let ended = matches!(exit.status, ExitStatus::SandboxEnded(_));
        let read = |stream| {
            let mut bytes = if ended {
                Vec::new()
            } else {
                process.journal(stream).all()
            };
            let is_cut = bytes.len() > output_limit;
            bytes.truncate(output_limit);
            (Bytes::from(bytes), is_cut)
        };
        let (stdout, stdout_cut) = read(JournalStream::Stdout);
        let (stderr, stderr_cut) = read(JournalStream::Stderr);
        Ok(Output {
            exit,
            stdout,
            stderr,
            truncated: stdout_cut || stderr_cut,
        })
    }

    async fn write_file(&self, path: &str, bytes: Bytes, mode: u32, _owner: FileOwner) -> Result<(), Error> {
        self.call(&format!("write_file {path}"), async || {
            let target = self.room.path(path)?;
            let write = || {
                target.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                std::fs::write(&target, &bytes)?;
                std::fs::set_permissions(&target, std::fs::Permissions::from_mode(mode))
            };
            write().map_err(|error| host_error("write", &target, error))
        })
        .await
    }

    async fn write_file_from(&self, path: &str, host_file: &Path, mode: u32, owner: FileOwner) -> Result<(), Error> {
        let bytes = std::fs::read(host_file).map_err(|error| host_error("read", host_file, error))?;
        self.write_file(path, bytes.into(), mode, owner).await
    }

    async fn read_file(&self, path: &str, limit: u64) -> Result<Bytes, Error> {
        self.call(&format!("read_file {path}"), async || {
            let file = self.room.path(path)?;
            let size = match std::fs::metadata(&file) {
                Ok(found) if found.is_file() => found.len(),
                Ok(_) => {
                    return Err(Error::Refused {
                        operation: "read a file",
                        code: "invalid_argument".to_owned(),
                        message: "not a regular file".to_owned(),
                    });
                }
                Err(_) => return Err(Error::NotFound { what: path.to_owned() }),
            };
            if size > limit {
                return Err(Error::FileTooLarge {
                    path: path.to_owned(),
                    limit,
                });
            }
            let bytes = std::fs::read(&file).map_err(|error| host_error("read", &file, error))?;
            Ok(bytes.into())
        })
        .await
    }

    async fn read_file_to(&self, path: &str, host_file: &Path, limit: u64) -> Result<u64, Error> {
        let bytes = self.read_file(path, limit).await?;
        std::fs::write(host_file, &bytes).map_err(|error| host_error("write", host_file, error))?;
        Ok(bytes.len() as u64)
    }

    async fn list_project(&self, path: &str, after: Option<&str>, limit: u32) -> Result<DirectoryPage, Error> {
        self.call(&format!("list_project {path}"), async || {
            look::list(&self.room.project(), path, after, limit)
        })
        .await
    }

    async fn read_project(&self, path: &str, limit: u64) -> Result<FileBeginning, Error> {
        self.call(&format!("read_project {path}"), async || {
            look::read(&self.room.project(), path, limit)
        })
        .await
    }

    async fn gateway_listener(&self) -> Result<tokio::net::TcpListener, Error> {
        self.call("gateway_listener", async || {
            self.room
                .listener()
                .and_then(tokio::net::TcpListener::from_std)
                .map_err(|error| host_error("listen for", Path::new("the gateway"), error))
        })
        .await
    }

    async fn pause(&self) -> Result<(), Error> {
        self.call("pause", async || {
            self.shared.refuse("pause")?;
            self.room.set_paused(true);
            Ok(())
        })
        .await
    }

    async fn resume(&self) -> Result<(), Error> {
        self.call("resume", async || {
            self.room.set_paused(false);
            Ok(())
        })
        .await
    }

    async fn usage(&self) -> Result<Usage, Error> {
        self.call("usage", async || {
            Ok(Usage {
                processes: Some(self.room.alive()),
                ..Usage::default()
            })
        })
        .await
    }

    async fn state(&self) -> Result<State, Error> {
        self.point(Moment::Before, "state").await;
        let is_paused = self.room.is_paused();
        let alive = if is_paused { State::Paused } else { State::Running };
        Ok(self.room.end_record().map_or(alive, State::Ended))
    }

    async fn kill_processes(&self) -> Result<Killed, Error> {
        self.call("kill_processes", async || Ok(self.room.kill(ExitStatus::Signalled(9))))
            .await
    }

    async fn snapshot(&self, _layers: &Path) -> Result<LayerRef, Error> {
        Err(Error::Unavailable {
            reasons: "a fake sandbox has no layers".to_owned(),
        })
    }
}

fn host_error(operation: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Host {
        operation,
        path: path.to_owned(),
        source,
    }
}
