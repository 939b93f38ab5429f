//! What is happening now: the in-memory side of a run, for whoever watches from this process.
//!
//! Invariant: this is a hint and a shop window, never the truth. Stored events are read from the log by number; the bus
//! only wakes the readers, and carries what is not stored (pieces of text, progress of a preparation). A watcher that
//! falls behind loses pieces, and no stored event. Watchers of one run are not woken by another.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::broadcast;

use codecourier_domain::event::Event;
use codecourier_domain::id::{RunId, StepId};

/// How many notices a slow watcher may be behind before it loses some.
const CAPACITY: usize = 256;

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

/// The bus of one engine. A run has a channel while somebody watches it.
#[derive(Debug, Clone, Default)]
pub struct Live {
    watched: Arc<Mutex<HashMap<RunId, broadcast::Sender<Notice>>>>,
}

impl Live {
    /// Tells whoever watches. Nobody watching is no error.
    pub fn tell(&self, run: RunId, notice: Notice) {
        if let Entry::Occupied(watched) = self.watched.lock().entry(run)
            && watched.get().send(notice).is_err()
        {
            watched.remove();
        }
    }

    /// Listens to a run from now on. Listen first, then read the log: what comes in between is told twice, never lost.
    #[must_use]
    pub fn listen(&self, run: RunId) -> broadcast::Receiver<Notice> {
        let mut watched = self.watched.lock();
        // Forgets runs whose watchers left and that have told nothing since.
        if watched.len() == watched.capacity() {
            watched.retain(|_, sender| sender.receiver_count() > 0);
        }
        watched
            .entry(run)
            .or_insert_with(|| broadcast::Sender::new(CAPACITY))
            .subscribe()
    }
}
