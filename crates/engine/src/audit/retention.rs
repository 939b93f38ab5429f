//! The end of the audit log: entries that are too old are removed, so that it does not grow without end.
//!
//! A reconciler: takes no input, runs now and then, is idempotent.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Audit;
use crate::Inner;
use crate::error::{Error, chain};

/// How long an entry is kept, in milliseconds: two years and a bit, so that a yearly review finds the whole year before.
const KEPT_FOR: i64 = 800 * 24 * 60 * 60 * 1000;
const PERIOD: Duration = Duration::from_secs(60 * 60);
/// No transaction removes more than that, so that nobody's write waits long for it.
const AT_ONCE: u32 = 500;

/// Removes what is too old, every hour until told to stop.
pub(crate) async fn run(engine: Arc<Inner>, stop: CancellationToken) {
    let audit = Audit { engine };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        match audit.trim().await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(entries = removed, "old entries of the audit log were removed"),
            Err(error) => tracing::warn!(
                "old entries of the audit log stay until the next round: {}",
                chain(&error)
            ),
        }
    }
}

impl Audit {
    /// Removes the entries that are too old, and says how many they were.
    pub async fn trim(&self) -> Result<u64, Error> {
        let before = self.engine.clock.now().plus_milliseconds(-KEPT_FOR);
        let mut removed = 0;
        loop {
            let trim = self
                .engine
                .store
                .write(move |tx| Box::pin(async move { tx.trim_audit(before, AT_ONCE).await }));
            match trim.await? {
                0 => return Ok(removed),
                some => removed += some,
            }
        }
    }
}
