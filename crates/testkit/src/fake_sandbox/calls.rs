//! Counts the calls to a backend and its sandboxes, and makes the one that a test names never return.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use codecourier_domain::id::SandboxId;
use tokio::sync::watch;

use crate::fake_agent::Gate;

/// A call that was made, or one that was answered; and the exit of each agent, as `exit agent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was asked, as the method is called; with the tag or path where there is one.
    pub what: String,
    /// Of which sandbox; `None` of the whole backend.
    pub sandbox: Option<SandboxId>,
    /// Whether it was asked or answered then.
    pub moment: Moment,
    /// When.
    pub at: Instant,
}

/// Where in a call an engine can be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was done yet.
    Before,
    /// Everything was done, and nobody was told.
    After,
}

/// A point of a call: of which sandbox, and which.
type Point = (Option<SandboxId>, String);

/// Everything that was asked of a backend.
#[derive(Debug)]
pub(crate) struct Calls {
    points: AtomicU64,
    stop_at: AtomicU64,
    /// The points that were reached, for [`Calls::stop_at_each`].
    seen: Mutex<Option<HashSet<Point>>>,
    made: Mutex<Vec<Call>>,
    /// Calls that wait at a gate before they do anything.
    held: Mutex<Option<(String, Gate)>>,
    /// What was stopped at, once it was.
    stopped: watch::Sender<Option<String>>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            points: AtomicU64::new(0),
            stop_at: AtomicU64::new(u64::MAX),
            seen: Mutex::default(),
            made: Mutex::default(),
            held: Mutex::default(),
            stopped: watch::Sender::new(None),
        }
    }
}

impl Calls {
    /// A point of a call. Does not return once the point to stop at was reached, here or in another call.
    pub(crate) async fn point(&self, moment: Moment, sandbox: Option<SandboxId>, what: &str) {
        if self.stopped.borrow().is_some() {
            return std::future::pending().await;
        }
        self.note(moment, sandbox, what);
        if moment == Moment::Before {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some((_, gate)) = held.filter(|(held, _)| what.starts_with(held)) {
                gate.pass().await;
            }
        }
        let number = self.points.fetch_add(1, Ordering::SeqCst) + 1;
        let is_new = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.as_mut()
                .is_some_and(|seen| seen.insert((sandbox, format!("{moment:?} {what}"))))
        };
        if is_new || number >= self.stop_at.load(Ordering::SeqCst) {
            self.stopped.send_if_modified(|stopped| {
                let is_first = stopped.is_none();
                stopped.get_or_insert_with(|| format!("{moment:?} {what} (point {number})"));
                is_first
            });
            std::future::pending().await
        }
    }

    /// Writes something down that happened.
    pub(crate) fn note(&self, moment: Moment, sandbox: Option<SandboxId>, what: &str) {
        let call = Call {
            what: what.to_owned(),
            sandbox,
            moment,
            at: Instant::now(),
        };
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    /// The point from which on nothing returns, counted from now, from 1.
    pub(crate) fn stop_at(&self, point: u64) {
        self.stop_at
            .store(self.points.load(Ordering::SeqCst) + point, Ordering::SeqCst);
    }

    /// Lets calls whose name begins so wait at a gate.
    pub(crate) fn hold(&self, what: &str, gate: Gate) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some((what.to_owned(), gate));
    }

    /// Stops at every point the first time it is reached, again after each revival.
    pub(crate) fn stop_at_each(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(HashSet::new());
    }

    pub(crate) fn revive(&self) {
        self.stop_at.store(u64::MAX, Ordering::SeqCst);
        self.stopped.send_replace(None);
    }

    pub(crate) fn stopped(&self) -> watch::Receiver<Option<String>> {
        self.stopped.subscribe()
    }

    pub(crate) fn made(&self) -> Vec<Call> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
