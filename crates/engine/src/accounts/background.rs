//! The sweeping of what has ended: sessions, links, throttles. Takes no input, runs on a period, and may run twice.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Inner;
use crate::error::{Error, chain};

/// How often it sweeps.
const PERIOD: Duration = Duration::from_secs(10 * 60);
/// How much it removes in one command, so that others get their turn between.
const AT_ONCE: u32 = 500;
/// The most throttles that are kept: some ten megabytes, which nobody needs but an attacker with a great many addresses.
const MOST_THROTTLES: u32 = 100_000;

/// Sweeps until it is told to stop.
pub(crate) async fn sweep(engine: Arc<Inner>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = sweep_once(&engine).await {
            tracing::warn!(error = chain(&error), "ended sessions were not swept");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn sweep_once(engine: &Inner) -> Result<(), Error> {
    let now = engine.clock.now();
    loop {
        let swept = engine.store.write(move |tx| {
            Box::pin(async move {
                let ended = tx.sweep_accounts(now, AT_ONCE).await?;
                Ok(ended + tx.trim_throttles(MOST_THROTTLES, AT_ONCE).await?)
            })
        });
        if swept.await? == 0 {
            return Ok(());
        }
    }
}
