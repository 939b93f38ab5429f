//! Listening to other nodes: what they tell wakes whoever follows it here.
//!
//! Invariant: after every new connection, and not before it listens, everything that is followed is swept once: what was
//! told while nobody listened is found by that.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Ears;
use super::hint::{Hints, Origin};
use crate::changes::Scope;
use crate::sql::hints::{HintLine, HintListener};

/// How long to wait before the next connection, at first and at last.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(5)];

/// Listens, on one connection after the other.
pub(super) async fn run(line: HintLine, ears: Arc<Ears>, own: Origin) {
    let [shortest, longest] = BACK_OFF;
    let mut back_off = shortest;
    loop {
        match line.listen().await {
            Ok(listener) => {
                back_off = shortest;
                ears.set_listening(true);
                ears.sweep_now.notify_one();
                tokio::select! {
                    () = hear(listener, &ears, own) => {}
                    () = ears.listen_anew.notified() => tracing::debug!("hints of other nodes were lost; listening anew"),
                }
                ears.set_listening(false);
                // Until it listens again, the sweep is what finds things.
                ears.sweep_now.notify_one();
            }
            Err(error) => {
                if ears.listening.load(Ordering::SeqCst) {
                    ears.set_listening(false);
                }
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "other nodes are not heard; what they do shows with a delay"
                );
            }
        }
        tokio::time::sleep(back_off).await;
        back_off = longest.min(back_off * 2);
    }
}

/// Hears until the connection is lost.
async fn hear(mut listener: HintListener, ears: &Ears, own: Origin) {
    loop {
        let text = match listener.next().await {
            Ok(text) => text,
            Err(error) => {
                tracing::info!(
                    error = &error as &dyn std::error::Error,
                    "the connection to hear other nodes by was lost"
                );
                return;
            }
        };
        let Some((origin, hints)) = Hints::read(&text) else {
            continue;
        };
        if origin == own {
            continue;
        }
        metrics::counter!("codecourier_node_hints_total", "direction" => "heard").increment(1);
        heed(ears, hints).await;
    }
}

async fn heed(ears: &Ears, hints: Hints) {
    if hints.changes.contains_key(&Scope::Access)
        && let Err(error) = ears.access.hear(&ears.database, &ears.watchers).await
    {
        // Whoever reads anything on behalf of others asks again before it is told.
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "the log of access could not be read"
        );
        ears.sweep_now.notify_one();
    }
    ears.watchers.hear(&hints);
}
