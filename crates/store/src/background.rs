//! The one place of this crate that starts a task of its own: the writer, what hands it the output of steps, and the
//! listener on PostgreSQL.
//!
//! Invariant: such a task ends when the last handle on the store is dropped or closed, or when it has nothing to do.

use std::future::Future;

use tokio::task::JoinHandle;

/// Starts a task that lives as long as the store.
#[expect(
    clippy::disallowed_methods,
    reason = "the store ends its tasks itself, when its last handle goes"
)]
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}
