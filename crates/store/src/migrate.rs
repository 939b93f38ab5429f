//! The schema: numbered migrations, carried in the program, applied when the store is opened.
//!
//! Invariants: missing migrations are applied in one transaction, under the same lock as every write, so that two
//! processes that start together apply each once; one that was released is never edited, which its checksum proves; a
//! database from a newer program is refused and not touched.

use sha2::{Digest as _, Sha256};

use crate::error::{DatabaseError, Error, Result};
use crate::sql::dialect::Dialect;
use crate::sql::{Connection, sql};

struct Migration {
    version: i64,
    text: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        text: include_str!("../migrations/0001_core.sql"),
    },
    Migration {
        version: 2,
        text: include_str!("../migrations/0002_accounts.sql"),
    },
    Migration {
        version: 3,
        text: include_str!("../migrations/0003_projects.sql"),
    },
    Migration {
        version: 4,
        text: include_str!("../migrations/0004_settings.sql"),
    },
    Migration {
        version: 5,
        text: include_str!("../migrations/0005_api.sql"),
    },
    Migration {
        version: 6,
        text: include_str!("../migrations/0006_external_identity.sql"),
    },
    Migration {
        version: 7,
        text: include_str!("../migrations/0007_mail.sql"),
    },
    Migration {
        version: 8,
        text: include_str!("../migrations/0008_lifecycle.sql"),
    },
    Migration {
        version: 9,
        text: include_str!("../migrations/0009_nodes.sql"),
    },
    Migration {
        version: 10,
        text: include_str!("../migrations/0010_invitation_code.sql"),
    },
    Migration {
        version: 11,
        text: include_str!("../migrations/0011_sealed_answers.sql"),
    },
    Migration {
        version: 12,
        text: include_str!("../migrations/0012_step_input.sql"),
    },
    Migration {
        version: 13,
        text: include_str!("../migrations/0013_stillness.sql"),
    },
    Migration {
        version: 14,
        text: include_str!("../migrations/0014_audit_address.sql"),
    },
];

/// Brings the schema up to date.
pub(crate) async fn migrate(connection: &mut Connection, dialect: Dialect) -> Result<()> {
    migrate_to(connection, dialect, MIGRATIONS).await
}

/// Makes the schema of an earlier version in an empty database, inside the caller's transaction.
pub(crate) async fn apply_up_to(connection: &mut Connection, dialect: Dialect, version: i64) -> Result<()> {
    let count = MIGRATIONS
        .iter()
        .filter(|migration| migration.version <= version)
        .count();
    apply(connection, dialect, MIGRATIONS.get(..count).unwrap_or_default()).await
}

/// The newest version that this program knows.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// The version of a schema that these migrations made, if this program knows each of them.
pub(crate) fn check_known(applied: &[(i64, String)]) -> Result<i64> {
    let newest = applied.last().map_or(0, |(version, _)| *version);
    let known = self::newest();
    if newest > known {
        return Err(Error::SchemaTooNew { found: newest, known });
    }
    let needed = MIGRATIONS.iter().filter(|migration| migration.version <= newest);
    for migration in needed {
        let version = migration.version;
        let is_the_same = applied
            .iter()
            .any(|(applied, checksum)| *applied == version && *checksum == self::checksum(migration.text));
        if !is_the_same {
            return Err(Error::SchemaForeign { version });
        }
    }
    Ok(newest)
}

async fn migrate_to(connection: &mut Connection, dialect: Dialect, migrations: &[Migration]) -> Result<()> {
    connection.control("lock the schema", dialect.begin_alone()).await?;
    let migrated = apply(connection, dialect, migrations).await;
    let end = if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = connection.control("end the migration", end).await;
    migrated?;
    Ok(ended?)
}

