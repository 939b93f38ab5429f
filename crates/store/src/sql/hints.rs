//! The line on which nodes give each other hints: `LISTEN` and `NOTIFY` of PostgreSQL. SQLite has no other nodes.
//!
//! Only `nodes` uses it. Invariants: nothing here takes a connection from the readers or the writer; what is sent is not
//! made durable, since it is a hint.

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};

use super::connection::{ACQUIRE_TIMEOUT, Database};
use crate::error::{DatabaseError, Result};

/// The channel of every node on a database.
const CHANNEL: &str = "codecourier";
/// One to listen, one to send.
const CONNECTIONS: u32 = 2;

/// Both ends of the line.
#[derive(Debug, Clone)]
pub(crate) struct HintLine {
    pool: PgPool,
}

/// One who listens. Whatever is sent from the moment it exists is heard.
pub(crate) struct HintListener(PgListener);

impl Database {
    /// The line of this database, if it can have other nodes. Connects nothing yet.
    pub(crate) fn hint_line(&self) -> Option<HintLine> {
        match self {
            Self::Sqlite { .. } => None,
            Self::Postgres { writer, .. } => Some(HintLine {
                pool: PgPoolOptions::new()
                    .max_connections(CONNECTIONS)
                    .min_connections(0)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .connect_lazy_with(options(writer)),
            }),
        }
    }
}

fn options(writer: &PgConnectOptions) -> PgConnectOptions {
    // A NOTIFY is a transaction of its own; without this each would wait for the disk.
    writer
        .clone()
        .application_name("codecourier hints")
        .options([("synchronous_commit", "off")])
        .disable_statement_logging()
}

impl HintLine {
    /// Tells every node, this one too.
    pub(crate) async fn send(&self, payload: String) -> Result<(), DatabaseError> {
        let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload);
        let sent = notify.execute(&self.pool).await;
        sent.map(drop)
            .map_err(|source| DatabaseError::new("tell other nodes", source))
    }

    /// Begins to listen.
    pub(crate) async fn listen(&self) -> Result<HintListener, DatabaseError> {
        let failed = |source| DatabaseError::new("listen to other nodes", source);
        let mut listener = PgListener::connect_with(&self.pool).await.map_err(failed)?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await.map_err(failed)?;
        Ok(HintListener(listener))
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

impl HintListener {
    /// The next payload. After a failure nothing more comes from this listener.
    pub(crate) async fn next(&mut self) -> Result<String, DatabaseError> {
        let lost = || sqlx::Error::Io(std::io::ErrorKind::ConnectionAborted.into());
        let heard = self.0.try_recv().await.and_then(|heard| heard.ok_or_else(lost));
        heard
            .map(|notification| notification.payload().to_owned())
            .map_err(|source| DatabaseError::new("listen to other nodes", source))
    }
}
