//! The connections: the writer's own, the pooled ones for reads, and snapshots.
//!
//! Invariants: SQLite is opened in WAL mode with `synchronous=FULL`, readers cannot write; statements are never logged,
//! since their values may be private.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, Postgres, Row as _, Sqlite, Transaction};

use super::Statement;
use super::dialect::Dialect;
use super::row::{DriverRow, Row};
use crate::error::{DatabaseError, Error, Operation, Result};

/// How long one waits for another process that writes the same SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// A pooled connection that was idle for longer is tried before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);
const STATEMENTS_CACHED: usize = 256;

/// Where the database is, and the pool for reads.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite {
        writer: SqliteConnectOptions,
        readers: SqlitePool,
    },
    Postgres {
        writer: PgConnectOptions,
        readers: PgPool,
    },
}

/// The writer's connection.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A connection lent by the pool for reads, each statement on its own.
#[derive(Debug)]
pub(crate) enum PooledConnection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

/// A transaction for reads that all see the same moment.
#[derive(Debug)]
pub(crate) enum Snapshot {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Database {
    /// A SQLite file. Connects nothing yet.
    pub(crate) fn sqlite(path: &Path, readers: u32) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .statement_cache_capacity(STATEMENTS_CACHED)
            // Fewer, larger checkpoints: pages that are written again and again between two are moved once.
            .pragma("wal_autocheckpoint", "4000")
            .pragma("journal_size_limit", "67108864")
            // A group of commands must fit, or pages are written before the commit and again at it.
            .pragma("cache_size", "-16000")
            // What a savepoint must remember is small, and needs no file.
            .pragma("temp_store", "MEMORY")
            .disable_statement_logging();
        let reading = options.clone().create_if_missing(false).pragma("query_only", "1");
        let pool = SqlitePoolOptions::new()
            .max_connections(readers)
            .min_connections(0)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .max_lifetime(None)
            .connect_lazy_with(reading);
        Self::Sqlite {
            writer: options,
            readers: pool,
        }
    }

    /// A PostgreSQL database by its URL. Connects nothing yet.
    pub(crate) fn postgres(url: &str, readers: u32) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|source| Error::Address {
                source: Box::new(source),
            })?
            .application_name("codecourier")
            .statement_cache_capacity(STATEMENTS_CACHED)
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(readers)
            .min_connections(0)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, usage| {
                Box::pin(async move {
                    if usage.idle_for > TRUSTED_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options.clone());
        Ok(Self::Postgres {
            writer: options,
            readers: pool,
        })
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite { .. } => Dialect::Sqlite,
            Self::Postgres { .. } => Dialect::Postgres,
        }
    }

    /// Opens a connection for writing.
    pub(crate) async fn connect_writer(&self) -> Result<Connection, DatabaseError> {
        const OPERATION: Operation = "connect to the database";
        let failed = |source| DatabaseError::new(OPERATION, source);
        let mut connection = match self {
            Self::Sqlite { writer, .. } => Connection::Sqlite(connect_sqlite(writer).await.map_err(failed)?),
            Self::Postgres { writer, .. } => {
                let connecting = tokio::time::timeout(ACQUIRE_TIMEOUT, writer.connect()).await;
                Connection::Postgres(connecting.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(failed)?)
            }
        };
        if let Some(settings) = self.dialect().prepare_writer() {
            connection.control(OPERATION, settings).await?;
        }
        Ok(connection)
    }

    pub(crate) async fn acquire(&self) -> Result<PooledConnection, DatabaseError> {
        match self {
            Self::Sqlite { readers, .. } => readers.acquire().await.map(PooledConnection::Sqlite),
            Self::Postgres { readers, .. } => readers.acquire().await.map(PooledConnection::Postgres),
        }
        .map_err(|source| DatabaseError::new("open a connection for reading", source))
    }

    pub(crate) async fn snapshot(&self) -> Result<Snapshot, DatabaseError> {
        let begin = self.dialect().begin_snapshot();
        match self {
            Self::Sqlite { readers, .. } => readers.begin_with(begin).await.map(Snapshot::Sqlite),
            Self::Postgres { readers, .. } => readers.begin_with(begin).await.map(Snapshot::Postgres),
        }
        .map_err(|source| DatabaseError::new("begin a snapshot", source))
    }

    /// How many connections for reading are open, and how many of them are free.
    pub(crate) fn readers(&self) -> (u32, usize) {
        match self {
            Self::Sqlite { readers, .. } => (readers.size(), readers.num_idle()),
            Self::Postgres { readers, .. } => (readers.size(), readers.num_idle()),
        }
    }

    pub(crate) async fn close_readers(&self) {
        match self {
            Self::Sqlite { readers, .. } => readers.close().await,
            Self::Postgres { readers, .. } => readers.close().await,
        }
    }
}

/// Connects to a SQLite file. The switch to the write-ahead log does not wait for another process that makes it just now,
/// whatever the busy timeout says, so it is tried again.
async fn connect_sqlite(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let mut tries_left = 40;
    loop {
        match options.connect().await {
            Err(error) if tries_left > 0 && is_locked(&error) => {
                tries_left -= 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            connected => return connected,
        }
    }
}

fn is_locked(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: &str = "5";
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == SQLITE_BUSY)
}

