//! Signals: `Ctrl-C` cancels the run, twice leaves it running; a polite end of this process leaves it running too.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use crate::problem::Problem;
use crate::terminal::{Screen, Tone};

/// How long after the first `Ctrl-C` a second one means to leave the run alone.
const SECOND_THOUGHTS: Duration = Duration::from_millis(1_000);

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// `Ctrl-C`.
    Stop,
    /// The service manager, or the terminal went away: agents live on.
    Leave,
}

/// The signals of this process.
#[derive(Debug)]
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Interrupts {
    /// Listens from now on; the signals' usual effect is gone.
    pub(crate) fn listen() -> Result<Self, Problem> {
        let listen = |kind| signal(kind).map_err(|error| Problem::internal("Listening to signals", &error));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one. May be dropped at any time and called again.
    pub(crate) async fn next(&mut self) -> Interrupt {
        tokio::select! {
            _ = self.interrupt.recv() => Interrupt::Stop,
            _ = self.terminate.recv() => Interrupt::Leave,
            _ = self.hang_up.recv() => Interrupt::Leave,
        }
    }
}

/// What the signals so far come to, for whoever watches one run.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    cancel: Cancel,
}

/// How far the wish to cancel is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Cancel {
    /// Nobody wants it.
    #[default]
    Unwanted,
    /// Wanted, unless another signal comes before then.
    At(Instant),
    /// Asked for.
    Asked,
}

/// Whether to go on watching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watching {
    /// Yes.
    GoesOn,
    /// The person goes; the run stays.
    Ends,
}

/// What to tell people who go.
pub(crate) struct Farewell<'a> {
    /// When the run is being cancelled.
    pub(crate) cancelling: &'a str,
    /// When it is left as it is.
    pub(crate) running: &'a str,
}

impl Wishes {
    /// Takes a signal in, and says on the screen what comes of it.
    pub(crate) fn take(&mut self, interrupt: Interrupt, farewell: &Farewell<'_>, screen: &mut Screen) -> Watching {
        let words = match (interrupt, self.cancel) {
            (Interrupt::Stop, Cancel::Unwanted) => {
                self.cancel = Cancel::At(Instant::now() + SECOND_THOUGHTS);
                screen.line(
                    &Tone::Warning.line("Cancelling the run. Press Ctrl-C again at once to leave it running instead."),
                );
                return Watching::GoesOn;
            }
            (Interrupt::Stop, Cancel::Asked) => farewell.cancelling,
            (Interrupt::Stop, Cancel::At(_)) | (Interrupt::Leave, _) => farewell.running,
        };
        screen.line(&Tone::Warning.line(words));
        Watching::Ends
    }

    /// Waits until the run is to be cancelled, and gives that once. May be dropped at any time and called again.
    pub(crate) async fn cancel(&mut self) {
        match self.cancel {
            Cancel::At(moment) => tokio::time::sleep_until(moment).await,
            Cancel::Unwanted | Cancel::Asked => std::future::pending().await,
        }
        self.cancel = Cancel::Asked;
    }
}
