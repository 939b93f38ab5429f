//! Making, rotating and revoking API keys.

use std::ops::RangeInclusive;
use std::time::Duration;

use codecourier_domain::actor::Actor;
use codecourier_domain::id::ApiKeyId;
use codecourier_domain::permission::Permission;
use codecourier_domain::text::DisplayName;
use codecourier_domain::time::Timestamp;
use codecourier_identity::secret_token::ApiKeyToken;
use codecourier_store::Error as StoreError;
use codecourier_store::api_keys::ApiKey;
use codecourier_store::changes::ChangeOp;
use codecourier_store::ledger::TokenHash;
use serde_json::json;

use super::{ApiKeyView, ApiKeys, is_good};
use crate::access::ProjectGrant;
use crate::error::{Error, ErrorCode};
use crate::random::uuid_v7;
use crate::settings::OnRecord;

/// The longest that a rotated key and its successor are both good.
pub const MAX_OVERLAP: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The most keys of a project that are worth something.
const MAX_KEYS: u64 = 100;
/// How long a key with an end can live, in seconds: a minute to ten years, beyond which no end was meant.
const LIFETIMES: RangeInclusive<u64> = 60..=10 * 365 * 24 * 60 * 60;

/// A key to make.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What people call it.
    pub name: DisplayName,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// For how long it is worth something; without an end when absent.
    pub lifetime: Option<Duration>,
}

/// A key that was made, with its token: the only time that anybody sees it.
#[derive(Debug)]
pub struct CreatedApiKey {
    /// The key.
    pub key: ApiKeyView,
    /// The token.
    pub token: ApiKeyToken,
}

impl ApiKeys {
    /// Makes a key.
    pub async fn create(&self, grant: &ProjectGrant, new: NewApiKey) -> Result<CreatedApiKey, Error> {
        let now = self.engine.clock.now();
        let NewApiKey {
            name,
            mut permissions,
            lifetime,
        } = new;
        permissions.sort();
        permissions.dedup();
        if permissions.is_empty() {
            return Err(Error::validation("A key without scopes opens nothing. Name some.").of_field("permissions"));
        }
        if lifetime.is_some_and(|lifetime| !LIFETIMES.contains(&lifetime.as_secs())) {
            let message =
                "A key with an end lives for a minute to ten years. Leave the end out for a key that has none.";
            return Err(Error::validation(message).of_field("expiresInSeconds"));
        }
        let expires_at = lifetime.map(|lifetime| later(now, lifetime));
        self.refuse_more_than_own(grant, &permissions).await?;
        let (key, token) = mint(grant, name.into(), permissions, expires_at, now)?;
        let detail = json!({
            "name": key.name,
            "permissions": key.permissions,
            "expiresAt": key.expires_at,
            "displayPrefix": key.display_prefix,
        });
        let record = on_record(grant, key.id, now, "api_key.create", detail);
        let (project, written, hash) = (grant.project, key.clone(), TokenHash::from_bytes(token.sha256()));
        let made = self.engine.store.write(move |tx| {
            Box::pin(async move {
                if tx.read().count_api_keys(project, now).await? >= MAX_KEYS {
                    return Ok(Err(too_many()));
                }
                tx.insert_api_key(&written, hash).await?;
                record.write(tx).await?;
                Ok(Ok(()))
            })
        });
        made.await??;
        Ok(CreatedApiKey {
            key: ApiKeyView::at(key, now),
            token,
        })
    }