impl Connection {
    /// Opens a write transaction, and gives the number of the newest change of anybody's access at its beginning, if
    /// other nodes can have made it; see [`crate::nodes`].
    pub(crate) async fn begin_write(&mut self, dialect: Dialect) -> Result<Option<u64>, DatabaseError> {
        const OPERATION: Operation = "begin a transaction";
        match self {
            Self::Sqlite(_) => self.control(OPERATION, dialect.begin_write()).await.map(|()| None),
            Self::Postgres(connection) => {
                let begun = sqlx::raw_sql(dialect.begin_write()).fetch_all(connection).await;
                let rows = begun.map_err(|source| DatabaseError::new(OPERATION, source))?;
                // The lock gives a row of its own; before the first change there is no other.
                let head = rows.iter().find_map(|row| row.try_get::<i64, _>("access_head").ok());
                Ok(Some(head.and_then(|head| u64::try_from(head).ok()).unwrap_or(0)))
            }
        }
    }

    /// Runs text without values: transaction control and schema.
    pub(crate) async fn control(&mut self, operation: Operation, text: &'static str) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(text).execute(connection).await.map(drop),
            Self::Postgres(connection) => sqlx::raw_sql(text).execute(connection).await.map(drop),
        }
        .map_err(|source| DatabaseError::new(operation, source))
    }

    /// The same for text that this crate put together: a migration for its dialect.
    pub(crate) async fn control_assembled(&mut self, operation: Operation, text: String) -> Result<(), DatabaseError> {
        let text = sqlx::AssertSqlSafe(text);
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(text).execute(connection).await.map(drop),
            Self::Postgres(connection) => sqlx::raw_sql(text).execute(connection).await.map(drop),
        }
        .map_err(|source| DatabaseError::new(operation, source))
    }

    pub(crate) async fn close(self) {
        let closed = match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        };
        if let Err(error) = closed {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "the writer's connection did not close cleanly"
            );
        }
    }
}

impl Connection {
    /// Runs the statement and gives the number of rows it changed.
    pub(crate) async fn execute(&mut self, operation: Operation, statement: Statement) -> Result<u64, DatabaseError> {
        match self {
            Self::Sqlite(connection) => execute_sqlite(connection, statement).await,
            Self::Postgres(connection) => execute_postgres(connection, statement).await,
        }
        .map_err(|source| DatabaseError::new(operation, source))
    }

    /// Runs the statement and gives its rows.
    pub(crate) async fn fetch_all(
        &mut self,
        operation: Operation,
        statement: Statement,
    ) -> Result<Vec<Row>, DatabaseError> {
        match self {
            Self::Sqlite(connection) => fetch_sqlite(connection, operation, statement).await,
            Self::Postgres(connection) => fetch_postgres(connection, operation, statement).await,
        }
        .map_err(|source| DatabaseError::new(operation, source))
    }
}

impl PooledConnection {
    /// Runs the statement and gives its rows.
    pub(crate) async fn fetch_all(
        &mut self,
        operation: Operation,
        statement: Statement,
    ) -> Result<Vec<Row>, DatabaseError> {
        match self {
            Self::Sqlite(connection) => fetch_sqlite(connection, operation, statement).await,
            Self::Postgres(connection) => fetch_postgres(connection, operation, statement).await,
        }
        .map_err(|source| DatabaseError::new(operation, source))
    }
}

impl Snapshot {
    /// Runs the statement and gives its rows.
    pub(crate) async fn fetch_all(
        &mut self,
        operation: Operation,
        statement: Statement,
    ) -> Result<Vec<Row>, DatabaseError> {
        match self {
            Self::Sqlite(transaction) => fetch_sqlite(transaction, operation, statement).await,
            Self::Postgres(transaction) => fetch_postgres(transaction, operation, statement).await,
        }
        .map_err(|source| DatabaseError::new(operation, source))
    }
}

async fn execute_sqlite(connection: &mut SqliteConnection, statement: Statement) -> Result<u64, sqlx::Error> {
    let (text, arguments) = statement.into_sqlite()?;
    #[cfg(test)]
    super::plans::check(connection, text.as_str()).await;
    Ok(sqlx::query_with::<Sqlite, _>(text, arguments)
        .execute(connection)
        .await?
        .rows_affected())
}

async fn execute_postgres(connection: &mut PgConnection, statement: Statement) -> Result<u64, sqlx::Error> {
    let (text, arguments) = statement.into_postgres()?;
    Ok(sqlx::query_with::<Postgres, _>(text, arguments)
        .execute(connection)
        .await?
        .rows_affected())
}

async fn fetch_sqlite(
    connection: &mut SqliteConnection,
    operation: Operation,
    statement: Statement,
) -> Result<Vec<Row>, sqlx::Error> {
    let (text, arguments) = statement.into_sqlite()?;
    #[cfg(test)]
    super::plans::check(connection, text.as_str()).await;
    let rows = sqlx::query_with::<Sqlite, _>(text, arguments)
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Row {
            operation,
            driver: DriverRow::Sqlite(row),
        })
        .collect())
}

async fn fetch_postgres(
    connection: &mut PgConnection,
    operation: Operation,
    statement: Statement,
) -> Result<Vec<Row>, sqlx::Error> {
    let (text, arguments) = statement.into_postgres()?;
    let rows = sqlx::query_with::<Postgres, _>(text, arguments)
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Row {
            operation,
            driver: DriverRow::Postgres(row),
        })
        .collect())
}
