//! Keys of projects for the API.
//!
//! Called by the engine. Invariants: the token is here as its SHA-256 only; a key's project never changes; one that was
//! revoked stays so. [`Reader::api_key_by_token`] is the one question without a project: it finds out which it is.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::{ApiKeyId, ProjectId};
use codecourier_domain::permission::Permission;
use codecourier_domain::time::Timestamp;

use crate::error::{Error, Result};
use crate::ledger::TokenHash;
use crate::page::{Page, PageCursor};
use crate::read::Reader;
use crate::sql::{Row, sql};
use crate::writer::Tx;

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its identifier.
    pub id: ApiKeyId,
    /// The only project it opens.
    pub project: ProjectId,
    /// The beginning of the token, by which people recognise it.
    pub display_prefix: String,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: Actor,
    /// From when on it is worth nothing.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// What it was rotated to.
    pub replaced_by: Option<ApiKeyId>,
    /// From when on it is worth nothing because it was rotated.
    pub retires_at: Option<Timestamp>,
}

/// Which keys of a project, and how many.
#[derive(Debug, Clone, Copy)]
pub struct ApiKeyList {
    /// Where the page before ended.
    pub after: Option<PageCursor<ApiKeyId>>,
    /// How many to give at most.
    pub limit: u32,
}

/// The columns that [`api_key`] reads, and the rest of the statement.
macro_rules! select_api_key {
    ($rest:literal) => {
        concat!(
            "SELECT id, project, display_prefix, name, permissions, created_at, created_by, expires_at, last_used_at, \
             revoked_at, replaced_by, retires_at FROM api_key ",
            $rest
        )
    };
}

impl Tx {
    /// Adds a key with the hash of its token.
    pub async fn insert_api_key(&mut self, key: &ApiKey, token: TokenHash) -> Result<()> {
        let statement = sql(
            "INSERT INTO api_key (id, project, token_sha256, display_prefix, name, permissions, created_at, created_by, \
             expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(key.id)
        .bind(key.project)
        .bind(token.text())
        .bind(key.display_prefix.as_str())
        .bind(key.name.as_str())
        .bind(words_of(&key.permissions))
        .bind(key.created_at)
        .bind(key.created_by.to_string())
        .bind(key.expires_at);
        self.execute("insert an API key", statement).await.map(drop)
    }

    /// Makes a key worthless. Fails with [`Error::NotFound`] if it is not there or was revoked before.
    pub async fn revoke_api_key(&mut self, project: ProjectId, id: ApiKeyId, at: Timestamp) -> Result<()> {
        let statement = sql("UPDATE api_key SET revoked_at = $3 WHERE project = $1 AND id = $2 AND revoked_at IS NULL");
        let statement = statement.bind(project).bind(id).bind(at);
        match self.execute("revoke an API key", statement).await? {
            0 => Err(Error::NotFound { entity: "API key" }),
            _ => Ok(()),
        }
    }

    /// Notes what a key was rotated to, and until when the old one is good. Fails with [`Error::Stale`] if it was rotated
    /// or revoked before.
    pub async fn retire_api_key(
        &mut self,
        project: ProjectId,
        id: ApiKeyId,
        replaced_by: ApiKeyId,
        retires_at: Timestamp,
    ) -> Result<()> {
        let statement = sql("UPDATE api_key SET replaced_by = $3, retires_at = $4 \
             WHERE project = $1 AND id = $2 AND revoked_at IS NULL AND replaced_by IS NULL \
             AND EXISTS (SELECT 1 FROM api_key n WHERE n.project = $1 AND n.id = $3)")
        .bind(project)
        .bind(id)
        .bind(replaced_by)
        .bind(retires_at);
        match self.execute("retire an API key", statement).await? {
            0 => Err(Error::Stale { entity: "API key" }),
            _ => Ok(()),
        }
    }

    /// Notes that a key was used. A later use that is known stays.
    pub async fn note_api_key_used(&mut self, project: ProjectId, id: ApiKeyId, at: Timestamp) -> Result<()> {
        let statement = sql("UPDATE api_key SET last_used_at = $3 WHERE project = $1 AND id = $2 \
             AND (last_used_at IS NULL OR last_used_at < $3)");
        let statement = statement.bind(project).bind(id).bind(at);
        self.execute("note the use of an API key", statement).await.map(drop)
    }
}

impl Reader<'_> {
    /// One key.
    pub async fn api_key(&mut self, project: ProjectId, id: ApiKeyId) -> Result<Option<ApiKey>> {
        let statement = sql(select_api_key!("WHERE project = $1 AND id = $2"));
        self.fetch_optional("read an API key", statement.bind(project).bind(id))
            .await?
            .map(|row| api_key(&row))
            .transpose()
    }

    /// The key that a token is, of whatever project, worth something or not.
    pub async fn api_key_by_token(&mut self, token: TokenHash) -> Result<Option<ApiKey>> {
        let statement = sql(select_api_key!("WHERE token_sha256 = $1"));
        self.fetch_optional("look up an API key", statement.bind(token.text()))
            .await?
            .map(|row| api_key(&row))
            .transpose()
    }

    /// The keys of a project, newest first, those that are worth nothing any more among them.
    pub async fn api_keys(&mut self, project: ProjectId, list: ApiKeyList) -> Result<Page<ApiKey, ApiKeyId>> {
        let (at, id) = list.after.map_or((Timestamp(i64::MAX), String::new()), |after| {
            (after.at, after.id.to_string())
        });
        let statement = sql(select_api_key!(
            "WHERE project = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4"
        ))
        .bind(project)
        .bind(at)
        .bind(id)
        .bind(i64::from(list.limit) + 1);
        let rows = self.fetch_all("list the API keys", statement).await?;
        let keys = rows.iter().map(api_key).collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(keys, list.limit, |key| PageCursor {
            at: key.created_at,
            id: key.id,
        }))
    }

    /// How many keys of a project may still be worth something.
    pub async fn count_api_keys(&mut self, project: ProjectId, now: Timestamp) -> Result<u64> {
        let statement = sql(
            "SELECT count(*) FROM api_key WHERE project = $1 AND revoked_at IS NULL \
             AND (expires_at IS NULL OR expires_at > $2) AND (retires_at IS NULL OR retires_at > $2)",
        );
        self.fetch_optional("count the API keys", statement.bind(project).bind(now))
            .await?
            .map_or(Ok(0), |row| row.count(0))
    }
}

fn words_of(permissions: &[Permission]) -> String {
    let words: Vec<String> = permissions.iter().map(ToString::to_string).collect();
    words.join(" ")
}

fn api_key(row: &Row) -> Result<ApiKey> {
    let permissions = row.text(4)?;
    let permissions = permissions
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<Vec<_>, _>>();
    Ok(ApiKey {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        display_prefix: row.text(2)?,
        name: row.text(3)?,
        permissions: permissions.map_err(|source| row.corrupt(4, source))?,
        created_at: row.time(5)?,
        created_by: row.parsed(6)?,
        expires_at: row.optional_time(7)?,
        last_used_at: row.optional_time(8)?,
        revoked_at: row.optional_time(9)?,
        replaced_by: row.optional_parsed(10)?,
        retires_at: row.optional_time(11)?,
    })
}
