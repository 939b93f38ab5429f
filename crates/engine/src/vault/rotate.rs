//! Rotation: sealing anew, with the newest master key, whatever an older one sealed.
//!
//! The engine runs it in the background, `codecourier keys rotate` in the foreground. Invariants: every value can be
//! opened at every moment, since old keys stay until it is over; a batch is one transaction, so that a kill at any point
//! leaves values of both keys and nothing else; a value that somebody sets meanwhile wins; what was begun is written
//! down, and the next start of the engine goes on with it.

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use codecourier_domain::time::{Clock, Timestamp};
use codecourier_store::sealed::{Resealed, Sealed, SealedColumn, SealedValue};
use codecourier_store::{Body, Store};

use super::{Vault, VaultError};
use crate::error::{Error, chain};

/// The setting that says which rotation was begun.
const SETTING: &str = "vault.rotation";
/// How many values are sealed anew in one transaction. Small: whoever writes meanwhile waits for no more than that.
const BATCH: u32 = 50;

/// How far a rotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RotationProgress {
    /// Values that this call sealed anew.
    pub resealed: u64,
    /// Values that an older key sealed and that are still to come.
    pub remaining: u64,
    /// Values that cannot be opened: their key is not among those that were given, or they were altered.
    pub unopened: u64,
}

/// A rotation that was begun.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Begun {
    to: String,
    at: Timestamp,
}

/// Seals everything anew, batch by batch, and says after each how far it is. Stops when `tell` says so; called again, it
/// goes on where it was.
pub async fn rotate(
    store: &Store,
    vault: &Vault,
    clock: &dyn Clock,
    mut tell: impl FnMut(RotationProgress) -> ControlFlow<()> + Send,
) -> Result<RotationProgress, Error> {
    let newest = vault.newest_key().to_string();
    note(store, Some(&newest), clock.now()).await?;
    let mut progress = RotationProgress {
        remaining: count(store, &newest).await?,
        ..RotationProgress::default()
    };
    if tell(progress).is_break() {
        return Ok(progress);
    }
    for column in SealedColumn::ALL {
        let mut after = None;
        loop {
            let mut reader = store.read().await?;
            let values = reader
                .sealed_with_other_keys(column, &newest, after.as_ref(), BATCH)
                .await?;
            drop(reader);
            let Some(last) = values.last() else { break };
            after = Some(last.place.clone());
            let batch = u64::try_from(values.len()).unwrap_or(0);
            let (resealed, unopened) = reseal(store, vault, values).await?;
            progress.resealed += resealed;
            progress.unopened += unopened;
            progress.remaining = progress.remaining.saturating_sub(batch);
            if tell(progress).is_break() {
                return Ok(progress);
            }
        }
    }
    // Somebody who has only the old key may have sealed something behind the place where this was.
    progress.remaining = count(store, &newest).await?.saturating_sub(progress.unopened);
    note(store, None, clock.now()).await?;
    tracing::info!(
        resealed = progress.resealed,
        unopened = progress.unopened,
        "sealed every secret with the master key {newest}"
    );
    Ok(progress)
}

/// Whether a rotation to the newest key was begun and did not end.
pub(crate) async fn is_unfinished(store: &Store, vault: &Vault) -> Result<bool, Error> {
    let begun = store.read().await?.setting(SETTING).await?;
    let begun = begun.map(|body| body.read::<Option<Begun>>()).transpose()?.flatten();
    Ok(begun.is_some_and(|begun| begun.to == vault.newest_key().to_string()))
}

/// Says in the log which values cannot be opened because their key was not given: better at the start than at their use.
pub(crate) async fn warn_of_unknown_keys(store: &Store, vault: &Vault) -> Result<(), Error> {
    let newest = vault.newest_key().to_string();
    let mut reader = store.read().await?;
    for column in SealedColumn::ALL {
        let mut after = None;
        let mut unknown = 0_u64;
        loop {
            let values = reader
                .sealed_with_other_keys(column, &newest, after.as_ref(), BATCH)
                .await?;
            let Some(last) = values.last() else { break };
            after = Some(last.place.clone());
            let missing = values.iter().filter(|value| !vault.knows(&value.sealed.key)).count();
            unknown += u64::try_from(missing).unwrap_or(0);
        }
        if unknown > 0 {
            tracing::error!(
                values = unknown,
                table = column.table(),
                "secrets are sealed with a master key that this server was not given: they cannot be used until it is"
            );
        }
    }
    Ok(())
}

/// Seals one batch anew in one transaction. Gives how many values that were, and how many cannot be opened.
async fn reseal(store: &Store, vault: &Vault, values: Vec<SealedValue>) -> Result<(u64, u64), Error> {
    let mut pairs: Vec<(SealedValue, Sealed)> = Vec::new();
    let mut unopened = 0;
    for value in values {
        let again = vault
            .unseal(&value.place, &value.sealed)
            .and_then(|secret| vault.seal(&value.place, &secret));
        match again {
            Ok(sealed) => pairs.push((value, sealed)),
            Err(error @ VaultError::NoRandomness(_)) => return Err(error.into()),
            Err(error) => {
                unopened += 1;
                let place = &value.place;
                tracing::error!(
                    table = place.column.table(),
                    scope = place.scope,
                    row = place.row,
                    "a secret cannot be sealed anew: {}",
                    chain(&error)
                );
            }
        }
    }
    let resealed = store
        .write(move |tx| {
            Box::pin(async move {
                let mut resealed = 0;
                for (old, new) in &pairs {
                    match tx.reseal(old, new).await? {
                        Resealed::Replaced => resealed += 1,
                        Resealed::Changed => {}
                    }
                }
                Ok(resealed)
            })
        })
        .await?;
    Ok((resealed, unopened))
}

async fn count(store: &Store, newest: &str) -> Result<u64, Error> {
    let mut reader = store.read().await?;
    let mut sum = 0;
    for column in SealedColumn::ALL {
        sum += reader.count_sealed_with_other_keys(column, newest).await?;
    }
    Ok(sum)
}

/// Writes down to which key a rotation was begun, or that there is none under way.
async fn note(store: &Store, to: Option<&str>, at: Timestamp) -> Result<(), Error> {
    let begun = to.map(|to| Begun { to: to.to_owned(), at });
    let body = Body::of(&begun)?;
    store
        .write(move |tx| Box::pin(async move { tx.put_setting(SETTING, &body, at).await }))
        .await?;
    Ok(())
}
