//! Whole tables, read and written without knowing what is in them: for copies of a database.
//!
//! Only `crate::copy` uses it. Invariants: what tables and columns there are comes from this program's own migrations,
//! never from the database that is read, which may be a stranger's file; a value that has not the type of its column is
//! refused; text that becomes a statement is made of this program's own names.

use std::path::Path;

use futures::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{Arguments as _, AssertSqlSafe, ConnectOptions as _, Postgres, Row as _, Sqlite};

use super::connection::{Connection, Snapshot};
use crate::error::{DatabaseError, Error, Operation, Result};

/// More values than this in one statement gain nothing, and one of the databases refuses more than 32,766.
const VALUES_AT_ONCE: usize = 4_000;
/// Rows with long texts go in smaller groups.
const BYTES_AT_ONCE: usize = 4 << 20;

/// A table, with its columns in order.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: String,
    columns: Vec<(String, Kind)>,
}

/// The types of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    Bytes,
}

#[derive(Debug)]
enum Cell {
    Text(Option<String>),
    Integer(Option<i64>),
    Number(Option<f64>),
    Boolean(Option<bool>),
    Bytes(Option<Vec<u8>>),
}

/// How many rows a table has, and a sum over them that does not depend on their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Content {
    /// How many rows.
    pub(crate) rows: u64,
    sum: u128,
}

/// Either database, lent.
pub(crate) enum Lent<'c> {
    /// A file.
    Sqlite(&'c mut SqliteConnection),
    /// A server.
    Postgres(&'c mut PgConnection),
}

impl<'c> From<&'c mut Snapshot> for Lent<'c> {
    fn from(snapshot: &'c mut Snapshot) -> Self {
        match snapshot {
            Snapshot::Sqlite(transaction) => Self::Sqlite(transaction),
            Snapshot::Postgres(transaction) => Self::Postgres(transaction),
        }
    }
}

impl<'c> From<&'c mut Connection> for Lent<'c> {
    fn from(connection: &'c mut Connection) -> Self {
        match connection {
            Connection::Sqlite(connection) => Self::Sqlite(connection),
            Connection::Postgres(connection) => Self::Postgres(connection),
        }
    }
}

/// A connection to a new file, which is not a database before it is whole: nothing in it is safe until it is synced.
pub(crate) async fn new_file(path: &Path) -> Result<Connection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .foreign_keys(false)
        .disable_statement_logging();
    let connected = options.connect().await;
    Ok(Connection::Sqlite(connected.map_err(|source| {
        DatabaseError::new("make a database file", source)
    })?))
}

/// A connection to nothing but memory, to see what a schema is like.
pub(crate) async fn in_memory() -> Result<Connection> {
    new_file(Path::new(":memory:")).await
}

/// A connection to a file that may be a stranger's: nothing in its schema is run.
pub(crate) async fn foreign_file(path: &Path) -> Result<Connection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(true)
        .pragma("trusted_schema", "0")
        .pragma("cell_size_check", "1")
        .disable_statement_logging();
    let connected = options.connect().await;
    Ok(Connection::Sqlite(connected.map_err(|source| {
        DatabaseError::new("open the copy of a database", source)
    })?))
}

/// The tables of a SQLite database whose schema this program made.
pub(crate) async fn tables(connection: &mut Connection) -> Result<Vec<Table>> {
    const OPERATION: Operation = "list the tables";
    const LIST: &str = "SELECT m.name, c.name, c.type FROM sqlite_schema AS m, pragma_table_info(m.name) AS c \
                        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY m.name, c.cid";
    let rows = connection.fetch_all(OPERATION, super::sql(LIST)).await?;
    let mut tables: Vec<Table> = Vec::new();
    for row in rows {
        let (table, column, kind) = (row.text(0)?, row.text(1)?, row.text(2)?);
        let kind = match kind.as_str() {
            "TEXT" => Kind::Text,
            "BIGINT" => Kind::Integer,
            "DOUBLE" | "DOUBLE PRECISION" => Kind::Number,
            "BOOLEAN" => Kind::Boolean,
            "BLOB" => Kind::Bytes,
            _ => {
                return Err(Error::CopyColumn {
                    column: format!("{table}.{column}"),
                    kind,
                });
            }
        };
        match tables.last_mut() {
            Some(last) if last.name == table => last.columns.push((column, kind)),
            _ => tables.push(Table {
                name: table,
                columns: vec![(column, kind)],
            }),
        }
    }
    Ok(tables)
}

impl Table {
    /// Gives every row of it to `to`, in groups, or nowhere; and says what there was.
    pub(crate) async fn copy(&self, from: impl Into<Lent<'_>>, to: Option<&mut Connection>) -> Result<Content> {
        const OPERATION: Operation = "read a table from end to end";
        let failed = |source| Error::from(DatabaseError::new(OPERATION, source));
        let names: Vec<String> = self.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let select = AssertSqlSafe(format!("SELECT {} FROM \"{}\"", names.join(", "), self.name));
        let mut group = Group {
            table: self,
            to,
            rows: Vec::new(),
            bytes: 0,
        };
        let mut content = Content::default();
        match from.into() {
            Lent::Sqlite(connection) => {
                let mut rows = sqlx::query::<Sqlite>(select).fetch(connection);
                while let Some(row) = rows.try_next().await.map_err(failed)? {
                    let cells = self.cells(|index, kind| kind.of_sqlite(&row, index)).map_err(failed)?;
                    content.add(&cells);
                    group.push(cells).await?;
                }
            }
            Lent::Postgres(connection) => {
                let mut rows = sqlx::query::<Postgres>(select).fetch(connection);
                while let Some(row) = rows.try_next().await.map_err(failed)? {
                    let cells = self
                        .cells(|index, kind| kind.of_postgres(&row, index))
                        .map_err(failed)?;
                    content.add(&cells);
                    group.push(cells).await?;
                }
            }
        }
        group.write().await?;
        Ok(content)
    }

