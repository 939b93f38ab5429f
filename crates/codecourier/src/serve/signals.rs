//! The signals that a server understands.

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::problem::Problem;

/// What somebody wants of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// To end: SIGTERM or SIGINT.
    Stop,
    /// To read its certificate again: SIGHUP.
    Reload,
}

/// The signals of this process.
pub(super) struct Signals {
    terminate: Stream,
    interrupt: Stream,
    hang_up: Stream,
}

impl Signals {
    /// Listens from now on; the signals' usual effect is gone.
    pub(super) fn listen() -> Result<Self, Problem> {
        let listen = |kind| signal(kind).map_err(|error| Problem::internal("Listening to signals", &error));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    /// Waits for one that means to end.
    pub(super) async fn stop(&mut self) {
        while self.next().await != Signal::Stop {}
    }
}
