//! Several processes on one PostgreSQL database: how each learns of what the others commit.
//!
//! The store starts it; nobody else knows of it. After a commit a node tells the others which logs grew, and how far: a
//! hint, with no content. Whoever follows one of them reads it. Behind the hints is a sweep: now and then one query
//! compares the heads of what is followed with what is known. Invariants:
//! - a hint that is lost, late or doubled delays something or causes a read; it never loses or repeats anything;
//! - no commit waits for a hint: hints go out on a connection of their own, and gather while one is under way;
//! - whose access ended on another node is known here before anything that was committed after that is told to anybody
//!   (see [`access`]): this does not depend on hints.

pub(crate) mod access;
mod announce;
mod hint;
mod listen;
mod sweep;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::background;
use crate::feed::Watchers;
use crate::sql::Database;
use crate::sql::hints::HintLine;
use access::AccessLog;
pub(crate) use announce::Outbox;
pub(crate) use hint::Hints;
use hint::Origin;

/// How often this node looks for what no hint told of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SweepPace {
    /// At first, and after something was found: hints are being lost.
    pub(crate) wary: Duration,
    /// At last, when nothing is found any more.
    pub(crate) calm: Duration,
    /// While nobody listens to hints.
    pub(crate) deaf: Duration,
}

impl Default for SweepPace {
    fn default() -> Self {
        Self {
            wary: Duration::from_secs(1),
            calm: Duration::from_secs(10),
            deaf: Duration::from_millis(500),
        }
    }
}

/// What listens and sweeps for this node.
pub(crate) struct Nodes {
    closing: watch::Sender<()>,
    tasks: Vec<JoinHandle<()>>,
    line: HintLine,
}

/// What listener and sweep share.
struct Ears {
    database: Database,
    watchers: Arc<Watchers>,
    access: Arc<AccessLog>,
    /// Whether hints are heard now.
    listening: AtomicBool,
    /// Somebody wants a sweep at once.
    sweep_now: Notify,
    /// The connection is to be given up: hints do not come by it any more.
    listen_anew: Notify,
}

impl Nodes {
    /// Begins to tell, to listen and to sweep; `None` on a database that has one process only.
    pub(crate) fn start(
        database: &Database,
        watchers: &Arc<Watchers>,
        access: &Arc<AccessLog>,
        outbox: &Arc<Outbox>,
        pace: SweepPace,
    ) -> Option<Self> {
        let line = database.hint_line()?;
        let (closing, closed) = watch::channel(());
        let origin = Origin::new();
        let ears = Arc::new(Ears {
            database: database.clone(),
            watchers: Arc::clone(watchers),
            access: Arc::clone(access),
            listening: AtomicBool::new(false),
            sweep_now: Notify::new(),
            listen_anew: Notify::new(),
        });
        let tasks = vec![
            background::spawn(until(
                closed.clone(),
                announce::run(line.clone(), Arc::clone(outbox), origin),
            )),
            background::spawn(until(
                closed.clone(),
                listen::run(line.clone(), Arc::clone(&ears), origin),
            )),
            background::spawn(until(closed, sweep::run(ears, pace))),
        ];
        Some(Self { closing, tasks, line })
    }

    /// Ends all of it. What was committed last may stay untold: the others sweep.
    pub(crate) async fn stop(self) {
        drop(self.closing);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a task between nodes did not end well"
                );
            }
        }
        self.line.close().await;
    }
}

impl Ears {
    fn set_listening(&self, listening: bool) {
        self.listening.store(listening, Ordering::SeqCst);
        metrics::gauge!("codecourier_node_listening").set(f64::from(u8::from(listening)));
    }
}

/// Works until the store is closed or its last handle is dropped.
async fn until(mut closed: watch::Receiver<()>, work: impl Future<Output = ()>) {
    tokio::select! {
        _ = closed.changed() => {}
        () = work => {}
    }
}
