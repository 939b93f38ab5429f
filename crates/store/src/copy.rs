//! Copies of a whole database: into a file that belongs to a backup, and from such a file into an empty database.
//!
//! The file is SQLite whatever the database is, so a backup of either can be restored into either. `codecourier backup`
//! and `restore` use it. Invariants: a copy shows one moment, also while a server writes; nothing is copied into a
//! database that holds something; a copy is read again and compared before it counts; a file is never used in place, only
//! its rows are, by the names that this program knows, so that what else is in it has no effect.

use std::path::Path;

use crate::error::{Error, Result};
use crate::migrate;
use crate::open::StoreConfig;
use crate::sql::connection::Snapshot;
use crate::sql::copy::{Content, Lent, Table, foreign_file, in_memory, new_file, tables};
use crate::sql::dialect::Dialect;
use crate::sql::{Connection, Database, sql};

/// The table that each program fills itself.
const MIGRATIONS: &str = "schema_migration";

/// A database at one moment.
#[derive(Debug)]
pub struct Moment {
    database: Database,
    snapshot: Snapshot,
    schema: i64,
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The version of its schema.
    pub schema: i64,
    /// How many rows, in all tables.
    pub rows: u64,
}

impl Moment {
    /// Holds on to what a database says now, whatever is written to it from now on. Changes nothing in it, and makes
    /// none.
    pub async fn of(config: &StoreConfig) -> Result<Self> {
        let database = database_of(config)?;
        let mut snapshot = database.snapshot().await?;
        // The first query is what fixes the moment.
        if !has_schema(&mut snapshot, database.dialect()).await? {
            return Err(Error::NotOurs);
        }
        let schema = schema_of(&mut snapshot).await?;
        Ok(Self {
            database,
            snapshot,
            schema,
        })
    }

    /// Writes it into a new file, synced, and reads that again.
    pub async fn write_to(mut self, file: &Path) -> Result<Copied> {
        let schema = self.schema;
        let tables = tables_of(schema).await?;
        make(file)?;
        let mut to = new_file(file).await?;
        to.control("begin a copy", "BEGIN").await?;
        migrate::apply_up_to(&mut to, Dialect::Sqlite, schema).await?;
        let contents = fill(&tables, &mut self.snapshot, &mut to).await?;
        to.control("end a copy", "COMMIT").await?;
        to.close().await;
        sync(file)?;
        let mut again = foreign_file(file).await?;
        compare(&tables, &contents, &mut again).await?;
        again.close().await;
        drop(self.snapshot);
        self.database.close_readers().await;
        Ok(copied(schema, &contents))
    }
}

/// What a database is, and how far its schema is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseState {
    /// The database's own name and version: `PostgreSQL 15.8`.
    pub server: String,
    /// The version of its schema; `None` if there is nothing of ours in it.
    pub schema: Option<i64>,
    /// The newest version that this program knows.
    pub newest: i64,
}

/// Looks at a database. Changes nothing in it, and makes none.
pub async fn look_at_database(config: &StoreConfig) -> Result<DatabaseState> {
    let database = database_of(config)?;
    let mut snapshot = database.snapshot().await?;
    let version = snapshot
        .fetch_all("ask for the version", sql(database.dialect().version()))
        .await?;
    let version = version.first().map(|row| row.text(0)).transpose()?.unwrap_or_default();
    let schema = match has_schema(&mut snapshot, database.dialect()).await? {
        true => Some(schema_of(&mut snapshot).await?),
        false => None,
    };
    drop(snapshot);
    database.close_readers().await;
    Ok(DatabaseState {
        server: format!("{} {version}", database.dialect().name()),
        schema,
        newest: migrate::newest(),
    })
}

/// What a file of a backup holds, every row of it read.
pub async fn look_at(file: &Path) -> Result<Copied> {
    let (mut from, schema) = open_copy(file).await?;
    let mut contents = Vec::new();
    for table in tables_of(schema).await? {
        contents.push(table.copy(&mut from, None).await?);
    }
    from.close().await;
    Ok(copied(schema, &contents))
}

