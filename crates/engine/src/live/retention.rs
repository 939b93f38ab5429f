//! The end of the change log: old changes are removed, scope by scope, so that the log does not grow without end.
//!
//! A reconciler: takes no input, runs now and then, is idempotent. Whoever comes back with a cursor from before the end
//! is told to start over. Invariant: no transaction removes more than a page, so nobody's write waits long for it.

use std::sync::Arc;
use std::time::Duration;

use codecourier_domain::time::Timestamp;
use codecourier_store::changes::ScopeExtent;
use tokio_util::sync::CancellationToken;

use crate::Inner;
use crate::error::{Error, chain};

/// How long a change is kept at least, unless there are too many: a client that was away that long resumes.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many changes of a scope are kept at most.
const KEPT: u64 = 100_000;
const PERIOD: Duration = Duration::from_secs(60 * 60);
const PAGE: u32 = 500;

/// What a round of retention did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// How many scopes there are.
    pub scopes: u64,
    /// How many changes were removed.
    pub changes: u64,
}

/// Removes what is too old, every hour until told to stop.
pub(crate) async fn run(engine: Arc<Inner>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        match remove(&engine, KEPT_FOR, KEPT).await {
            Ok(Removed { changes: 0, .. }) => {}
            Ok(removed) => tracing::info!(changes = removed.changes, "old changes were removed"),
            Err(error) => tracing::warn!("old changes stay until the next round: {}", chain(&error)),
        }
    }
}

/// Removes changes that are older than `kept_for`, and the oldest of a scope that has more than `kept`.
pub(super) async fn remove(engine: &Inner, kept_for: Duration, kept: u64) -> Result<Removed, Error> {
    let age = i64::try_from(kept_for.as_millis()).unwrap_or(i64::MAX);
    let too_old = engine.clock.now().plus_milliseconds(-age);
    let mut removed = Removed::default();
    let mut after = None;
    loop {
        let scopes = engine.store.read().await?.scopes_with_changes(after, PAGE).await?;
        let Some(last) = scopes.last() else {
            return Ok(removed);
        };
        after = Some(last.scope);
        for extent in scopes {
            removed.scopes += 1;
            removed.changes += remove_of(engine, extent, too_old, kept).await?;
        }
    }
}

async fn remove_of(engine: &Inner, extent: ScopeExtent, too_old: Timestamp, kept: u64) -> Result<u64, Error> {
    let scope = extent.scope;
    let too_many = extent.head.saturating_sub(kept);
    let mut removed = 0;
    if extent.head == extent.trimmed {
        return Ok(0);
    }
    loop {
        let oldest = engine.store.read().await?.oldest_changes(scope, PAGE).await?;
        let through = oldest
            .iter()
            .take_while(|(seq, at)| *seq <= too_many || *at < too_old)
            .last();
        let Some(&(through, _)) = through else {
            return Ok(removed);
        };
        let remove = engine
            .store
            .write(move |tx| Box::pin(async move { tx.trim_changes(scope, through).await }));
        removed += remove.await?;
    }
}
