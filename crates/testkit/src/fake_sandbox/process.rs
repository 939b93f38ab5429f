//! A process of a fake sandbox, real or played: its journals, its input, its end.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use codecourier_sandbox::{Exit, ExitStatus, JournalStream, ProcessSpec, Signal};
use tokio::sync::{mpsc, watch};

use super::Journal;
use crate::clock::real_now;

/// Something that was put on a process's standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The caller's name for it; `initial` for what came with the start.
    pub id: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// A process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) spec: ProcessSpec,
    pub(crate) stdout: Arc<Journal>,
    pub(crate) stderr: Arc<Journal>,
    exit: watch::Sender<Option<Exit>>,
    started_at: codecourier_domain::time::Timestamp,
    input: Mutex<StandardInput>,
    /// The strongest signal that was sent.
    signal: watch::Sender<Option<Signal>>,
    /// How often somebody asked for its start.
    pub(crate) starts_asked: AtomicU64,
}

#[derive(Debug)]
struct StandardInput {
    /// `None` once closed.
    sender: Option<mpsc::UnboundedSender<Bytes>>,
    seen: HashSet<String>,
    written: Vec<Input>,
}

impl Process {
    /// A process, and the end of its standard input that it reads.
    pub(crate) fn new(spec: ProcessSpec) -> (Arc<Self>, mpsc::UnboundedReceiver<Bytes>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let process = Self {
            spec,
            stdout: Arc::default(),
            stderr: Arc::default(),
            exit: watch::Sender::new(None),
            started_at: real_now(),
            input: Mutex::new(StandardInput {
                sender: Some(sender),
                seen: HashSet::new(),
                written: Vec::new(),
            }),
            signal: watch::Sender::new(None),
            starts_asked: AtomicU64::new(1),
        };
        (Arc::new(process), receiver)
    }

    pub(crate) fn journal(&self, stream: JournalStream) -> &Arc<Journal> {
        match stream {
            JournalStream::Stdout => &self.stdout,
            JournalStream::Stderr => &self.stderr,
        }
    }

    pub(crate) fn count_start(&self) {
        self.starts_asked.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// Writes to standard input, once by id. False when it is closed.
    pub(crate) fn put(&self, id: &str, bytes: Bytes) -> bool {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        if input.seen.contains(id) {
            return true;
        }
        let Some(sender) = &input.sender else { return false };
        // Nobody reading any more is for the end of the process to tell.
        let _ = sender.send(bytes.clone());
        input.seen.insert(id.to_owned());
        input.written.push(Input {
            id: id.to_owned(),
            bytes,
        });
        true
    }

    pub(crate) fn close_input(&self) {
        self.input.lock().unwrap_or_else(PoisonError::into_inner).sender = None;
    }

    pub(crate) fn written(&self) -> Vec<Input> {
        self.input
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .written
            .clone()
    }

    pub(crate) fn send_signal(&self, signal: Signal) {
        self.signal.send_modify(|sent| {
            if *sent != Some(Signal::Kill) {
                *sent = Some(signal);
            }
        });
    }

    /// Waits for a signal.
    pub(crate) async fn signalled(&self, least: Signal) -> Signal {
        let mut sent = self.signal.subscribe();
        let is_enough = |sent: &Option<Signal>| *sent == Some(Signal::Kill) || *sent == Some(least);
        match sent.wait_for(is_enough).await.map(|sent| *sent) {
            Ok(Some(signal)) => signal,
            _ => std::future::pending().await,
        }
    }

    /// Ends it, once: its journals are complete, and whoever waits is told.
    pub(crate) fn end(&self, status: ExitStatus) {
        let is_first = self.exit.send_if_modified(|exit| {
            let is_first = exit.is_none();
            exit.get_or_insert(Exit {
                status,
                started_at: Some(self.started_at),
                ended_at: Some(real_now()),
            });
            is_first
        });
        if is_first {
            self.close_input();
            self.stdout.close();
            self.stderr.close();
        }
    }

    /// Waits for the end.
    pub(crate) async fn ended(&self) -> Exit {
        let mut exit = self.exit.subscribe();
        match exit.wait_for(Option::is_some).await.map(|exit| exit.clone()) {
            Ok(Some(exit)) => exit,
            _ => std::future::pending().await,
        }
    }
}
