//! Spawning on the one thread. Every task ends by itself: with its connection, its process, or the daemon.

use std::future::Future;

use tokio::task::JoinHandle;

/// Runs a future beside the others of this thread.
pub(crate) fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    tokio::task::spawn_local(future)
}
