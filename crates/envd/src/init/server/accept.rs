//! The listener: bounded connections, with some kept for emergencies.
//!
//! [`ORDINARY_CONNECTIONS`] may be open at once. The next [`EMERGENCY_CONNECTIONS`] are answered only on `/health` and
//! `/kill-all`, one request each, so that a flood of clients cannot keep the platform from ending a sandbox. Past those,
//! the kernel's backlog waits until one closes. Descriptors for all of them are within the limit raised at start.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;

use super::super::{Server, tasks};
use super::route::{Allowed, answer};

/// Connections that may do anything.
const ORDINARY_CONNECTIONS: usize = 512;
/// Connections beyond those.
const EMERGENCY_CONNECTIONS: usize = 16;
/// How long headers may take to arrive, and how long an idle connection stays.
const HEADER_PATIENCE: Duration = Duration::from_secs(30);
/// Whoever has an emergency sends its request at once; idle clients before it in the queue must not hold it up.
const EMERGENCY_PATIENCE: Duration = Duration::from_millis(500);
/// How long to wait when the kernel has no descriptor or memory for a connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);
const BUFFER_BYTES: usize = 128 * 1024;

/// Accepts connections as long as the daemon lives.
pub(crate) async fn accept_for_ever(server: Rc<Server>, listener: UnixListener) {
    let open = Rc::new(Open::default());
    loop {
        while open.count.get() >= ORDINARY_CONNECTIONS + EMERGENCY_CONNECTIONS {
            open.closed.notified().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let has_room = open.count.get() < ORDINARY_CONNECTIONS && server.reserve.refill();
                let allowed = if has_room {
                    Allowed::Everything
                } else {
                    Allowed::Emergencies
                };
                let guard = OpenGuard::new(&open);
                let server = Rc::clone(&server);
                tasks::spawn(async move {
                    serve_connection(server, allowed, stream).await;
                    drop(guard);
                });
            }
            Err(error) if is_exhausted(&error) => {
                if !server.reserve.release() {
                    tokio::time::sleep(EXHAUSTED_PAUSE).await;
                }
            }
            // The client left before it was accepted.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

async fn serve_connection(server: Rc<Server>, allowed: Allowed, stream: UnixStream) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).max_buf_size(BUFFER_BYTES);
    match allowed {
        Allowed::Everything => builder.header_read_timeout(HEADER_PATIENCE),
        Allowed::Emergencies => builder.keep_alive(false).header_read_timeout(EMERGENCY_PATIENCE),
    };
    let service = service_fn(move |request| answer(Rc::clone(&server), allowed, request));
    // Whatever ended the connection is the client's business.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

fn is_exhausted(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}

#[derive(Debug, Default)]
struct Open {
    count: Cell<usize>,
    closed: Notify,
}

struct OpenGuard(Rc<Open>);

impl OpenGuard {
    fn new(open: &Rc<Open>) -> Self {
        open.count.set(open.count.get() + 1);
        Self(Rc::clone(open))
    }
}

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get().saturating_sub(1));
        self.0.closed.notify_one();
    }
}