    /// Makes a key that takes another's place: same name, same scopes, as long a life. The old one stays good for the
    /// overlap.
    pub async fn rotate(&self, grant: &ProjectGrant, id: ApiKeyId, overlap: Duration) -> Result<CreatedApiKey, Error> {
        if overlap > MAX_OVERLAP {
            let message = "Both keys are good for seven days at the most.";
            return Err(Error::validation(message).of_field("overlapSeconds"));
        }
        let (project, now) = (grant.project, self.engine.clock.now());
        let old = self.engine.store.read().await?.api_key(project, id).await?;
        let old = old.ok_or_else(no_such_key)?;
        if !is_good(&old, now) || old.replaced_by.is_some() {
            return Err(cannot_rotate());
        }
        self.refuse_more_than_own(grant, &old.permissions).await?;
        let expires_at = old.expires_at.map(|at| now.plus_milliseconds(at.since(old.created_at)));
        let (key, token) = mint(grant, old.name.clone(), old.permissions.clone(), expires_at, now)?;
        let retires_at = later(now, overlap);
        let detail = json!({
            "name": key.name,
            "replacedBy": key.id,
            "retiresAt": retires_at,
            "displayPrefix": key.display_prefix,
        });
        let told_of_old = on_record(grant, id, now, "api_key.rotate", detail);
        let told_of_new = on_record(grant, key.id, now, "api_key.create", json!({ "rotatedFrom": id }));
        let (written, hash) = (key.clone(), TokenHash::from_bytes(token.sha256()));
        let rotated = self.engine.store.write(move |tx| {
            Box::pin(async move {
                tx.insert_api_key(&written, hash).await?;
                tx.retire_api_key(project, id, written.id, retires_at).await?;
                told_of_new.write(tx).await?;
                told_of_old.write(tx).await
            })
        });
        match rotated.await {
            Ok(()) => Ok(CreatedApiKey {
                key: ApiKeyView::at(key, now),
                token,
            }),
            Err(StoreError::Stale { .. }) => Err(cannot_rotate()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a key at once. One that was ended before stays so.
    pub async fn revoke(&self, grant: &ProjectGrant, id: ApiKeyId) -> Result<(), Error> {
        let (project, now) = (grant.project, self.engine.clock.now());
        let key = self.engine.store.read().await?.api_key(project, id).await?;
        let key = key.ok_or_else(no_such_key)?;
        if key.revoked_at.is_some() {
            return Ok(());
        }
        let record = on_record(grant, id, now, "api_key.revoke", json!({ "name": key.name }));
        let revoked = self.engine.store.write(move |tx| {
            Box::pin(async move {
                tx.revoke_api_key(project, id, now).await?;
                record.write(tx).await
            })
        });
        match revoked.await {
            // Somebody else ended it meanwhile, which is as good.
            Err(StoreError::NotFound { .. }) => Ok(()),
            other => Ok(other?),
        }
    }

    /// A key must not make one that may do more than it may itself: it would outlive what it was limited to.
    async fn refuse_more_than_own(&self, grant: &ProjectGrant, wanted: &[Permission]) -> Result<(), Error> {
        let own = match grant.actor {
            Actor::User(_) | Actor::Operator | Actor::System => return Ok(()),
            Actor::ApiKey(id) => self.engine.store.read().await?.api_key(grant.project, id).await?,
        };
        let held = own.map(|key| key.permissions).unwrap_or_default();
        match wanted
            .iter()
            .find(|wanted| !held.iter().any(|held| held.includes(**wanted)))
        {
            Some(missing) => Err(Error::new(
                ErrorCode::ScopeDenied,
                format!(
                    "The key that asks does not have the scope `{missing}` itself, so it cannot give it to another."
                ),
            )
            .of_field("permissions")),
            None => Ok(()),
        }
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.plus_milliseconds(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}

fn mint(
    grant: &ProjectGrant,
    name: String,
    permissions: Vec<Permission>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(ApiKey, ApiKeyToken), Error> {
    let token = ApiKeyToken::mint().map_err(|error| Error::internal("Making a key", error))?;
    let key = ApiKey {
        id: ApiKeyId::from_uuid(uuid_v7(now)),
        project: grant.project,
        display_prefix: token.display_prefix(),
        name,
        permissions,
        created_at: now,
        created_by: grant.actor,
        expires_at,
        last_used_at: None,
        revoked_at: None,
        replaced_by: None,
        retires_at: None,
    };
    Ok((key, token))
}

fn on_record(
    grant: &ProjectGrant,
    id: ApiKeyId,
    at: Timestamp,
    action: &'static str,
    detail: serde_json::Value,
) -> OnRecord {
    OnRecord::new(grant, at, ("api_key", id.to_string()), (ChangeOp::Put, action), detail)
}

pub(super) fn no_such_key() -> Error {
    Error::not_found("There is no such API key in this project.")
}

fn too_many() -> Error {
    let message = format!("A project has at most {MAX_KEYS} keys that are worth something. Revoke one first.");
    Error::new(ErrorCode::Conflict, message)
}

fn cannot_rotate() -> Error {
    Error::new(
        ErrorCode::Conflict,
        "This key was rotated or ended before. Rotate the one that took its place, or make a new one.",
    )
}