    fn cells(&self, cell: impl Fn(usize, Kind) -> Result<Cell, sqlx::Error>) -> Result<Vec<Cell>, sqlx::Error> {
        let columns = self.columns.iter().enumerate();
        columns.map(|(index, (_, kind))| cell(index, *kind)).collect()
    }

    fn insert(&self, rows: usize) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let width = names.len();
        let mut text = format!("INSERT INTO \"{}\" ({}) VALUES ", self.name, names.join(", "));
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 1..=width {
                let comma = if column == 1 { "" } else { ", " };
                text.push_str(&format!("{comma}${}", row * width + column));
            }
            text.push(')');
        }
        text
    }
}

/// Rows on their way.
struct Group<'g> {
    table: &'g Table,
    to: Option<&'g mut Connection>,
    rows: Vec<Vec<Cell>>,
    bytes: usize,
}

impl Group<'_> {
    async fn push(&mut self, row: Vec<Cell>) -> Result<()> {
        if self.to.is_none() {
            return Ok(());
        }
        self.bytes += row.iter().map(Cell::size).sum::<usize>();
        self.rows.push(row);
        if self.rows.len() * self.table.columns.len() >= VALUES_AT_ONCE || self.bytes >= BYTES_AT_ONCE {
            self.write().await?;
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<()> {
        const OPERATION: Operation = "write rows of a copy";
        let failed = |source| Error::from(DatabaseError::new(OPERATION, source));
        let Some(to) = &mut self.to else { return Ok(()) };
        if self.rows.is_empty() {
            return Ok(());
        }
        let insert = AssertSqlSafe(self.table.insert(self.rows.len()));
        let cells = self.rows.drain(..).flatten();
        match to {
            Connection::Sqlite(connection) => {
                let mut arguments = SqliteArguments::default();
                for cell in cells {
                    match cell {
                        Cell::Text(value) => arguments.add(value),
                        Cell::Integer(value) => arguments.add(value),
                        Cell::Number(value) => arguments.add(value),
                        Cell::Boolean(value) => arguments.add(value),
                        Cell::Bytes(value) => arguments.add(value),
                    }
                    .map_err(|source| failed(sqlx::Error::Encode(source)))?;
                }
                let insert = sqlx::query_with::<Sqlite, _>(insert, arguments).persistent(false);
                insert.execute(&mut *connection).await.map_err(failed)?;
            }
            Connection::Postgres(connection) => {
                let mut arguments = PgArguments::default();
                for cell in cells {
                    match cell {
                        Cell::Text(value) => arguments.add(value),
                        Cell::Integer(value) => arguments.add(value),
                        Cell::Number(value) => arguments.add(value),
                        Cell::Boolean(value) => arguments.add(value),
                        Cell::Bytes(value) => arguments.add(value),
                    }
                    .map_err(|source| failed(sqlx::Error::Encode(source)))?;
                }
                let insert = sqlx::query_with::<Postgres, _>(insert, arguments).persistent(false);
                insert.execute(&mut *connection).await.map_err(failed)?;
            }
        }
        self.bytes = 0;
        Ok(())
    }
}

macro_rules! cell {
    ($kind:expr, $row:expr, $index:expr) => {
        match $kind {
            Kind::Text => $row.try_get($index).map(Cell::Text),
            Kind::Integer => $row.try_get($index).map(Cell::Integer),
            Kind::Number => $row.try_get($index).map(Cell::Number),
            Kind::Boolean => $row.try_get($index).map(Cell::Boolean),
            Kind::Bytes => $row.try_get($index).map(Cell::Bytes),
        }
    };
}

impl Kind {
    fn of_sqlite(self, row: &SqliteRow, index: usize) -> Result<Cell, sqlx::Error> {
        cell!(self, row, index)
    }

    fn of_postgres(self, row: &PgRow, index: usize) -> Result<Cell, sqlx::Error> {
        cell!(self, row, index)
    }
}

impl Cell {
    fn size(&self) -> usize {
        match self {
            Self::Text(Some(text)) => text.len(),
            Self::Bytes(Some(bytes)) => bytes.len(),
            Self::Text(None) | Self::Bytes(None) | Self::Integer(_) | Self::Number(_) | Self::Boolean(_) => 8,
        }
    }

    /// Hashes it so that no two rows of a table can be mistaken for each other.
    fn hash(&self, hasher: &mut Sha256) {
        let mut part = |tag: u8, bytes: &[u8]| {
            hasher.update([tag]);
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        match self {
            Self::Text(Some(text)) => part(1, text.as_bytes()),
            Self::Integer(Some(number)) => part(2, &number.to_be_bytes()),
            Self::Number(Some(number)) => part(3, &number.to_bits().to_be_bytes()),
            Self::Boolean(Some(yes)) => part(4, &[u8::from(*yes)]),
            Self::Bytes(Some(bytes)) => part(5, bytes),
            Self::Text(None) | Self::Integer(None) | Self::Number(None) | Self::Boolean(None) | Self::Bytes(None) => {
                part(0, &[]);
            }
        }
    }
}

impl Content {
    fn add(&mut self, row: &[Cell]) {
        let mut hasher = Sha256::new();
        row.iter().for_each(|cell| cell.hash(&mut hasher));
        let digest: [u8; 32] = hasher.finalize().into();
        let (half, _) = digest.split_at(16);
        let half = half.iter().fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte));
        self.sum = self.sum.wrapping_add(half);
        self.rows += 1;
    }
}
