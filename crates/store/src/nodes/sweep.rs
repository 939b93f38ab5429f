//! The sweep: finds what no hint told of.
//!
//! Invariants: one query for all scopes and one for all runs that are followed, however many; seldom while hints come,
//! often while they do not.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Ears, SweepPace};
use crate::changes::Scope;
use crate::error::Result;
use crate::read::Reader;

/// Sweeps, now and then and whenever asked to.
pub(super) async fn run(ears: Arc<Ears>, pace: SweepPace) {
    let mut pause = pace.wary;
    let mut found_before = false;
    loop {
        let asked = tokio::select! {
            () = ears.sweep_now.notified() => true,
            () = tokio::time::sleep(pause) => false,
        };
        let listening = ears.listening.load(Ordering::SeqCst);
        let found = match sweep(&ears).await {
            Ok(found) => found > 0,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the sweep could not read");
                pause = pace.wary;
                continue;
            }
        };
        if asked || !listening {
            // Workers may have missed something too.
            wake_workers(&ears).await;
        }
        if found && !asked && listening {
            metrics::counter!("codecourier_node_lost_hints_total").increment(1);
            if found_before {
                // A connection that is up and says nothing: it is not, only nobody was told.
                ears.listen_anew.notify_one();
            }
        }
        found_before = found;
        pause = match (listening, found) {
            (false, _) => pace.deaf,
            (true, true) => pace.wary,
            (true, false) => pace.calm.min(pause * 2),
        };
    }
}

/// Wakes the workers if there is something for them. What cannot be read now, they find by themselves in a while.
async fn wake_workers(ears: &Ears) {
    let waiting = async { Reader::pooled(ears.database.acquire().await?).has_ready_tasks().await };
    if waiting.await.unwrap_or(false) {
        ears.watchers.wake_workers();
    }
}

/// Wakes the followers of whatever has grown. Gives how much had.
async fn sweep(ears: &Ears) -> Result<usize> {
    ears.access.hear(&ears.database, &ears.watchers).await?;
    let (scopes, runs) = (ears.watchers.changes.followed(), ears.watchers.events.followed());
    if scopes.is_empty() && runs.is_empty() {
        return Ok(0);
    }
    let mut reader = Reader::pooled(ears.database.acquire().await?);
    let mut found = 0;
    let scopes: Vec<Scope> = scopes.into_iter().filter(|scope| *scope != Scope::Access).collect();
    for (scope, head) in reader.change_heads(&scopes).await? {
        found += usize::from(ears.watchers.changes.grown(&scope, head));
    }
    for (run, head) in reader.event_heads(&runs).await? {
        found += usize::from(ears.watchers.events.grown(&run, head));
    }
    Ok(found)
}
