//! Whose access changed on other nodes, known before anything later is told.
//!
//! Every change [about access](crate::changes::is_about_access) is also in the log of [`Scope::Access`], so that one
//! number says whether there is any that this node has not seen. It is asked for where something of another node can
//! come in: by the writer at the beginning of each transaction (then what this node announces of it is later than
//! whatever was seen), and by whoever read a log on behalf of others, after having read (then what was read is earlier).
//! Invariant: when one of these goes on, the observers have been shown every such change that was committed before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::changes::{Change, ChangesAfter, Observed, Scope};
use crate::error::Result;
use crate::feed::Watchers;
use crate::read::Reader;
use crate::sql::Database;

const PAGE: u32 = 500;

/// How far this node has seen the log of access.
#[derive(Debug, Default)]
pub(crate) struct AccessLog {
    seen: AtomicU64,
    /// Held by whoever reads it, so that nobody passes one who is showing what they read.
    reading: Mutex<()>,
}

impl AccessLog {
    /// A log of which everything up to a number is of no interest: nobody watched then.
    pub(crate) fn after(head: u64) -> Self {
        Self {
            seen: AtomicU64::new(head),
            reading: Mutex::default(),
        }
    }

    /// What this node committed itself was shown.
    pub(crate) fn has_shown(&self, head: u64) {
        self.seen.fetch_max(head, Ordering::SeqCst);
    }

    /// Whether there is more up to a number than was seen.
    pub(crate) fn is_behind(&self, head: u64) -> bool {
        self.seen.load(Ordering::SeqCst) < head
    }

    /// Shows the observers everything that is committed by now.
    pub(crate) async fn hear(&self, database: &Database, watchers: &Watchers) -> Result<()> {
        let mut reader = Reader::pooled(database.acquire().await?);
        if !self.is_behind(reader.change_head(Scope::Access).await?) {
            return Ok(());
        }
        self.read_on(&mut reader, watchers).await
    }

    /// The same with a reader of the caller's.
    pub(crate) async fn read_on(&self, reader: &mut Reader<'_>, watchers: &Watchers) -> Result<()> {
        let _reading = self.reading.lock().await;
        loop {
            let seen = self.seen.load(Ordering::SeqCst);
            match reader.changes_after(Scope::Access, seen, PAGE).await? {
                ChangesAfter::Changes(changes) => {
                    let Some(last) = changes.last().map(|change| change.seq) else {
                        return Ok(());
                    };
                    for change in changes {
                        show(change, watchers);
                    }
                    self.has_shown(last);
                }
                ChangesAfter::Trimmed { through } => {
                    watchers.show(Observed::UnknownAccess);
                    self.has_shown(through);
                }
            }
        }
    }
}

/// Shows a change as it is in the log of the scope it happened in.
fn show(change: Change, watchers: &Watchers) {
    let origin = change.body.read::<String>().ok().and_then(|scope| scope.parse().ok());
    match origin {
        Some(scope) => watchers.show(Observed::Change(&Arc::new(Change { scope, ..change }))),
        None => watchers.show(Observed::UnknownAccess),
    }
}