async fn apply(connection: &mut Connection, dialect: Dialect, migrations: &[Migration]) -> Result<()> {
    const TABLE: &str = "schema_migration";
    let tables = connection
        .fetch_all("look for the schema", sql(dialect.table_exists()).bind(TABLE))
        .await?;
    let is_new = tables
        .first()
        .map(|row| row.integer(0))
        .transpose()?
        .unwrap_or_default()
        == 0;
    if is_new {
        let create = "CREATE TABLE schema_migration (version BIGINT NOT NULL PRIMARY KEY, checksum TEXT NOT NULL)";
        connection.control("create the list of migrations", create).await?;
    }
    let select = sql("SELECT version, checksum FROM schema_migration ORDER BY version");
    let rows = connection.fetch_all("read the list of migrations", select).await?;
    let applied = rows
        .iter()
        .map(|row| Ok((row.integer(0)?, row.text(1)?)))
        .collect::<Result<Vec<_>>>()?;
    let known = migrations.last().map_or(0, |migration| migration.version);
    if let Some(&(found, _)) = applied.last()
        && found > known
    {
        return Err(Error::SchemaTooNew { found, known });
    }
    for migration in migrations {
        let version = migration.version;
        let checksum = checksum(migration.text);
        match applied.iter().find(|(applied, _)| *applied == version) {
            Some((_, same)) if *same == checksum => {}
            Some(_) => return Err(Error::SchemaForeign { version }),
            None => apply_one(connection, dialect, migration, checksum)
                .await
                .map_err(|source| Error::Migrate { version, source })?,
        }
    }
    Ok(())
}

async fn apply_one(
    connection: &mut Connection,
    dialect: Dialect,
    migration: &Migration,
    checksum: String,
) -> Result<(), DatabaseError> {
    connection
        .control_assembled("change the schema", dialect.schema(migration.text))
        .await?;
    let insert = sql("INSERT INTO schema_migration (version, checksum) VALUES ($1, $2)");
    connection
        .execute("note the migration", insert.bind(migration.version).bind(checksum))
        .await?;
    Ok(())
}

/// Of the text as it is in the program, before it is fitted to a database.
fn checksum(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Database;

    async fn connect(directory: &tempfile::TempDir) -> Connection {
        let database = Database::sqlite(&directory.path().join("store.db"), 1);
        database.connect_writer().await.unwrap()
    }

    /// Later than any that this program has.
    const NEXT: i64 = 1_000;
    const NEXT_TEXT: &str = "CREATE TABLE next (id TEXT NOT NULL PRIMARY KEY) /*clustered*/;";

    fn with_next(text: &'static str) -> Vec<Migration> {
        let known = MIGRATIONS.iter().map(|migration| Migration { ..*migration });
        known.chain([Migration { version: NEXT, text }]).collect()
    }

    #[tokio::test]
    async fn a_newer_schema_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let mut connection = connect(&directory).await;
        migrate_to(&mut connection, Dialect::Sqlite, &with_next(NEXT_TEXT))
            .await
            .unwrap();
        let older = migrate_to(&mut connection, Dialect::Sqlite, &MIGRATIONS[..1]).await;
        assert!(
            matches!(older, Err(Error::SchemaTooNew { found: NEXT, .. })),
            "{older:?}"
        );
        migrate_to(&mut connection, Dialect::Sqlite, &with_next(NEXT_TEXT))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn an_edited_migration_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let mut connection = connect(&directory).await;
        migrate_to(&mut connection, Dialect::Sqlite, &with_next(NEXT_TEXT))
            .await
            .unwrap();
        let edited = migrate_to(
            &mut connection,
            Dialect::Sqlite,
            &with_next("CREATE TABLE other (id TEXT)"),
        )
        .await;
        assert!(
            matches!(edited, Err(Error::SchemaForeign { version: NEXT })),
            "{edited:?}"
        );
    }

    #[tokio::test]
    async fn a_failed_migration_leaves_nothing_and_can_be_repaired() {
        let directory = tempfile::tempdir().unwrap();
        let mut connection = connect(&directory).await;
        migrate_to(&mut connection, Dialect::Sqlite, &MIGRATIONS[..1])
            .await
            .unwrap();
        let broken = with_next("CREATE TABLE next (id TEXT); CREATE TABLE next (id TEXT);");
        let failed = migrate_to(&mut connection, Dialect::Sqlite, &broken).await;
        assert!(
            matches!(failed, Err(Error::Migrate { version: NEXT, .. })),
            "{failed:?}"
        );
        migrate_to(&mut connection, Dialect::Sqlite, &with_next(NEXT_TEXT))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn processes_that_start_together_migrate_once() {
        let directory = tempfile::tempdir().unwrap();
        let opening = (0..4).map(|_| async {
            let mut connection = connect(&directory).await;
            migrate(&mut connection, Dialect::Sqlite).await
        });
        for migrated in futures::future::join_all(opening).await {
            migrated.unwrap();
        }
    }
}
