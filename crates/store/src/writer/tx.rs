//! What a command writes through.
//!
//! Invariant: after a statement failed, every later one of the same command fails too, and the command is undone even
//! if it returns success. PostgreSQL works so by itself; SQLite is made to, since it could also have rolled the whole
//! transaction back on its own.

use std::sync::Arc;

use codecourier_domain::id::RunId;

use crate::changes::Change;
use crate::error::{DatabaseError, Error, Operation, Result};
use crate::events::StoredEvent;
use crate::read::Reader;
use crate::sql::{Connection, Row, Statement};

/// The transaction of a write command. The feature modules say what can be written; reads go through [`Tx::read`].
#[derive(Debug)]
pub struct Tx {
    pub(super) connection: Connection,
    pub(super) failure: Option<DatabaseError>,
    pub(super) abandoned: bool,
    pub(crate) effects: Effects,
}

/// What is to be told after the commit.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) changes: Vec<Arc<Change>>,
    pub(crate) events: Vec<(RunId, Arc<[StoredEvent]>)>,
    pub(crate) tasks_moved: bool,
    pub(crate) mails_moved: bool,
    /// Somebody's hold on a task was taken from them.
    pub(crate) holds_lost: bool,
    /// Somebody told a step's agent something.
    pub(crate) inputs_moved: bool,
    /// The number of the newest change of anybody's access in here.
    pub(crate) access_head: Option<u64>,
}

/// Where the effects stood when a command began, so that an undone command tells nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct EffectsMark {
    changes: usize,
    events: usize,
    tasks_moved: bool,
    mails_moved: bool,
    holds_lost: bool,
    inputs_moved: bool,
    access_head: Option<u64>,
}

impl Tx {
    pub(super) const fn new(connection: Connection) -> Self {
        Self {
            connection,
            failure: None,
            abandoned: false,
            effects: Effects {
                changes: Vec::new(),
                events: Vec::new(),
                tasks_moved: false,
                mails_moved: false,
                holds_lost: false,
                inputs_moved: false,
                access_head: None,
            },
        }
    }

    /// Reads inside the transaction: sees what the command wrote so far.
    pub fn read(&mut self) -> Reader<'_> {
        Reader::in_command(self)
    }

    pub(crate) async fn execute(&mut self, operation: Operation, statement: Statement) -> Result<u64> {
        self.refuse_after_failure()?;
        let result = self.connection.execute(operation, statement).await;
        self.remember_failure(result)
    }

    pub(crate) async fn fetch_all(&mut self, operation: Operation, statement: Statement) -> Result<Vec<Row>> {
        self.refuse_after_failure()?;
        let result = self.connection.fetch_all(operation, statement).await;
        self.remember_failure(result)
    }

    /// The only row, for statements that give at most one.
    pub(crate) async fn fetch_optional(&mut self, operation: Operation, statement: Statement) -> Result<Option<Row>> {
        Ok(self.fetch_all(operation, statement).await?.into_iter().next())
    }

    fn refuse_after_failure(&self) -> Result<()> {
        self.failure
            .as_ref()
            .map_or(Ok(()), |failure| Err(Error::from(failure.clone())))
    }

    fn remember_failure<T>(&mut self, result: Result<T, DatabaseError>) -> Result<T> {
        result.map_err(|failure| {
            self.failure = Some(failure.clone());
            failure.into()
        })
    }
}

impl Effects {
    pub(super) fn mark(&self) -> EffectsMark {
        EffectsMark {
            changes: self.changes.len(),
            events: self.events.len(),
            tasks_moved: self.tasks_moved,
            mails_moved: self.mails_moved,
            holds_lost: self.holds_lost,
            inputs_moved: self.inputs_moved,
            access_head: self.access_head,
        }
    }

    pub(super) fn forget_since(&mut self, mark: EffectsMark) {
        self.changes.truncate(mark.changes);
        self.events.truncate(mark.events);
        self.tasks_moved = mark.tasks_moved;
        self.mails_moved = mark.mails_moved;
        self.holds_lost = mark.holds_lost;
        self.inputs_moved = mark.inputs_moved;
        self.access_head = mark.access_head;
    }
}
