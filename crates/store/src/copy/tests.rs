//! Copies between the two databases, and of files that are no copies.

use std::path::PathBuf;

use codecourier_testkit::postgres::Server;

use super::*;
use crate::Store;
use crate::sql::assembled;

/// Rows that refer to each other and to themselves, with texts of every kind and with nothing in them.
const ROWS: [&str; 6] = [
    "INSERT INTO account VALUES ('user_a', 'a@example.org', 5, 'Ada ''Ö'' \u{1F980}', 'operator', NULL, 1, 2, NULL)",
    "INSERT INTO account VALUES ('user_b', NULL, NULL, '', 'active', 'x', 1, -9223372036854775808, 9223372036854775807)",
    "INSERT INTO project (id, slug, name, work_limit, created_at, updated_at, body) VALUES ('prj_1', 's', 'n', 1, 1, 1, '{}')",
    // The second owner is named by the first one's row, which comes before it.
    "INSERT INTO membership VALUES ('prj_1', 'user_a', 'member', 1, 'user_b', 'owner'), ('prj_1', 'user_b', 'owner', 1, 'user_b', 'owner')",
    "INSERT INTO last_project VALUES ('user_a', 'prj_1', 1)",
    "WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 5000) INSERT INTO setting SELECT CAST(n AS TEXT), 'v', n FROM many",
];
const COUNT: u64 = 5_006;

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A database in use, with the rows.
    async fn filled(&self) -> (Store, StoreConfig) {
        let config = StoreConfig::Sqlite {
            path: self.path("live.db"),
        };
        let store = Store::open(config.clone()).await.unwrap();
        let Database::Sqlite { .. } = Database::sqlite(&self.path("live.db"), 1) else {
            panic!("not SQLite")
        };
        let mut connection = Database::sqlite(&self.path("live.db"), 1)
            .connect_writer()
            .await
            .unwrap();
        for row in ROWS {
            connection.control_assembled("fill", row.to_owned()).await.unwrap();
        }
        (store, config)
    }
}

async fn rows_of(config: &StoreConfig, file: &Path) -> u64 {
    Moment::of(config).await.unwrap().write_to(file).await.unwrap().rows
}

