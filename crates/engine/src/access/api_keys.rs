//! API keys as credentials: looked up by their hash.
//!
//! Invariants: a key that was revoked, has expired, or was rotated and is over its overlap is refused at its next request,
//! in the words of every other refusal; its use is written down at most once a minute.

use codecourier_identity::secret_token::ApiKeyToken;
use codecourier_store::ledger::TokenHash;

use super::credential::refusal;
use super::{Access, KeyHolder};
use crate::api_keys::is_good;
use crate::error::{Error, chain};

/// Uses are written down this far apart.
const USE_PRECISION: i64 = 60_000;

impl Access {
    /// Whoever holds a key.
    pub(super) async fn api_key(&self, token: &ApiKeyToken) -> Result<KeyHolder, Error> {
        let (store, now) = (&self.engine.store, self.engine.clock.now());
        let hash = TokenHash::from_bytes(token.sha256());
        let found = store.read().await?.api_key_by_token(hash).await?;
        let key = found.filter(|key| is_good(key, now)).ok_or_else(refusal)?;
        let (project, id) = (key.project, key.id);
        if key.last_used_at.is_none_or(|at| now.since(at) >= USE_PRECISION) {
            let noted = store.write(move |tx| Box::pin(async move { tx.note_api_key_used(project, id, now).await }));
            if let Err(error) = noted.await {
                // Reading goes on while the disk is full; the next use is noted again.
                tracing::warn!(key = %id, "the use of an API key was not noted: {}", chain(&error));
            }
        }
        Ok(KeyHolder {
            key: id,
            project,
            permissions: key.permissions,
        })
    }
}
