//! Listing, setting and removing provider keys.

use std::ops::RangeInclusive;

use codecourier_domain::id::ProjectId;
use codecourier_domain::provider::Provider;
use codecourier_domain::time::Timestamp;
use codecourier_store::Error as StoreError;
use codecourier_store::changes::ChangeOp;
use codecourier_store::provider_keys::ProviderKey;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{ProviderKeyView, ProviderKeys, place_of};
use crate::access::ProjectGrant;
use crate::error::Error;
use crate::runs::live::Notice;
use crate::runs::other_key::{OtherKey, wake};
use crate::settings::OnRecord;

/// How long keys are, in bytes. So long that four characters of one give nothing away.
const KEY_BYTES: RangeInclusive<usize> = 16..=4096;

impl ProviderKeys {
    /// The keys of a project, by service.
    pub async fn list(&self, grant: &ProjectGrant) -> Result<Vec<ProviderKeyView>, Error> {
        let keys = self.engine.store.read().await?.provider_keys(grant.project).await?;
        Ok(keys.into_iter().map(ProviderKeyView::from).collect())
    }

    /// Sets the key for a service, in the place of another if there is one. Runs that wait for the limit of that one go on
    /// with this one.
    pub async fn set(
        &self,
        grant: &ProjectGrant,
        provider: Provider,
        key: SecretString,
    ) -> Result<ProviderKeyView, Error> {
        check_shape(key.expose_secret())?;
        let (project, at) = (grant.project, self.engine.clock.now());
        let length = key.expose_secret().len();
        let stored = ProviderKey {
            project,
            provider,
            sealed: self.engine.vault.seal(&place_of(project, provider), &key)?,
            last_four: key.expose_secret()[length - 4..].to_owned(),
            set_at: at,
            set_by: grant.actor,
            last_used_at: None,
        };
        let view = ProviderKeyView::from(stored.clone());
        let detail = json!({ "provider": provider, "lastFour": stored.last_four });
        let record = on_record(grant, provider, at, (ChangeOp::Put, "provider_key.set"), detail);
        let (of_models, actor) = (provider.of_models(), grant.actor.to_string());
        let set = self.engine.store.write(move |tx| {
            Box::pin(async move {
                tx.put_provider_key(&stored).await?;
                record.write(tx).await?;
                let Some(provider) = of_models else {
                    return Ok(Vec::new());
                };
                let key = OtherKey {
                    provider,
                    last_four: &stored.last_four,
                    actor: &actor,
                    at,
                };
                wake(tx, project, key).await
            })
        });
        for run in set.await? {
            self.engine.live.tell(run, Notice::Changed);
        }
        Ok(view)
    }

    /// Removes the key for a service. Requests that are under way end as they would have.
    pub async fn remove(&self, grant: &ProjectGrant, provider: Provider) -> Result<(), Error> {
        let (project, at) = (grant.project, self.engine.clock.now());
        let detail = json!({ "provider": provider });
        let record = on_record(grant, provider, at, (ChangeOp::Delete, "provider_key.remove"), detail);
        let removed = self.engine.store.write(move |tx| {
            Box::pin(async move {
                tx.delete_provider_key(project, provider).await?;
                record.write(tx).await
            })
        });
        match removed.await {
            Err(StoreError::NotFound { .. }) => Err(no_such_key(provider)),
            other => Ok(other?),
        }
    }

    /// The key itself, for its own service.
    pub(super) async fn open(&self, project: ProjectId, provider: Provider) -> Result<SecretString, Error> {
        let stored = self.engine.store.read().await?.provider_key(project, provider).await?;
        let stored = stored.ok_or_else(|| no_such_key(provider))?;
        Ok(self.engine.vault.unseal(&place_of(project, provider), &stored.sealed)?)
    }
}

fn check_shape(key: &str) -> Result<(), Error> {
    if KEY_BYTES.contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let message = format!(
        "A key has {} to {} visible ASCII characters and no spaces. Copy it again from the provider's page.",
        KEY_BYTES.start(),
        KEY_BYTES.end()
    );
    Err(Error::validation(message).of_field("key"))
}

fn on_record(
    grant: &ProjectGrant,
    provider: Provider,
    at: Timestamp,
    done: (ChangeOp, &'static str),
    detail: serde_json::Value,
) -> OnRecord {
    OnRecord::new(grant, at, ("provider_key", provider.to_string()), done, detail)
}

fn no_such_key(provider: Provider) -> Error {
    Error::not_found(format!("This project has no key for `{provider}`."))
}
