//! The audit log: what was done to settings, keys, members, roles and projects, by whom and when.
//!
//! The engine appends in the command that makes the change, and lists for those who may read it. Invariants: an entry is
//! written with what it tells of or not at all, and is never changed; it outlives what it tells of; nothing secret is in
//! one, which is the caller's to keep.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use codecourier_domain::actor::Actor;
use codecourier_domain::id::{AuditEntryId, InvalidId, ProjectId};
use codecourier_domain::time::Timestamp;

use crate::body::Body;
use crate::error::Result;
use crate::page::{Page, PageCursor};
use crate::read::Reader;
use crate::sql::{Row, sql};
use crate::writer::Tx;

/// To whose log an entry belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditScope {
    /// The installation: accounts and what concerns no single project.
    Installation,
    /// One project.
    Project(ProjectId),
}

impl fmt::Display for AuditScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installation => formatter.write_str("installation"),
            Self::Project(project) => project.fmt(formatter),
        }
    }
}

impl FromStr for AuditScope {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "installation" => Ok(Self::Installation),
            other => other.parse().map(Self::Project),
        }
    }
}

/// An entry to append.
#[derive(Debug, Clone)]
pub struct NewAuditEntry {
    /// Its identifier, fresh.
    pub id: AuditEntryId,
    /// To whose log it belongs.
    pub scope: AuditScope,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// From where they asked for it, if by a request.
    pub address: Option<IpAddr>,
    /// What was done: `member.remove`, `settings.update`. A kind of thing, a dot, a verb.
    pub action: &'static str,
    /// The kind of thing that it was done to: `member`.
    pub target_kind: &'static str,
    /// Which one: an identifier.
    pub target: String,
    /// What else is worth knowing, as a JSON object. Never a secret.
    pub detail: Body,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its identifier.
    pub id: AuditEntryId,
    /// To whose log it belongs.
    pub scope: AuditScope,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The name of the person who did it, as it is now.
    pub actor_name: Option<String>,
    /// From where they asked for it. `None` where no request did, and for entries from before this was kept.
    pub address: Option<IpAddr>,
    /// What was done.
    pub action: String,
    /// The kind of thing that it was done to.
    pub target_kind: String,
    /// Which one.
    pub target: String,
    /// What else is worth knowing.
    pub detail: Body,
}

/// Which entries to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct AuditList {
    /// Only those of this actor.
    pub actor: Option<Actor>,
    /// Only this action.
    pub action: Option<String>,
    /// Only from this moment on.
    pub from: Option<Timestamp>,
    /// Only before this moment.
    pub until: Option<Timestamp>,
    /// Where to go on.
    pub after: Option<PageCursor<AuditEntryId>>,
    /// The most rows to give.
    pub limit: u32,
}

/// A list of entries, with a further condition.
macro_rules! select_entries {
    ($condition:literal) => {
        concat!(
            "SELECT e.id, e.scope, e.at, e.actor, e.action, e.target_kind, e.target, e.detail, a.name, e.address FROM audit_entry e \
             LEFT JOIN account a ON a.id = e.actor \
             WHERE e.scope = $1 AND (e.at, e.id) < ($2, $3) AND e.at < $4 AND e.at >= $5 ",
            $condition,
            "ORDER BY e.at DESC, e.id DESC LIMIT $6"
        )
    };
}

impl Tx {
    /// Appends an entry.
    pub async fn append_audit(&mut self, entry: NewAuditEntry) -> Result<()> {
        let statement = sql(
            "INSERT INTO audit_entry (id, scope, at, actor, action, target_kind, target, detail, address) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(entry.id)
        .bind(entry.scope.to_string())
        .bind(entry.at)
        .bind(entry.actor.to_string())
        .bind(entry.action)
        .bind(entry.target_kind)
        .bind(entry.target)
        .bind(entry.detail)
        .bind(entry.address.map(|address| address.to_string()).as_deref());
        self.execute("append to the audit log", statement).await.map(drop)
    }

    /// Removes up to `limit` of the oldest entries from before a moment, of every log: what retention calls until it
    /// gives less than the limit.
    pub async fn trim_audit(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let statement = sql("DELETE FROM audit_entry WHERE id IN \
             (SELECT id FROM audit_entry WHERE at < $1 ORDER BY at LIMIT $2)")
        .bind(before)
        .bind(i64::from(limit));
        self.execute("remove old entries of the audit log", statement).await
    }
}

impl Reader<'_> {
    /// A page of a log, newest first.
    pub async fn audit_entries(
        &mut self,
        scope: AuditScope,
        list: &AuditList,
    ) -> Result<Page<AuditEntry, AuditEntryId>> {
        let text = match (list.actor.is_some(), list.action.is_some()) {
            (false, false) => select_entries!(""),
            (true, false) => select_entries!("AND e.actor = $7 "),
            (false, true) => select_entries!("AND e.action = $7 "),
            (true, true) => select_entries!("AND e.actor = $7 AND e.action = $8 "),
        };
        let (at, id) = list.after.map_or((Timestamp(i64::MAX), String::new()), |after| {
            (after.at, after.id.to_string())
        });
        let mut statement = sql(text)
            .bind(scope.to_string())
            .bind(at)
            .bind(id)
            .bind(list.until.unwrap_or(Timestamp(i64::MAX)))
            .bind(list.from.unwrap_or(Timestamp(i64::MIN)))
            .bind(i64::from(list.limit) + 1);
        if let Some(actor) = list.actor {
            statement.push(actor.to_string());
        }
        if let Some(action) = &list.action {
            statement.push(action.as_str());
        }
        let rows = self.fetch_all("list the audit log", statement).await?;
        let entries = rows.iter().map(entry).collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(entries, list.limit, |entry| PageCursor {
            at: entry.at,
            id: entry.id,
        }))
    }
}

fn entry(row: &Row) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: row.parsed(0)?,
        scope: row.parsed(1)?,
        at: row.time(2)?,
        actor: row.parsed(3)?,
        actor_name: row.optional_text(8)?.filter(|name| !name.is_empty()),
        address: row.optional_parsed(9)?,
        action: row.text(4)?,
        target_kind: row.text(5)?,
        target: row.text(6)?,
        detail: row.body(7)?,
    })
}
