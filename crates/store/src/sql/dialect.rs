//! Everything in which the two databases differ. Nothing outside this file and `connection` may know which one it is.
//!
//! Invariant: statements about rows do not differ at all. Only the opening of a transaction, the settings of a
//! connection and two words of the schema do.

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// The advisory lock that makes PostgreSQL write transactions take turns, and the one around migrations.
/// Advisory locks belong to one database of a server; these numbers spell `ccwr` and `ccmi`.
macro_rules! write_lock {
    () => {
        "1667463026"
    };
}

impl Dialect {
    /// Opens a transaction that no write overlaps, whatever the schema is.
    pub(crate) const fn begin_alone(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => concat!("BEGIN; SELECT pg_advisory_xact_lock(", write_lock!(), ")"),
        }
    }

    /// Opens a write transaction that no other overlaps, in whatever process it is. Where there can be other nodes, it
    /// also reads how far the log of access is, on the same way to the server and back.
    pub(crate) const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => self.begin_alone(),
            Self::Postgres => concat!(
                "BEGIN; SELECT pg_advisory_xact_lock(",
                write_lock!(),
                "); SELECT seq AS access_head FROM scope WHERE scope = 'access'"
            ),
        }
    }

    /// Opens a transaction whose reads all see the same moment.
    pub(crate) const fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN DEFERRED",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// What the writer's connection is told once.
    ///
    /// A writer that hangs must not hold the others up for ever. And every statement has its index: a plan that was
    /// made while a table was empty, and kept, must not read the table from end to end when it has grown. Nor by a
    /// bitmap, which visits the dead entries of a queue each time instead of marking them.
    pub(crate) const fn prepare_writer(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(
                "SET synchronous_commit = on; SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '90s'; \
                 SET enable_seqscan = off; SET enable_bitmapscan = off",
            ),
        }
    }

    /// The text of a migration for this database.
    pub(crate) fn schema(self, text: &str) -> String {
        match self {
            Self::Sqlite => text.replace("/*clustered*/", "WITHOUT ROWID"),
            Self::Postgres => text.replace("/*clustered*/", "").replace(" BLOB", " BYTEA"),
        }
    }

    /// What people call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// Asks the database which version it is.
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT sqlite_version()",
            Self::Postgres => "SHOW server_version",
        }
    }

    /// Whether a table of that name exists; `$1` is the name.
    pub(crate) const fn table_exists(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $1",
            Self::Postgres => {
                "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = $1"
            }
        }
    }
}
