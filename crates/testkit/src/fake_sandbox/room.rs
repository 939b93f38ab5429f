//! What a fake sandbox is made of: a directory, its processes, and whether it lives.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use codecourier_domain::id::SandboxId;
use codecourier_sandbox::{Ended, EndedBecause, Error, ExitStatus, Isolation, Killed, Signal, Tier};
use tokio::sync::watch;

use super::Process;
use crate::clock::real_now;

/// The directories of a sandbox that lie in the host's, and that calls may name.
const MAPPED: [&str; 5] = [
    "/home/user",
    "/opt/codecourier",
    "/tmp/codecourier",
    "/run/codecourier",
    "/dev/shm",
];

/// One sandbox.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) id: SandboxId,
    pub(crate) root: PathBuf,
    pub(crate) isolation: Isolation,
    pub(crate) processes: Mutex<BTreeMap<String, Arc<Process>>>,
    gateway: Mutex<Option<TcpListener>>,
    ended: watch::Sender<Option<Ended>>,
    paused: watch::Sender<bool>,
}

impl Room {
    pub(crate) fn new(id: SandboxId, root: PathBuf) -> std::io::Result<Self> {
        for directory in ["home/user", "opt/codecourier", "tmp", "run/codecourier", "dev/shm"] {
            std::fs::create_dir_all(root.join(directory))?;
        }
        Ok(Self {
            id,
            root,
            isolation: Isolation {
                tier: Tier::Ns,
                degraded: Vec::new(),
            },
            processes: Mutex::default(),
            gateway: Mutex::default(),
            ended: watch::Sender::new(None),
            paused: watch::Sender::new(false),
        })
    }

    /// A text with every path of the sandbox in it replaced by the host's.
    pub(crate) fn on_host(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for mapped in MAPPED {
            text = text.replace(mapped, &format!("{}{mapped}", self.root.display()));
        }
        text
    }

    /// The host's path of a path in the sandbox. Others than the mapped ones are not in the sandbox.
    pub(crate) fn path(&self, path: &str) -> Result<PathBuf, Error> {
        if MAPPED.iter().any(|mapped| path.starts_with(mapped)) && !path.contains("/../") {
            Ok(PathBuf::from(self.on_host(path)))
        } else {
            Err(Error::NotFound { what: path.to_owned() })
        }
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.root.join("home/user/project")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.root.join("home/user")
    }

    pub(crate) fn process(&self, tag: &str) -> Option<Arc<Process>> {
        self.processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tag)
            .cloned()
    }

    /// How many processes live, the sandbox's own first one included.
    pub(crate) fn alive(&self) -> u32 {
        let processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = processes.values().filter(|process| process.is_alive()).count();
        u32::try_from(alive).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Why the sandbox is over, if it is.
    pub(crate) fn end_record(&self) -> Option<Ended> {
        self.ended.borrow().clone()
    }

    pub(crate) fn gone(&self) -> Error {
        Error::Gone {
            id: self.id,
            ended: self.end_record(),
        }
    }

    pub(crate) fn refuse_when_over(&self) -> Result<(), Error> {
        if self.ended.borrow().is_some() {
            Err(self.gone())
        } else {
            Ok(())
        }
    }

    /// Stops its processes where they wait next, or lets them go on.
    pub(crate) fn set_paused(&self, is_paused: bool) {
        self.paused.send_replace(is_paused);
    }

    pub(crate) fn is_paused(&self) -> bool {
        *self.paused.borrow()
    }

    /// Waits while it is paused.
    pub(crate) async fn runs(&self) {
        let mut paused = self.paused.subscribe();
        // The sender lives as long as this room.
        let _ = paused.wait_for(|is_paused| !is_paused).await;
    }

    pub(crate) async fn over(&self) {
        let mut ended = self.ended.subscribe();
        // The sender lives as long as this room.
        let _ = ended.wait_for(Option::is_some).await;
    }

    /// Ends the sandbox and whatever runs in it. Gives how many processes that were.
    pub(crate) fn end(&self, because: EndedBecause) -> u32 {
        let is_first = self.ended.send_if_modified(|ended| {
            let is_first = ended.is_none();
            ended.get_or_insert_with(|| Ended {
                because,
                at: Some(real_now()),
                detail: format!("{because:?}"),
            });
            is_first
        });
        if !is_first {
            return 0;
        }
        self.gateway.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The sandbox's own first process is one of them.
        1 + self.kill(ExitStatus::SandboxEnded(because)).killed
    }

    /// Ends every process.
    pub(crate) fn kill(&self, status: ExitStatus) -> Killed {
        let processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut killed = 0;
        for process in processes.values().filter(|process| process.is_alive()) {
            // The end first: else the process could be seen to die of the signal.
            process.end(status);
            process.send_signal(Signal::Kill);
            killed += 1;
        }
        Killed { killed, survivors: 0 }
    }

    /// Another descriptor of the listener inside, as the shim hands it out.
    pub(crate) fn listener(&self) -> std::io::Result<TcpListener> {
        let mut gateway = self.gateway.lock().unwrap_or_else(PoisonError::into_inner);
        if gateway.is_none() {
            let listener = TcpListener::bind(("127.0.0.1", 0))?;
            listener.set_nonblocking(true)?;
            *gateway = Some(listener);
        }
        gateway
            .as_ref()
            .ok_or_else(|| std::io::Error::other("no listener"))?
            .try_clone()
    }

    /// The port on the host that stands for the gateway's inside.
    pub(crate) fn gateway_port(&self) -> std::io::Result<u16> {
        Ok(self.listener()?.local_addr()?.port())
    }

    pub(crate) fn remove(&self) {
        remove_directory(&self.root);
    }
}

fn remove_directory(path: &Path) {
    // A process that was just killed may still write; what stays goes with the backend's own directory.
    let _ = std::fs::remove_dir_all(path);
}
