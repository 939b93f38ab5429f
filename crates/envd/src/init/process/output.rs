//! The way out of a process: to whoever listens now, or into its journal.

use std::cell::RefCell;

use bytes::Bytes;
use codecourier_e2b::extension::JournalStream;
use codecourier_e2b::process::ProcessOutput;
use tokio::sync::mpsc;

use super::journal::Journal;

/// Chunks that may wait for one listener before the process has to.
const LISTENER_CHUNKS: usize = 2;

/// Where output goes.
#[derive(Debug)]
pub(crate) enum Output {
    /// To the listeners of the moment; without one it is dropped. The slowest of them sets the pace. `None` once closed.
    Live(RefCell<Option<Vec<mpsc::Sender<ProcessOutput>>>>),
    /// Into files, at the process's own pace.
    Journaled(Journal),
}

/// Which descriptor of the process a chunk came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The terminal.
    Terminal,
}

impl Source {
    /// The journal its bytes go to.
    pub(crate) const fn journal_stream(self) -> JournalStream {
        match self {
            Self::Stdout | Self::Terminal => JournalStream::Stdout,
            Self::Stderr => JournalStream::Stderr,
        }
    }

    const fn event(self, bytes: Bytes) -> ProcessOutput {
        match self {
            Self::Stdout => ProcessOutput::Stdout(bytes),
            Self::Stderr => ProcessOutput::Stderr(bytes),
            Self::Terminal => ProcessOutput::Pty(bytes),
        }
    }
}

impl Output {
    /// A live output without listeners.
    pub(crate) fn live() -> Self {
        Self::Live(RefCell::new(Some(Vec::new())))
    }

    /// Listens from now on; to nothing, once closed. A journaled process has nothing to hear: its output is in the journal.
    pub(crate) fn listen(&self) -> mpsc::Receiver<ProcessOutput> {
        let (sender, receiver) = mpsc::channel(LISTENER_CHUNKS);
        if let Self::Live(listeners) = self
            && let Some(listeners) = listeners.borrow_mut().as_mut()
        {
            listeners.push(sender);
        }
        receiver
    }

    /// Hands a chunk to every listener, waiting for each; forgets those that left.
    pub(crate) async fn tell(&self, source: Source, bytes: &[u8]) {
        let Self::Live(listeners) = self else { return };
        // A copy of the list: listeners come and go while this waits.
        let present = listeners.borrow().clone().unwrap_or_default();
        if present.is_empty() {
            return;
        }
        let event = source.event(Bytes::copy_from_slice(bytes));
        let mut anybody_left = false;
        for listener in &present {
            anybody_left |= listener.send(event.clone()).await.is_err();
        }
        if anybody_left && let Some(listeners) = listeners.borrow_mut().as_mut() {
            listeners.retain(|listener| !listener.is_closed());
        }
    }

    /// No more will come: lets every listener finish.
    pub(crate) fn close(&self) {
        if let Self::Live(listeners) = self {
            listeners.borrow_mut().take();
        }
    }

    /// The journal, if there is one.
    pub(crate) const fn journal(&self) -> Option<&Journal> {
        match self {
            Self::Live(_) => None,
            Self::Journaled(journal) => Some(journal),
        }
    }
}
