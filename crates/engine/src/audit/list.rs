//! Reading the audit log.

use std::net::IpAddr;

use codecourier_domain::actor::Actor;
use codecourier_domain::id::AuditEntryId;
use codecourier_domain::time::Timestamp;
use codecourier_store::Store;
use codecourier_store::audit::{AuditEntry, AuditList, AuditScope};
use codecourier_store::page::PageCursor;

use super::Audit;
use crate::access::ProjectGrant;
use crate::error::Error;

/// Which entries.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only those of this actor.
    pub actor: Option<Actor>,
    /// Only this action: `member.remove`.
    pub action: Option<String>,
    /// Only from this moment on.
    pub from: Option<Timestamp>,
    /// Only before this moment.
    pub until: Option<Timestamp>,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntryView {
    /// Its identifier.
    pub id: AuditEntryId,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The name of the person who did it.
    pub actor_name: Option<String>,
    /// From where they asked for it, if a request did.
    pub address: Option<IpAddr>,
    /// What was done: a kind of thing, a dot, a verb.
    pub action: String,
    /// The kind of thing that it was done to.
    pub target_kind: String,
    /// Which one.
    pub target: String,
    /// What else is worth knowing.
    pub detail: serde_json::Value,
}

/// A page of the log.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// The entries.
    pub items: Vec<AuditEntryView>,
    /// Where to go on.
    pub next: Option<PageCursor<AuditEntryId>>,
}

impl Audit {
    /// A page of a project's log, the newest first.
    pub async fn list(
        &self,
        grant: &ProjectGrant,
        filter: &AuditFilter,
        after: Option<PageCursor<AuditEntryId>>,
        limit: u32,
    ) -> Result<AuditPage, Error> {
        page(&self.engine.store, grant, filter, after, limit).await
    }
}

pub(super) async fn page(
    store: &Store,
    grant: &ProjectGrant,
    filter: &AuditFilter,
    after: Option<PageCursor<AuditEntryId>>,
    limit: u32,
) -> Result<AuditPage, Error> {
    let list = AuditList {
        actor: filter.actor,
        action: filter.action.clone(),
        from: filter.from,
        until: filter.until,
        after,
        limit,
    };
    let scope = AuditScope::Project(grant.project);
    let page = store.read().await?.audit_entries(scope, &list).await?;
    let items = page.items.into_iter().map(view).collect::<Result<_, Error>>()?;
    Ok(AuditPage { items, next: page.next })
}

fn view(entry: AuditEntry) -> Result<AuditEntryView, Error> {
    Ok(AuditEntryView {
        id: entry.id,
        at: entry.at,
        actor: entry.actor,
        actor_name: entry.actor_name,
        address: entry.address,
        action: entry.action,
        target_kind: entry.target_kind,
        target: entry.target,
        detail: entry.detail.read()?,
    })
}
