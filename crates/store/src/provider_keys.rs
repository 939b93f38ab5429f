//! Keys of outside services, one per project and provider.
//!
//! Called by the engine. Invariant: the key itself is here as ciphertext only; of its text, the last four characters are
//! kept, by which people recognise it.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::ProjectId;
use codecourier_domain::provider::Provider;
use codecourier_domain::time::Timestamp;

use crate::error::{Error, Result};
use crate::read::Reader;
use crate::sealed::{Sealed, sealed};
use crate::sql::{Row, sql};
use crate::writer::Tx;

/// A provider key, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderKey {
    /// Whose.
    pub project: ProjectId,
    /// Of which service.
    pub provider: Provider,
    /// The key, as ciphertext.
    pub sealed: Sealed,
    /// Its last four characters.
    pub last_four: String,
    /// When it was set.
    pub set_at: Timestamp,
    /// By whom.
    pub set_by: Actor,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// The columns that [`provider_key`] reads, and the rest of the statement.
macro_rules! select_provider_key {
    ($rest:literal) => {
        concat!(
            "SELECT project, provider, last_four, set_at, set_by, last_used_at, sealed, sealed_with FROM provider_key ",
            $rest
        )
    };
}

impl Tx {
    /// Sets a key, new or in the place of another.
    pub async fn put_provider_key(&mut self, key: &ProviderKey) -> Result<()> {
        let statement = sql(
            "INSERT INTO provider_key (project, provider, last_four, set_at, set_by, last_used_at, sealed, sealed_with) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (project, provider) DO UPDATE SET \
             last_four = excluded.last_four, set_at = excluded.set_at, set_by = excluded.set_by, \
             last_used_at = excluded.last_used_at, sealed = excluded.sealed, sealed_with = excluded.sealed_with",
        )
        .bind(key.project)
        .bind(key.provider.as_str())
        .bind(key.last_four.as_str())
        .bind(key.set_at)
        .bind(key.set_by.to_string())
        .bind(key.last_used_at)
        .bind(key.sealed.envelope.as_str())
        .bind(key.sealed.key.as_str());
        self.execute("set a provider key", statement).await.map(drop)
    }

    /// Removes a key.
    pub async fn delete_provider_key(&mut self, project: ProjectId, provider: Provider) -> Result<()> {
        let statement = sql("DELETE FROM provider_key WHERE project = $1 AND provider = $2");
        let statement = statement.bind(project).bind(provider.as_str());
        match self.execute("delete a provider key", statement).await? {
            0 => Err(Error::NotFound { entity: "provider key" }),
            _ => Ok(()),
        }
    }

    /// Notes that a key was used. A key that is gone is no failure, nor is a later use that is known.
    pub async fn note_provider_key_used(
        &mut self,
        project: ProjectId,
        provider: Provider,
        at: Timestamp,
    ) -> Result<()> {
        let statement = sql(
            "UPDATE provider_key SET last_used_at = $3 WHERE project = $1 AND provider = $2 \
             AND (last_used_at IS NULL OR last_used_at < $3)",
        );
        let statement = statement.bind(project).bind(provider.as_str()).bind(at);
        self.execute("note the use of a provider key", statement)
            .await
            .map(drop)
    }
}

impl Reader<'_> {
    /// The key of a project for a service.
    pub async fn provider_key(&mut self, project: ProjectId, provider: Provider) -> Result<Option<ProviderKey>> {
        let statement = sql(select_provider_key!("WHERE project = $1 AND provider = $2"));
        self.fetch_optional("read a provider key", statement.bind(project).bind(provider.as_str()))
            .await?
            .map(|row| provider_key(&row))
            .transpose()
    }

    /// The keys of a project, by service.
    pub async fn provider_keys(&mut self, project: ProjectId) -> Result<Vec<ProviderKey>> {
        let statement = sql(select_provider_key!("WHERE project = $1 ORDER BY provider"));
        self.fetch_all("list the provider keys", statement.bind(project))
            .await?
            .iter()
            .map(provider_key)
            .collect()
    }
}

fn provider_key(row: &Row) -> Result<ProviderKey> {
    Ok(ProviderKey {
        project: row.parsed(0)?,
        provider: row.parsed(1)?,
        last_four: row.text(2)?,
        set_at: row.time(3)?,
        set_by: row.parsed(4)?,
        last_used_at: row.optional_time(5)?,
        sealed: sealed(row, 6)?,
    })
}