#[tokio::test]
async fn a_copy_goes_from_either_database_into_either() {
    let place = Place::new();
    let (_store, live) = place.filled().await;
    let first = place.path("first.copy");
    let copied = Moment::of(&live).await.unwrap().write_to(&first).await.unwrap();
    assert_eq!(copied.rows, COUNT);
    assert_eq!(look_at(&first).await.unwrap(), copied);

    let postgres = StoreConfig::Postgres {
        url: Server::shared().create_database(),
    };
    assert_eq!(restore(&first, &postgres).await.unwrap(), copied);
    let second = place.path("second.copy");
    assert_eq!(rows_of(&postgres, &second).await, COUNT);
    let sqlite = StoreConfig::Sqlite {
        path: place.path("again.db"),
    };
    assert_eq!(restore(&second, &sqlite).await.unwrap(), copied);
    for config in [postgres, sqlite] {
        // It is a database like any other: it opens, and what holds it together holds.
        let store = Store::open(config.clone()).await.unwrap();
        let orphan = store
            .write(|tx| {
                let insert = sql("INSERT INTO last_project VALUES ('user_b', 'prj_none', 1)");
                Box::pin(async move { tx.execute("add an orphan", insert).await })
            })
            .await;
        assert!(orphan.is_err(), "references are not checked in {config:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_copy_shows_the_moment_it_was_begun() {
    let place = Place::new();
    let (store, live) = place.filled().await;
    let moment = Moment::of(&live).await.unwrap();
    let later = sql("INSERT INTO setting VALUES ('later', 'v', 1)");
    let written = store.write(|tx| Box::pin(async move { tx.execute("write", later).await }));
    written.await.unwrap();
    let copied = moment.write_to(&place.path("copy")).await.unwrap();
    assert_eq!(copied.rows, COUNT);
    assert_eq!(rows_of(&live, &place.path("another")).await, COUNT + 1);
}

#[tokio::test]
async fn nothing_is_copied_over_something() {
    let place = Place::new();
    let (_store, live) = place.filled().await;
    let copy = place.path("copy");
    rows_of(&live, &copy).await;
    assert!(matches!(restore(&copy, &live).await, Err(Error::TargetNotEmpty)));
    let postgres = StoreConfig::Postgres {
        url: Server::shared().create_database(),
    };
    Store::open(postgres.clone()).await.unwrap().close().await;
    assert!(matches!(restore(&copy, &postgres).await, Err(Error::TargetNotEmpty)));
    assert_eq!(rows_of(&postgres, &place.path("untouched")).await, 0);
    let missing = StoreConfig::Sqlite {
        path: place.path("missing.db"),
    };
    assert!(Moment::of(&missing).await.is_err() && !place.path("missing.db").exists());
}

#[tokio::test]
async fn a_file_that_is_no_copy_is_refused_and_leaves_nothing() {
    let place = Place::new();
    let (_store, live) = place.filled().await;
    let copy = place.path("copy");
    rows_of(&live, &copy).await;
    let url = Server::shared().create_database();
    let tampered = [
        "CREATE VIEW more AS SELECT 1",
        "CREATE TRIGGER more AFTER INSERT ON setting BEGIN DELETE FROM account; END",
        "CREATE VIRTUAL TABLE more USING fts5(x)",
        "ALTER TABLE account RENAME TO account_of_old; CREATE VIEW account AS SELECT * FROM account_of_old",
        "UPDATE schema_migration SET version = 9999 WHERE version = 2",
        "UPDATE schema_migration SET checksum = 'x' WHERE version = 2",
        "DELETE FROM schema_migration WHERE version = 1",
        "DROP TABLE schema_migration",
        "DROP TABLE setting",
        "ALTER TABLE setting DROP COLUMN updated_at",
        "UPDATE setting SET updated_at = 'not a number' WHERE key = '1'",
        "UPDATE setting SET value = CAST(x'fffe' AS TEXT) WHERE key = '1'",
        "DELETE FROM account WHERE id = 'user_b'",
        "UPDATE membership SET role = 'admin'",
        "INSERT INTO former_slug VALUES ('s', 'prj_none', 1)",
    ];
    for (number, tampering) in tampered.into_iter().enumerate() {
        let file = place.path(&format!("tampered {number}"));
        std::fs::copy(&copy, &file).unwrap();
        let mut connection = new_file(&file).await.unwrap();
        let changed = connection.control_assembled("tamper", tampering.to_owned()).await;
        changed.unwrap_or_else(|error| panic!("{tampering}: {:?}", std::error::Error::source(&error)));
        connection.close().await;
        let path = place.path(&format!("restored {number}.db"));
        let refused = restore(&file, &StoreConfig::Sqlite { path }).await;
        assert!(refused.is_err(), "{tampering}");
        let refused = restore(&file, &StoreConfig::Postgres { url: url.clone() }).await;
        assert!(refused.is_err(), "{tampering}");
    }
    for (number, bytes) in [&b""[..], b"SQLite format 3\0", &[0x41; 100_000]]
        .into_iter()
        .enumerate()
    {
        let file = place.path(&format!("nonsense {number}"));
        std::fs::write(&file, bytes).unwrap();
        assert!(look_at(&file).await.is_err(), "{number}");
    }
    // After all of that the database is as empty as it was.
    assert_eq!(
        restore(&copy, &StoreConfig::Postgres { url }).await.unwrap().rows,
        COUNT
    );
}

#[tokio::test]
async fn an_older_copy_becomes_a_database_of_its_version_and_is_brought_up_to_date() {
    let place = Place::new();
    let file = place.path("old.copy");
    let mut old = new_file(&file).await.unwrap();
    migrate::apply_up_to(&mut old, Dialect::Sqlite, 1).await.unwrap();
    let insert = "INSERT INTO project (id, slug, name, work_limit, created_at, updated_at, body) \
                  VALUES ('prj_1', 's', 'n', 1, 1, 1, '{}')";
    old.execute("fill", assembled(insert.to_owned())).await.unwrap();
    old.close().await;
    let url = Server::shared().create_database();
    let path = place.path("new.db");
    for config in [StoreConfig::Sqlite { path }, StoreConfig::Postgres { url }] {
        let copied = restore(&file, &config).await.unwrap();
        assert_eq!((copied.schema, copied.rows), (1, 1));
        Store::open(config.clone()).await.unwrap().close().await;
        let now = Moment::of(&config).await.unwrap();
        assert!(now.schema > 1);
    }
}

/// What is loosened while rows are copied into PostgreSQL is tightened after it, all of it.
#[test]
fn no_reference_of_the_schema_is_meant_to_be_loose() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    for entry in std::fs::read_dir(directory).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.to_uppercase().contains("DEFERR"), "`TIGHTEN` would undo it");
    }
}
