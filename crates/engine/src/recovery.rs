//! What a start does about the past: leases of the dead are void, their open reservations are settled, and sandboxes
//! that belong to no step under way are reaped.
//!
//! Invariant: all of it is idempotent, and nothing of it is needed for correctness but soon: leases would end by
//! themselves. Only the owner of the data directory's lock may call it. What other nodes on the same
//! database hold is left to them.

use std::collections::HashSet;

use codecourier_domain::id::SandboxId;
use codecourier_store::runs::RunSummary;

use crate::error::{Error, chain};
use crate::{Engine, Inner};

/// What a start found.
#[derive(Debug, Clone, Default)]
pub struct Recovered {
    /// Runs that had not ended. They go on by themselves.
    pub runs: Vec<RunSummary>,
    /// Tasks that were taken back from dead workers.
    pub tasks: u64,
    /// Sandboxes that nobody needed any more.
    pub reaped: usize,
}

impl Engine {
    /// Takes up what earlier starts left.
    pub(crate) async fn recover(inner: &Inner) -> Result<Recovered, Error> {
        let (boot, node) = (inner.boot, inner.node.clone());
        let now = inner.clock.now();
        let voided = inner
            .store
            .write(move |tx| {
                Box::pin(async move {
                    tx.void_mail_holds(boot, &node).await?;
                    tx.void_leases(boot, &node).await
                })
            })
            .await?;
        release_reservations(inner).await?;

        let mut reader = inner.store.read().await?;
        let runs = reader.unfinished_runs().await?;
        let needed: HashSet<SandboxId> = reader
            .steps_with_sandbox()
            .await?
            .into_iter()
            .filter_map(|step| step.sandbox)
            .collect();
        drop(reader);
        let mut reaped = 0;
        match inner.backend.list().await {
            Ok(present) => {
                for sandbox in present.into_iter().filter(|sandbox| !needed.contains(sandbox)) {
                    match inner.backend.destroy(&sandbox).await {
                        Ok(_) => reaped += 1,
                        Err(error) => tracing::warn!(%sandbox, "could not be reaped: {}", chain(&error)),
                    }
                }
            }
            Err(error) => tracing::warn!("sandboxes could not be listed: {}", chain(&error)),
        }
        tracing::debug!(
            at = now.milliseconds(),
            tasks = voided.0,
            runs = runs.len(),
            reaped,
            "recovered"
        );
        Ok(Recovered {
            runs,
            tasks: voided.0,
            reaped,
        })
    }
}

/// Reservations whose requests died with their server: the answer was never seen whole, so nobody knows the price.
/// They are booked as nothing spent and said so in the log; the provider's own bill is the truth for them.
async fn release_reservations(inner: &Inner) -> Result<(), Error> {
    let stale = inner
        .store
        .read()
        .await?
        .reservations_of_other_boots(inner.boot, &inner.node)
        .await?;
    if stale.is_empty() {
        return Ok(());
    }
    for held in &stale {
        tracing::warn!(run = %held.run, request = held.request, "a request died with its server; its price is not known");
    }
    let now = inner.clock.now();
    inner
        .store
        .write(move |tx| {
            Box::pin(async move {
                for held in stale {
                    tx.release(held.project, &held.request, now).await?;
                }
                Ok(())
            })
        })
        .await?;
    Ok(())
}
