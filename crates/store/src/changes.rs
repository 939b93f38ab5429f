//! The change log: what changed for whom, numbered per scope.
//!
//! The engine appends in the command that makes the change; the API follows. Invariants: the numbers of a scope have no
//! gap and follow the order of commits, since each is taken from the scope's row in the transaction itself; a change
//! is visible exactly when what it tells of is.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use codecourier_domain::id::{InvalidId, ProjectId, UserId};
use codecourier_domain::time::Timestamp;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::feed::{Follower, Log, LogPage, Met};
use crate::open::Store;
use crate::read::Reader;
use crate::sql::{Row, assembled, chunks, sql};
use crate::words::words;
use crate::writer::Tx;

/// Whose changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The installation: its projects, users and settings.
    Installation,
    /// One project.
    Project(ProjectId),
    /// One person: what concerns nobody else.
    User(UserId),
    /// Whatever can take a permission from anybody, of all scopes together: for nodes that must know before they tell
    /// somebody more. Written by [`Tx::append_change`] itself; see [`crate::nodes`].
    Access,
}

/// Kinds of change after which somebody may not be allowed to see what they were: a membership, a key, a project, a
/// session or an account that ended or became another.
#[must_use]
pub fn is_about_access(kind: &str) -> bool {
    matches!(kind, "member" | "api_key" | "project" | "session" | "account")
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installation => formatter.write_str("installation"),
            Self::Project(project) => project.fmt(formatter),
            Self::User(user) => user.fmt(formatter),
            Self::Access => formatter.write_str("access"),
        }
    }
}

impl FromStr for Scope {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "installation" => Ok(Self::Installation),
            "access" => Ok(Self::Access),
            other => other
                .parse()
                .map(Self::User)
                .or_else(|_| other.parse().map(Self::Project)),
        }
    }
}

words! {
    /// What happened to the thing.
    pub ChangeOp {
        /// It is new or different.
        Put = "put",
        /// It is gone.
        Delete = "delete",
    }
}

/// A change to append.
#[derive(Debug, Clone)]
pub struct NewChange {
    /// Whose.
    pub scope: Scope,
    /// Of what: `run`, `step`.
    pub kind: &'static str,
    /// Which.
    pub id: String,
    /// What happened.
    pub op: ChangeOp,
    /// Who did it.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// What clients are told.
    pub body: Body,
}

/// A change in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub scope: Scope,
    /// Its number in the scope, from 1.
    pub seq: u64,
    /// Of what.
    pub kind: String,
    /// Which.
    pub id: String,
    /// What happened.
    pub op: ChangeOp,
    /// Who did it.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// What clients are told.
    pub body: Body,
}

/// Changes after a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangesAfter {
    /// These follow, oldest first; empty when there is none.
    Changes(Vec<Change>),
    /// Retention removed what would follow; the log begins after this number. The reader must start over.
    Trimmed {
        /// The newest number that was removed.
        through: u64,
    },
}

impl Tx {
    /// Appends a change and gives its number.
    pub async fn append_change(&mut self, change: NewChange) -> Result<u64> {
        if is_about_access(change.kind) {
            let copy = NewChange {
                scope: Scope::Access,
                body: Body::of(&change.scope.to_string())?,
                ..change.clone()
            };
            self.effects.access_head = Some(self.insert_change(&copy).await?);
        }
        let seq = self.insert_change(&change).await?;
        let NewChange {
            scope,
            kind,
            id,
            op,
            actor,
            at,
            body,
        } = change;
        self.effects.changes.push(Arc::new(Change {
            scope,
            seq,
            kind: kind.to_owned(),
            id,
            op,
            actor,
            at,
            body,
        }));
        Ok(seq)
    }

