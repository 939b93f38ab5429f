//! Telling other nodes what this one committed.
//!
//! The writer puts hints into the outbox, which takes no time; a task sends them. While one message is under way the next
//! hints gather: so there is at most one at a time, however many commits there are.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::hint::{Hints, Origin};
use crate::sql::hints::HintLine;
use crate::writer::Effects;

/// How long to wait after the database refused, at first and at last.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(5)];

/// What there is to tell.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Mutex<Hints>,
    filled: Notify,
}

impl Outbox {
    /// Tells of what was committed, soon.
    pub(crate) fn put(&self, effects: &Effects) {
        let mut hints = Hints {
            tasks_moved: effects.tasks_moved,
            holds_lost: effects.holds_lost,
            inputs_moved: effects.inputs_moved,
            ..Hints::default()
        };
        for change in &effects.changes {
            hints.changes.insert(change.scope, change.seq);
        }
        if let Some(head) = effects.access_head {
            hints.changes.insert(crate::changes::Scope::Access, head);
        }
        for (run, events) in &effects.events {
            if let Some(last) = events.last() {
                hints.events.insert(*run, last.seq);
            }
        }
        if !hints.is_empty() {
            self.add(hints);
            self.filled.notify_one();
        }
    }

    fn add(&self, hints: Hints) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).add(hints);
    }

    fn take(&self) -> Hints {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sends what is put into the outbox.
pub(super) async fn run(line: HintLine, outbox: Arc<Outbox>, origin: Origin) {
    let [shortest, longest] = BACK_OFF;
    let mut back_off = shortest;
    loop {
        outbox.filled.notified().await;
        let hints = outbox.take();
        let mut sent = Ok(());
        for text in hints.write(origin) {
            sent = line.send(text).await;
            if sent.is_err() {
                break;
            }
            metrics::counter!("codecourier_node_hints_total", "direction" => "sent").increment(1);
        }
        match sent {
            Ok(()) => back_off = shortest,
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "other nodes could not be told; they sweep meanwhile"
                );
                // What gathers meanwhile goes out with it.
                outbox.add(hints);
                outbox.filled.notify_one();
                tokio::time::sleep(back_off).await;
                back_off = longest.min(back_off * 2);
            }
        }
    }
}
