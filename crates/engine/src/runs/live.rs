//! What is happening now: the in-memory side of a run, for whoever watches from this process.
//!
//! Invariant: this is a hint and a shop window, never the truth. Stored events are read from the log by number; the bus
//! only wakes the readers, and carries what is not stored (pieces of text, progress of a preparation). A watcher that
//! falls behind loses pieces, and no stored event.

use std::sync::Arc;

use tokio::sync::broadcast;

use codecourier_domain::event::Event;
use codecourier_domain::id::{RunId, StepId};

/// How many notices a slow watcher may be behind before it loses some.
const CAPACITY: usize = 1_024;

/// Something to tell the watchers of a run.
#[derive(Debug, Clone)]
pub enum Notice {
    /// Events were stored: read the log.
    EventsStored,
    /// The run, or one of its steps, changed: read it.
    Changed,
    /// An event that is not stored.
    Transient {
        /// The step it belongs to.
        step: StepId,
        /// The event.
        event: Arc<Event>,
    },
    /// How far the preparation is.
    Preparing {
        /// What is being done.
        stage: String,
        /// More about it.
        detail: String,
    },
    /// The platform cannot go on with the run now, and tries again by itself.
    Waiting {
        /// What happened and what to do.
        reason: String,
    },
}

/// The bus of one engine.
#[derive(Debug, Clone)]
pub struct Live {
    sender: broadcast::Sender<(RunId, Notice)>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            sender: broadcast::channel(CAPACITY).0,
        }
    }
}

impl Live {
    /// Tells whoever watches. Nobody watching is no error.
    pub fn tell(&self, run: RunId, notice: Notice) {
        let _ = self.sender.send((run, notice));
    }

    /// Listens from now on. Listen first, then read the log: what comes in between is told twice, never lost.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<(RunId, Notice)> {
        self.sender.subscribe()
    }
}