/// Copies the rows of a backup's file into a database with nothing in it. All of them, or none.
///
/// For SQLite the path of the configuration is a new file, which the caller gives its place when this has returned.
pub async fn restore(file: &Path, to: &StoreConfig) -> Result<Copied> {
    let (mut from, schema) = open_copy(file).await?;
    let tables = tables_of(schema).await?;
    let contents = match to {
        StoreConfig::Sqlite { path } => {
            make(path)?;
            let mut connection = new_file(path).await?;
            connection.control("begin a copy", "BEGIN").await?;
            migrate::apply_up_to(&mut connection, Dialect::Sqlite, schema).await?;
            let contents = fill(&tables, &mut from, &mut connection).await?;
            let broken = "SELECT count(*) FROM pragma_foreign_key_check()";
            let broken = connection
                .fetch_all("check the references of a copy", sql(broken))
                .await?;
            if broken.first().map(|row| row.integer(0)).transpose()? != Some(0) {
                return Err(Error::CopyDiffers {
                    table: "references".to_owned(),
                });
            }
            connection.control("end a copy", "COMMIT").await?;
            compare(&tables, &contents, &mut connection).await?;
            connection.close().await;
            sync(path)?;
            contents
        }
        StoreConfig::Postgres { url } => {
            let database = Database::postgres(url, 1)?;
            let mut connection = database.connect_writer().await?;
            connection
                .control("begin a copy", Dialect::Postgres.begin_alone())
                .await?;
            // Whatever goes wrong, the connection is closed without a commit.
            let contents = fill_postgres(&tables, schema, &mut from, &mut connection).await?;
            connection.control("end a copy", "COMMIT").await?;
            connection.close().await;
            contents
        }
    };
    from.close().await;
    Ok(copied(schema, &contents))
}

async fn fill_postgres(
    tables: &[Table],
    schema: i64,
    from: &mut Connection,
    connection: &mut Connection,
) -> Result<Vec<Content>> {
    let exists = sql(Dialect::Postgres.table_exists()).bind(MIGRATIONS);
    let exists = connection.fetch_all("look for the schema", exists).await?;
    if exists.first().map(|row| row.integer(0)).transpose()? != Some(0) {
        return Err(Error::TargetNotEmpty);
    }
    migrate::apply_up_to(connection, Dialect::Postgres, schema).await?;
    // Tables refer to each other and to themselves: what they say is checked when all of it is there.
    connection.control("loosen references", LOOSEN).await?;
    let contents = fill(tables, from, connection).await?;
    connection
        .control("check references", "SET CONSTRAINTS ALL IMMEDIATE")
        .await?;
    connection.control("tighten references", TIGHTEN).await?;
    compare(tables, &contents, connection).await?;
    Ok(contents)
}

const LOOSEN: &str = "DO $$ DECLARE c record; BEGIN FOR c IN SELECT conrelid::regclass AS t, conname AS n FROM \
                      pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace LOOP EXECUTE \
                      format('ALTER TABLE %s ALTER CONSTRAINT %I DEFERRABLE INITIALLY DEFERRED', c.t, c.n); END LOOP; \
                      END $$";
const TIGHTEN: &str = "DO $$ DECLARE c record; BEGIN FOR c IN SELECT conrelid::regclass AS t, conname AS n FROM \
                       pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace LOOP EXECUTE \
                       format('ALTER TABLE %s ALTER CONSTRAINT %I NOT DEFERRABLE', c.t, c.n); END LOOP; END $$";

/// Copies every table.
async fn fill<S>(tables: &[Table], from: &mut S, to: &mut Connection) -> Result<Vec<Content>>
where
    for<'s> &'s mut S: Into<Lent<'s>>,
{
    let mut contents = Vec::with_capacity(tables.len());
    for table in tables {
        contents.push(table.copy(&mut *from, Some(&mut *to)).await?);
    }
    Ok(contents)
}

