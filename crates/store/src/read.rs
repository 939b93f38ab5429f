//! Reads: one type for a pooled connection, a snapshot and the inside of a command.
//!
//! The feature modules add the queries to [`Reader`], so that each is written once. Invariant: a reader cannot write.

use crate::error::{Operation, Result};
use crate::sql::connection::Snapshot;
use crate::sql::{PooledConnection, Row, Statement};
use crate::writer::Tx;

/// Reads from the store. Give it back by dropping it.
#[derive(Debug)]
pub struct Reader<'c> {
    source: Source<'c>,
}

#[derive(Debug)]
enum Source<'c> {
    Pooled(PooledConnection),
    Snapshot(Snapshot),
    Command(&'c mut Tx),
}

impl Reader<'static> {
    pub(crate) const fn pooled(connection: PooledConnection) -> Self {
        Self {
            source: Source::Pooled(connection),
        }
    }

    pub(crate) const fn snapshot(snapshot: Snapshot) -> Self {
        Self {
            source: Source::Snapshot(snapshot),
        }
    }
}

impl<'c> Reader<'c> {
    pub(crate) const fn in_command(tx: &'c mut Tx) -> Self {
        Self {
            source: Source::Command(tx),
        }
    }

    pub(crate) async fn fetch_all(&mut self, operation: Operation, statement: Statement) -> Result<Vec<Row>> {
        match &mut self.source {
            Source::Pooled(connection) => Ok(connection.fetch_all(operation, statement).await?),
            Source::Snapshot(snapshot) => Ok(snapshot.fetch_all(operation, statement).await?),
            Source::Command(tx) => tx.fetch_all(operation, statement).await,
        }
    }

    /// The only row, for statements that give at most one.
    pub(crate) async fn fetch_optional(&mut self, operation: Operation, statement: Statement) -> Result<Option<Row>> {
        Ok(self.fetch_all(operation, statement).await?.into_iter().next())
    }
}
