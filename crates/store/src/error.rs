//! What can go wrong in the store, told apart by what the caller can do about it.
//!
//! [`Error::DiskFull`] and [`Error::Unavailable`] pass: the writer recovers by itself, and the same command may be sent
//! again. [`Error::CommitUnknown`] may be repeated by commands that are idempotent, as the engine's are.
//! The rest is either the caller's mistake or damage. Invariant: the message never repeats its `source`.

use std::sync::Arc;

use crate::lock::InUse;

/// The result of most functions of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The name of what was being done, for messages: `claim a task`.
pub(crate) type Operation = &'static str;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration does not lead to a database.
    #[error("the database address cannot be read")]
    Address {
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The schema was made by a newer version of the product.
    #[error(
        "the database has schema version {found}, and this program knows versions up to {known}: run a newer program"
    )]
    SchemaTooNew {
        /// The version in the database.
        found: i64,
        /// The newest version in this program.
        known: i64,
    },
    /// A migration in the database is not the one in this program.
    #[error("migration {version} in the database differs from the one in this program")]
    SchemaForeign {
        /// Which.
        version: i64,
    },
    /// There is a database, and it is not one of this product.
    #[error("this is no database of CodeCourier")]
    NotOurs,
    /// A copy was to be put where there is something already.
    #[error("there is a database with something in it already")]
    TargetNotEmpty,
    /// A copy is not what it was made from.
    #[error("the copy of `{table}` is not what it was made from")]
    CopyDiffers {
        /// What of it.
        table: String,
    },
    /// A column of a type that copies do not know.
    #[error("the column {column} has the type {kind}, which cannot be copied")]
    CopyColumn {
        /// Which.
        column: String,
        /// Its type.
        kind: String,
    },
    /// A migration failed; nothing of it was kept.
    #[error("migration {version} failed")]
    Migrate {
        /// Which.
        version: i64,
        /// How.
        #[source]
        source: DatabaseError,
    },
    /// There is no room left where the database is.
    #[error("no space is left for the database")]
    DiskFull(#[source] DatabaseError),
    /// The database cannot be reached now, or the connection was lost. Nothing of the command was kept.
    #[error("the database is not available")]
    Unavailable(#[source] DatabaseError),
    /// The connection was lost during the commit: it may have been kept or not.
    #[error("the connection was lost during a commit, which may or may not have been kept")]
    CommitUnknown(#[source] DatabaseError),
    /// The database refused a statement.
    #[error("the database refused a statement")]
    Database(#[source] DatabaseError),
    /// A stored value is not what this program writes.
    #[error("column {column} of `{operation}` holds something unreadable")]
    Corrupt {
        /// What was being done.
        operation: &'static str,
        /// The position of the column in the statement.
        column: usize,
        /// What is wrong with the value.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A body cannot be written as JSON or read as the type that was asked for.
    #[error("a body is not the JSON that was expected")]
    Body(#[source] serde_json::Error),
    /// There is no such row in that project.
    #[error("there is no such {entity}")]
    NotFound {
        /// What was looked for.
        entity: &'static str,
    },
    /// The name is taken.
    #[error("a {entity} with that name exists")]
    Taken {
        /// Of what.
        entity: &'static str,
    },
    /// A project with members would be without an owner.
    #[error("a project with members has an owner")]
    LastOwner,
    /// A page cursor that this store did not give out.
    #[error("the page cursor is not valid")]
    PageCursor,
    /// Somebody else has moved the row since it was read.
    #[error("the {entity} was changed by somebody else")]
    Stale {
        /// What.
        entity: &'static str,
    },
    /// The task is no longer the caller's: its lease ended, it was cancelled, or it is done.
    #[error("the task is not held by this attempt any more")]
    Fenced,
    /// The command panicked; nothing of it was kept.
    #[error("a write command panicked: {message}")]
    CommandPanicked {
        /// The text of the panic.
        message: String,
    },
    /// The command took too long; nothing of it was kept.
    #[error("a write command did not end in time")]
    CommandTimedOut,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Another process uses the data directory.
    #[error(transparent)]
    InUse(#[from] InUse),
    /// A file operation failed.
    #[error("cannot {operation} `{path}`")]
    File {
        /// What was being done.
        operation: &'static str,
        /// Where.
        path: String,
        /// How it failed.
        #[source]
        source: std::io::Error,
    },
    /// A blob is larger than the caller accepts.
    #[error("the blob is larger than {limit} bytes")]
    BlobTooLarge {
        /// What was accepted.
        limit: u64,
    },
    /// The bytes of a blob are not those it is named after.
    #[error("the blob {blob} is damaged")]
    BlobDamaged {
        /// Which.
        blob: String,
    },
}

impl Error {
    /// The same for another of those whose commands it ended together; `None` if it may be about one of them only.
    pub(crate) fn repeated(&self) -> Option<Self> {
        match self {
            Self::DiskFull(failure) => Some(Self::DiskFull(failure.clone())),
            Self::Unavailable(failure) => Some(Self::Unavailable(failure.clone())),
            Self::CommitUnknown(failure) => Some(Self::CommitUnknown(failure.clone())),
            Self::CommandTimedOut => Some(Self::CommandTimedOut),
            Self::Closed => Some(Self::Closed),
            _ => None,
        }
    }
}

/// A failure that the database or the way to it reported. Cheap to clone, since it ends a whole batch of commands.
#[derive(Debug, Clone)]
pub struct DatabaseError {
    operation: Operation,
    source: Arc<sqlx::Error>,
}

/// What a database failure means for the one who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Refused,
    DiskFull,
    Unavailable,
    Closed,
}

impl DatabaseError {
    pub(crate) fn new(operation: Operation, source: sqlx::Error) -> Self {
        Self {
            operation,
            source: Arc::new(source),
        }
    }

    /// What was being done.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    pub(crate) fn trouble(&self) -> Trouble {
        match &*self.source {
            sqlx::Error::Database(error) => {
                if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
                    postgres_trouble(error.code().as_deref().unwrap_or_default())
                } else {
                    sqlite_trouble(error.code().as_deref().unwrap_or_default())
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed => Trouble::Unavailable,
            sqlx::Error::PoolClosed => Trouble::Closed,
            _ => Trouble::Refused,
        }
    }
}

/// SQLite's extended result codes, by their low byte but for one.
fn sqlite_trouble(code: &str) -> Trouble {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const IO_ERROR: i32 = 10;
    const FULL: i32 = 13;
    const CANNOT_OPEN: i32 = 14;
    const SHARED_MEMORY_CANNOT_GROW: i32 = 4874;
    let code: i32 = code.parse().unwrap_or_default();
    match code & 0xff {
        _ if code == SHARED_MEMORY_CANNOT_GROW => Trouble::DiskFull,
        FULL => Trouble::DiskFull,
        BUSY | LOCKED | IO_ERROR | CANNOT_OPEN => Trouble::Unavailable,
        _ => Trouble::Refused,
    }
}

/// PostgreSQL's SQLSTATE classes.
fn postgres_trouble(code: &str) -> Trouble {
    match code {
        "53100" => Trouble::DiskFull,
        // Too many connections, a lock or an idle transaction that timed out.
        "53300" | "55P03" | "25P03" => Trouble::Unavailable,
        _ if code.starts_with("08") || code.starts_with("57P") || code.starts_with("58") => Trouble::Unavailable,
        _ => Trouble::Refused,
    }
}

impl std::fmt::Display for DatabaseError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "could not {}", self.operation)
    }
}

impl std::error::Error for DatabaseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

impl From<DatabaseError> for Error {
    fn from(error: DatabaseError) -> Self {
        match error.trouble() {
            Trouble::DiskFull => Self::DiskFull(error),
            Trouble::Unavailable => Self::Unavailable(error),
            Trouble::Refused => Self::Database(error),
            Trouble::Closed => Self::Closed,
        }
    }
}