/// Reads a copy again.
async fn compare(tables: &[Table], contents: &[Content], copy: &mut Connection) -> Result<()> {
    for (table, expected) in tables.iter().zip(contents) {
        if table.copy(&mut *copy, None).await? != *expected {
            return Err(Error::CopyDiffers {
                table: table.name.clone(),
            });
        }
    }
    Ok(())
}

async fn open_copy(file: &Path) -> Result<(Connection, i64)> {
    let mut from = foreign_file(file).await?;
    // A view or a virtual table of that name could be anything.
    let odd = "SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index') OR rootpage = 0 OR sql LIKE \
               'CREATE VIRTUAL%'";
    let odd = from.fetch_all("look at a copy's schema", sql(odd)).await?;
    let is_plain = odd.first().map(|row| row.integer(0)).transpose()? == Some(0);
    let exists = sql(Dialect::Sqlite.table_exists()).bind(MIGRATIONS);
    let exists = from.fetch_all("look for the schema", exists).await?;
    if !is_plain || exists.first().map(|row| row.integer(0)).transpose()? != Some(1) {
        return Err(Error::NotOurs);
    }
    let select = sql("SELECT version, checksum FROM schema_migration ORDER BY version");
    let rows = from.fetch_all("read the list of migrations", select).await?;
    let applied = rows
        .iter()
        .map(|row| Ok((row.integer(0)?, row.text(1)?)))
        .collect::<Result<Vec<_>>>()?;
    Ok((from, migrate::check_known(&applied)?))
}

fn database_of(config: &StoreConfig) -> Result<Database> {
    Ok(match config {
        StoreConfig::Sqlite { path } => Database::sqlite(path, 1),
        StoreConfig::Postgres { url } => Database::postgres(url, 1)?,
    })
}

async fn has_schema(snapshot: &mut Snapshot, dialect: Dialect) -> Result<bool> {
    let exists = sql(dialect.table_exists()).bind(MIGRATIONS);
    let rows = snapshot.fetch_all("look for the schema", exists).await?;
    Ok(rows.first().map(|row| row.integer(0)).transpose()? == Some(1))
}

async fn schema_of(snapshot: &mut Snapshot) -> Result<i64> {
    let select = sql("SELECT version, checksum FROM schema_migration ORDER BY version");
    let rows = snapshot.fetch_all("read the list of migrations", select).await?;
    let applied = rows
        .iter()
        .map(|row| Ok((row.integer(0)?, row.text(1)?)))
        .collect::<Result<Vec<_>>>()?;
    migrate::check_known(&applied)
}

/// The tables of a schema version, as this program's own migrations make them.
async fn tables_of(schema: i64) -> Result<Vec<Table>> {
    let mut memory = in_memory().await?;
    migrate::apply_up_to(&mut memory, Dialect::Sqlite, schema).await?;
    let mut tables = tables(&mut memory).await?;
    memory.close().await;
    tables.retain(|table| table.name != MIGRATIONS);
    Ok(tables)
}

fn copied(schema: i64, contents: &[Content]) -> Copied {
    Copied {
        schema,
        rows: contents.iter().map(|content| content.rows).sum(),
    }
}

/// Makes the file, which must not be there, for its owner alone.
fn make(file: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    match options.write(true).create_new(true).mode(0o600).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Error::TargetNotEmpty),
        Err(source) => Err(Error::File {
            operation: "make",
            path: file.display().to_string(),
            source,
        }),
    }
}

fn sync(file: &Path) -> Result<()> {
    let synced = std::fs::File::open(file).and_then(|file| file.sync_all());
    synced.map_err(|source| Error::File {
        operation: "sync",
        path: file.display().to_string(),
        source,
    })
}

#[cfg(test)]
mod tests;
