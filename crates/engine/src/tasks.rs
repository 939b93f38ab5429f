//! Background work of the engine: named, logged, and ended with its owner. The one place that spawns.

use std::future::Future;

use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The running background work of one engine.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
}

impl Tasks {
    /// Runs a future in the background under a name that shows in the log.
    pub fn spawn<F>(&self, name: &'static str, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(work.instrument(tracing::info_span!("task", name)));
    }

    /// Waits until everything that was spawned has ended. The caller has told it to.
    pub async fn drain(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}
