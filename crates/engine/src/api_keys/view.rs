//! API keys as people see them, and whether one is worth something now.

use codecourier_domain::id::ApiKeyId;
use codecourier_domain::time::Timestamp;
use codecourier_store::api_keys::{ApiKey, ApiKeyList};
use codecourier_store::page::{Page, PageCursor};

use super::ApiKeys;
use super::change::no_such_key;
use crate::access::ProjectGrant;
use crate::error::Error;

/// What a key is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeyStatus {
    /// It opens the project.
    Active,
    /// It was rotated, and opens the project until the overlap ends.
    Retiring,
    /// It was rotated, and the overlap is over.
    Retired,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

/// A key, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyView {
    /// The key, without its token.
    pub key: ApiKey,
    /// What it is worth.
    pub status: ApiKeyStatus,
}

impl ApiKeyView {
    pub(super) fn at(key: ApiKey, now: Timestamp) -> Self {
        let has_come = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let status = if key.revoked_at.is_some() {
            ApiKeyStatus::Revoked
        } else if has_come(key.retires_at) {
            ApiKeyStatus::Retired
        } else if has_come(key.expires_at) {
            ApiKeyStatus::Expired
        } else if key.retires_at.is_some() {
            ApiKeyStatus::Retiring
        } else {
            ApiKeyStatus::Active
        };
        Self { key, status }
    }
}

/// Whether a key opens its project now.
#[must_use]
pub fn is_good(key: &ApiKey, now: Timestamp) -> bool {
    match ApiKeyView::at(key.clone(), now).status {
        ApiKeyStatus::Active | ApiKeyStatus::Retiring => true,
        ApiKeyStatus::Retired | ApiKeyStatus::Expired | ApiKeyStatus::Revoked => false,
    }
}

impl ApiKeys {
    /// The keys of a project, newest first, those that are worth nothing any more among them.
    pub async fn list(
        &self,
        grant: &ProjectGrant,
        after: Option<PageCursor<ApiKeyId>>,
        limit: u32,
    ) -> Result<Page<ApiKeyView, ApiKeyId>, Error> {
        let now = self.engine.clock.now();
        let mut reader = self.engine.store.read().await?;
        let Page { items, next } = reader.api_keys(grant.project, ApiKeyList { after, limit }).await?;
        let items = items.into_iter().map(|key| ApiKeyView::at(key, now)).collect();
        Ok(Page { items, next })
    }

    /// One key.
    pub async fn get(&self, grant: &ProjectGrant, id: ApiKeyId) -> Result<ApiKeyView, Error> {
        let key = self.engine.store.read().await?.api_key(grant.project, id).await?;
        let key = key.ok_or_else(no_such_key)?;
        Ok(ApiKeyView::at(key, self.engine.clock.now()))
    }
}