    async fn insert_change(&mut self, change: &NewChange) -> Result<u64> {
        let take = sql("INSERT INTO scope (scope, seq, trimmed) VALUES ($1, 1, 0) \
             ON CONFLICT (scope) DO UPDATE SET seq = scope.seq + 1 RETURNING seq");
        let scope = change.scope.to_string();
        let row = self
            .fetch_optional("take a change number", take.bind(scope.as_str()))
            .await?;
        let seq = row.ok_or(Error::NotFound { entity: "scope" })?.count(0)?;
        let insert = sql("INSERT INTO change (scope, seq, kind, id, op, actor, at, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(scope)
        .bind(crate::sql::count(seq))
        .bind(change.kind)
        .bind(change.id.as_str())
        .bind(change.op.as_str())
        .bind(change.actor.as_str())
        .bind(change.at)
        .bind(&change.body);
        self.execute("append a change", insert).await?;
        Ok(seq)
    }

    /// Removes the changes of a scope up to a number. Followers that are further back are told to start over.
    pub async fn trim_changes(&mut self, scope: Scope, through: u64) -> Result<u64> {
        let mark = sql("UPDATE scope SET trimmed = $2 WHERE scope = $1 AND trimmed < $2 AND seq >= $2");
        let through = crate::sql::count(through);
        if self
            .execute("mark the end of retention", mark.bind(scope.to_string()).bind(through))
            .await?
            == 0
        {
            return Ok(0);
        }
        let delete = sql("DELETE FROM change WHERE scope = $1 AND seq <= $2")
            .bind(scope.to_string())
            .bind(through);
        self.execute("remove old changes", delete).await
    }
}

/// What the change log holds of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeExtent {
    /// Whose changes.
    pub scope: Scope,
    /// The number of the newest change.
    pub head: u64,
    /// The number of the newest change that retention has removed; 0 when it removed none.
    pub trimmed: u64,
}

impl Reader<'_> {
    /// Scopes that have changes, in the order of their names from after one on: for retention, which goes through all.
    pub async fn scopes_with_changes(&mut self, after: Option<Scope>, limit: u32) -> Result<Vec<ScopeExtent>> {
        let statement = sql("SELECT scope, seq, trimmed FROM scope WHERE scope > $1 ORDER BY scope LIMIT $2")
            .bind(after.map_or(String::new(), |scope| scope.to_string()))
            .bind(i64::from(limit));
        let rows = self.fetch_all("list the scopes", statement).await?;
        rows.iter()
            .map(|row| {
                Ok(ScopeExtent {
                    scope: row.parsed(0)?,
                    head: row.count(1)?,
                    trimmed: row.count(2)?,
                })
            })
            .collect()
    }

    /// When the oldest changes of a scope were made: their numbers and times, oldest first.
    pub async fn oldest_changes(&mut self, scope: Scope, limit: u32) -> Result<Vec<(u64, Timestamp)>> {
        let statement = sql("SELECT seq, at FROM change WHERE scope = $1 ORDER BY seq LIMIT $2")
            .bind(scope.to_string())
            .bind(i64::from(limit));
        let rows = self.fetch_all("read the oldest changes", statement).await?;
        rows.iter().map(|row| Ok((row.count(0)?, row.time(1)?))).collect()
    }

    /// The number of the newest change of a scope; 0 before the first.
    pub async fn change_head(&mut self, scope: Scope) -> Result<u64> {
        let statement = sql("SELECT seq FROM scope WHERE scope = $1").bind(scope.to_string());
        self.fetch_optional("read the head of the change log", statement)
            .await?
            .map_or(Ok(0), |row| row.count(0))
    }

    /// The same of many scopes, without those that have no change.
    pub(crate) async fn change_heads(&mut self, scopes: &[Scope]) -> Result<Vec<(Scope, u64)>> {
        let mut heads = Vec::new();
        for (text, chunk) in chunks("SELECT scope, seq FROM scope WHERE scope IN ", scopes) {
            let mut statement = assembled(text);
            for scope in chunk {
                statement.push(scope.to_string());
            }
            let rows = self.fetch_all("read the heads of change logs", statement).await?;
            for row in rows {
                heads.push((row.parsed(0)?, row.count(1)?));
            }
        }
        Ok(heads)
    }

    /// The changes of a scope after a number, oldest first.
    pub async fn changes_after(&mut self, scope: Scope, seq: u64, limit: u32) -> Result<ChangesAfter> {
        let statement = sql("SELECT scope, seq, kind, id, op, actor, at, body FROM change \
             WHERE scope = $1 AND seq > $2 ORDER BY seq LIMIT $3")
        .bind(scope.to_string())
        .bind(crate::sql::count(seq))
        .bind(i64::from(limit));
        let rows = self.fetch_all("read changes", statement).await?;
        let changes = rows.iter().map(change).collect::<Result<Vec<_>>>()?;
        if changes.first().is_some_and(|first| first.seq == seq + 1) {
            return Ok(ChangesAfter::Changes(changes));
        }
        // The next number is missing: it was removed, or there is none yet.
        let statement = sql("SELECT trimmed FROM scope WHERE scope = $1").bind(scope.to_string());
        let trimmed = self.fetch_optional("read the end of retention", statement).await?;
        let through = trimmed.map_or(Ok(0), |row| row.count(0))?;
        if through > seq {
            return Ok(ChangesAfter::Trimmed { through });
        }
        // Rows that appeared between the two statements are left for the next call.
        Ok(ChangesAfter::Changes(Vec::new()))
    }
}

