//! A task's place among those that are done at once. Whoever only waits for a person leaves it to others.
//!
//! The worker gives it out; a step's conversation leaves it and takes it again. Invariant: a place is held once, and
//! given back when its holder is gone.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Inner;

/// The place of one task.
pub(crate) struct Place {
    engine: Arc<Inner>,
    of: Arc<Semaphore>,
    held: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Place {
    pub(super) const fn new(engine: Arc<Inner>, of: Arc<Semaphore>, held: OwnedSemaphorePermit) -> Self {
        Self {
            engine,
            of,
            held: Mutex::new(Some(held)),
        }
    }

    /// Leaves it to others, if it is held. They are told.
    pub(crate) fn leave(&self) {
        if self.held.lock().take().is_some() {
            self.engine.workers.ended.notify_waiters();
        }
    }

    /// Takes it again, when one is free; those who asked before come first.
    pub(crate) async fn take(&self) {
        if self.held.lock().is_some() {
            return;
        }
        // Nobody closes it, so there is a permit sooner or later.
        if let Ok(permit) = Arc::clone(&self.of).acquire_owned().await {
            *self.held.lock() = Some(permit);
        }
    }
}
