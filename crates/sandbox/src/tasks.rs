//! The one place of this crate that starts tasks: those that drive a connection to a sandbox's daemon.

#![expect(clippy::disallowed_methods, reason = "this is the tasks module")]

use std::future::Future;

/// Drives a connection until it is closed. Its owner is the request (or its body): dropping that ends the task.
pub(crate) fn drive_connection(connection: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(connection);
}
