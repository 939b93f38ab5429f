//! Live updates: whatever is committed, told to everybody who follows it and may see it.
//!
//! The API calls [`Hub::watch`] for each client and asks the [`Watch`] what to tell next. How a change travels: the store
//! announces it after the commit; the one reader of its `topic` puts it in the topic's `tail` and wakes the followers;
//! each takes it from there, at its own pace, and whoever has fallen out of the tail reads the log. So the log is the
//! truth and everything here is a way to read it seldom. Invariants:
//! - gapless by number: subscribe first, then read; what is at or below the cursor is skipped; nothing stored is dropped;
//! - one read and one text for a change, however many are told of it ([`Frame::text`]);
//! - bounded: a topic keeps a fixed part of its log, a follower keeps a cursor;
//! - permission is asked when following begins and whenever something happened to it (see `doubt`): after the end of a
//!   membership was confirmed nothing more is told.

mod count;
mod doubt;
mod frame;
mod query;
pub(crate) mod retention;
mod seats;
mod snapshot;
mod tail;
mod topic;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use codecourier_domain::time::Clock;
use codecourier_sandbox::Backend;
use codecourier_store::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use codecourier_store::changes::{Change, ChangeOp};
pub use codecourier_store::events::StoredEvent;
pub use codecourier_store::runs::RunSummary;
pub use frame::{Content, Frame};
pub use query::Query;
pub use retention::Removed;
pub use snapshot::{Snapshot, SnapshotContent};
pub use watch::{SUBSCRIPTIONS, Told, Watch};

use crate::access::Credential;
use crate::error::Error;
use crate::tasks::Tasks;
use crate::{Inner, runs};

/// Clients that may be connected without having said who they are, at a time.
const ANTEROOM: usize = 256;

/// What all followers share.
pub(crate) struct Hub {
    store: Store,
    tasks: Tasks,
    /// What runs tell without storing it.
    notices: runs::live::Live,
    /// What is asked for what sandboxes use.
    backend: Arc<dyn Backend>,
    clock: Arc<dyn Clock>,
    topics: topic::Topics,
    doubts: Arc<doubt::Doubts>,
    seats: seats::Seats,
    anteroom: Arc<Semaphore>,
    closing: CancellationToken,
    attendance: TaskTracker,
    arrivals: AtomicU32,
}

/// The use cases of live updates.
#[derive(Clone)]
pub struct Live {
    pub(crate) engine: Arc<Inner>,
}

impl Hub {
    /// `closing` ends every watch.
    pub(crate) fn new(
        store: Store,
        tasks: Tasks,
        notices: runs::live::Live,
        (backend, clock): (Arc<dyn Backend>, Arc<dyn Clock>),
        closing: CancellationToken,
    ) -> Self {
        let doubts = Arc::<doubt::Doubts>::default();
        let noting = Arc::clone(&doubts);
        store.observe_changes(move |observed| noting.note(observed));
        let attendance = TaskTracker::new();
        attendance.close();
        Self {
            store,
            tasks,
            notices,
            backend,
            clock,
            topics: topic::Topics::default(),
            doubts,
            seats: seats::Seats::default(),
            anteroom: Arc::new(Semaphore::new(ANTEROOM)),
            closing,
            attendance,
            arrivals: AtomicU32::new(0),
        }
    }

    /// Another number for each client.
    fn next_offset(&self) -> u32 {
        self.arrivals.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits until every client was told that the server stops, or has had the time to be.
    pub(crate) async fn empty(&self, patience: Duration) {
        drop(tokio::time::timeout(patience, self.attendance.wait()).await);
    }
}

impl Live {
    /// Begins to follow for whoever shows a credential. Fails with `AUTH_INVALID` if it is not good.
    pub async fn watch(&self, credential: Credential) -> Result<Watch, Error> {
        Watch::begin(&self.engine, credential).await
    }

    /// A place for a client who has yet to say who they are; `None` when there are too many of them.
    #[must_use]
    pub fn anteroom(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.engine.hub.anteroom).try_acquire_owned().ok()
    }

    /// Ends when the server begins to stop.
    pub async fn closing(&self) {
        self.engine.hub.closing.cancelled().await;
    }

    /// Ends every stream, each with the reason. For a server that stops: its connections end by that, while requests are
    /// still answered.
    pub fn close(&self) {
        self.engine.hub.closing.cancel();
    }

    /// Whether the server stops: what fails now fails because of that.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.engine.hub.closing.is_cancelled()
    }

    /// How many scopes and runs are followed now.
    #[must_use]
    pub fn followed(&self) -> usize {
        self.engine.hub.topics.count()
    }

    /// How many things all clients together follow.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.engine.hub.topics.followers()
    }

    /// How many clients there are now.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.engine.hub.attendance.len()
    }

    /// Removes changes that are older than that, and the oldest of each scope that has more than `kept`; by itself this
    /// happens every hour.
    pub async fn remove_old(&self, kept_for: Duration, kept: u64) -> Result<Removed, Error> {
        retention::remove(&self.engine, kept_for, kept).await
    }
}