fn change(row: &Row) -> Result<Change> {
    Ok(Change {
        scope: row.parsed(0)?,
        seq: row.count(1)?,
        kind: row.text(2)?,
        id: row.text(3)?,
        op: row.parsed(4)?,
        actor: row.text(5)?,
        at: row.time(6)?,
        body: row.body(7)?,
    })
}

/// The changes of a scope as they are committed.
#[derive(Debug)]
pub struct ChangeFeed {
    follower: Follower<ChangeLog>,
}

/// What a feed gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowedChange {
    /// The next change.
    Change(Arc<Change>),
    /// What would follow was removed: the client must read everything again, then go on after this number.
    Reset {
        /// The newest number that was removed.
        through: u64,
    },
}

impl Store {
    /// Follows a scope from after a number on: every change once, in order, without a gap.
    ///
    /// To show something and keep it fresh, take the head and the rows from one [`Store::snapshot`] and follow from
    /// that head: what is committed in between is in the log.
    #[must_use]
    pub fn follow_changes(&self, scope: Scope, after: u64) -> ChangeFeed {
        let announcements = self.watchers().changes.follow(scope);
        ChangeFeed {
            follower: Follower::new(self.clone(), ChangeLog { scope }, after, announcements),
        }
    }
}

/// What an observer is shown.
#[derive(Debug, Clone, Copy)]
pub enum Observed<'c> {
    /// A change that was committed.
    Change(&'c Arc<Change>),
    /// Changes of anybody's access that nobody can name any more: retention removed them before this node read them.
    UnknownAccess,
}

impl Store {
    /// Has every change that this node commits shown to `observer` from now on, in the order of commits, after the commit
    /// and before anybody else learns of it: also before the command that made it is answered. Of the changes of other
    /// nodes it is shown those [about access](is_about_access), before anything that was committed later is read or
    /// announced here. For what must be known at once, such as that somebody may not see any more what comes next. The
    /// writer waits for it, so it must neither block nor take long; it is forgotten when the store is closed.
    pub fn observe_changes(&self, observer: impl Fn(Observed<'_>) + Send + Sync + 'static) {
        self.watchers().observe(Box::new(observer));
    }
}

impl ChangeFeed {
    /// Waits for the next change. May be dropped at any time and called again.
    pub async fn next(&mut self) -> Result<FollowedChange> {
        Ok(match self.follower.next().await? {
            Met::Item(change) => FollowedChange::Change(change),
            Met::Trimmed(through) => FollowedChange::Reset { through },
        })
    }
}

#[derive(Debug)]
struct ChangeLog {
    scope: Scope,
}

impl Log for ChangeLog {
    type Item = Arc<Change>;
    type Announced = Arc<Change>;

    fn seq(item: &Arc<Change>) -> u64 {
        item.seq
    }

    fn items(announced: Arc<Change>) -> Vec<Arc<Change>> {
        vec![announced]
    }

    async fn page(&self, store: &Store, after: u64, limit: u32) -> Result<LogPage<Arc<Change>>> {
        let read = store.read().await?.changes_after(self.scope, after, limit).await?;
        Ok(match read {
            ChangesAfter::Changes(changes) => {
                if !changes.is_empty() {
                    store.hear_of_access().await?;
                }
                LogPage::Items(changes.into_iter().map(Arc::new).collect())
            }
            ChangesAfter::Trimmed { through } => LogPage::Trimmed(through),
        })
    }
}
