//! Keys as the gateway asks for them: the project's own, or else the server's.
//!
//! Invariants: the key is looked up at every request, so that one that was replaced or removed is used no more; its use is
//! written down at most once a minute, and a failure to do so holds nothing up.

use std::sync::Arc;

use async_trait::async_trait;
use codecourier_domain::id::ProjectId;
use codecourier_domain::provider::Provider;
use codecourier_domain::time::Clock;
use codecourier_gateway::{KeyRefused, KeySource, Provider as Spoken, ProviderKey, StepGrant};
use codecourier_store::changes::{ChangeFeed, FollowedChange, Scope};
use codecourier_store::{Result as StoreResult, Store};
use futures::future::{BoxFuture, pending};
use secrecy::SecretString;

use super::place_of;
use crate::error::chain;
use crate::vault::Vault;

/// Uses are written down this far apart.
const USE_PRECISION: i64 = 60_000;

/// The keys of projects, with another source for those that have none.
#[derive(Clone)]
pub(crate) struct ProjectKeys {
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<dyn Clock>,
    /// Whose keys pay for projects that have none: the server's own, if it has one.
    pub(crate) otherwise: Arc<dyn KeySource>,
}

#[async_trait]
impl KeySource for ProjectKeys {
    async fn key(&self, grant: &StepGrant) -> Result<ProviderKey, KeyRefused> {
        let provider = stored_for(grant.provider);
        match self.own(grant.project, provider).await? {
            Some(key) => Ok(ProviderKey::ApiKey(key)),
            None => self.otherwise.key(grant).await,
        }
    }

    async fn watch(&self, grant: &StepGrant) -> BoxFuture<'static, ()> {
        let scope = Scope::Project(grant.project);
        let head = match self.store.read().await {
            Ok(mut reader) => reader.change_head(scope).await,
            Err(error) => Err(error),
        };
        let provider = stored_for(grant.provider).to_string();
        let feed = head.map(|head| self.store.follow_changes(scope, head));
        Box::pin(async move {
            if let Err(error) = key_changed(feed, &provider).await {
                // The limit's own end is waited for all the same.
                tracing::warn!("nobody is told when a provider key is set: {}", chain(&error));
                pending::<()>().await;
            }
        })
    }
}

/// Waits for a change of the key of this provider.
async fn key_changed(feed: StoreResult<ChangeFeed>, provider: &str) -> StoreResult<()> {
    let mut feed = feed?;
    loop {
        match feed.next().await? {
            FollowedChange::Change(change) if change.kind == "provider_key" && change.id == provider => return Ok(()),
            FollowedChange::Change(_) => {}
            // What nobody can read any more may have been one.
            FollowedChange::Reset { .. } => return Ok(()),
        }
    }
}

/// Under which name the keys that a provider takes are kept.
const fn stored_for(provider: Spoken) -> Provider {
    match provider {
        Spoken::Anthropic => Provider::Anthropic,
        Spoken::Openai => Provider::Openai,
        Spoken::Openrouter => Provider::Openrouter,
    }
}

impl ProjectKeys {
    async fn own(&self, project: ProjectId, provider: Provider) -> Result<Option<SecretString>, KeyRefused> {
        let failed = |error: codecourier_store::Error| KeyRefused::LookUpFailed(Box::new(error));
        let mut reader = self.store.read().await.map_err(failed)?;
        let found = reader.provider_key(project, provider).await.map_err(failed)?;
        drop(reader);
        let Some(found) = found else { return Ok(None) };
        let key = self
            .vault
            .unseal(&place_of(project, provider), &found.sealed)
            .map_err(|error| KeyRefused::LookUpFailed(Box::new(error)))?;
        let now = self.clock.now();
        if found.last_used_at.is_none_or(|at| now.since(at) >= USE_PRECISION) {
            let noted = self
                .store
                .write(move |tx| Box::pin(async move { tx.note_provider_key_used(project, provider, now).await }));
            if let Err(error) = noted.await {
                tracing::warn!(%project, %provider, "the use of a provider key was not noted: {}", chain(&error));
            }
        }
        Ok(Some(key))
    }
}
