//! Opening the store, and the handle that everybody holds.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::background;
use crate::error::{Error, Result};
use crate::feed::Watchers;
use crate::migrate;
use crate::read::Reader;
use crate::sql::Database;
use crate::writer::actor::Writer;
use crate::writer::{Command, Tx, TypedCommand};

/// Commands that may wait for the writer before senders have to.
const COMMANDS_QUEUED: usize = 4096;
const SQLITE_READERS: u32 = 4;
const POSTGRES_READERS: u32 = 8;
/// Commands talk to the database only; one that takes longer than this hangs.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// Which database.
#[derive(Clone)]
pub enum StoreConfig {
    /// A file of this process's own. Its directory exists.
    Sqlite {
        /// The file; made when missing.
        path: PathBuf,
    },
    /// A database on a PostgreSQL server, 15 or newer.
    Postgres {
        /// `postgres://user:password@host/database`.
        url: String,
    },
}

impl fmt::Debug for StoreConfig {
    /// Leaves the URL out, which may hold a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => formatter.debug_struct("Sqlite").field("path", path).finish(),
            Self::Postgres { .. } => formatter.write_str("Postgres"),
        }
    }
}

/// A handle on the store. Cloning it is cheap; the database is closed with the last one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    watchers: Arc<Watchers>,
    /// `None` once closed.
    commands: parking::Slot<mpsc::Sender<Box<dyn Command>>>,
    writer: parking::Slot<JoinHandle<()>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Store")
            .field("dialect", &self.inner.database.dialect())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database, brings its schema up to date, and starts the writer.
    pub async fn open(config: StoreConfig) -> Result<Self> {
        Self::open_with_command_limit(config, COMMAND_LIMIT).await
    }

    pub(crate) async fn open_with_command_limit(config: StoreConfig, command_limit: Duration) -> Result<Self> {
        let database = match &config {
            StoreConfig::Sqlite { path } => Database::sqlite(path, SQLITE_READERS),
            StoreConfig::Postgres { url } => Database::postgres(url, POSTGRES_READERS)?,
        };
        let mut connection = database.connect_writer().await?;
        migrate::migrate(&mut connection, database.dialect()).await?;
        let watchers = Arc::new(Watchers::new());
        let (sender, receiver) = mpsc::channel(COMMANDS_QUEUED);
        let writer = Writer::new(
            database.clone(),
            connection,
            Arc::clone(&watchers),
            receiver,
            command_limit,
        );
        let writer = background::spawn(writer.run());
        Ok(Self {
            inner: Arc::new(Inner {
                database,
                watchers,
                commands: parking::Slot::new(sender),
                writer: parking::Slot::new(writer),
            }),
        })
    }

    /// Runs a command in a write transaction and returns after it was committed durably.
    ///
    /// An error of the command undoes its writes and no other's. Dropping the returned future does not stop a command
    /// that was sent. Commands must talk to nothing but the transaction: everybody else's writes wait for them.
    pub async fn write<T, F>(&self, command: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.write_with(command).await
    }

    /// [`Store::write`] for commands that fail with an error of their own, which undoes them all the same.
    pub async fn write_with<T, E, F>(&self, command: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let commands = self.inner.commands.get().ok_or(Error::Closed)?;
        let (reply, result) = oneshot::channel();
        let command = Box::new(TypedCommand { body: command, reply });
        commands.send(command).await.map_err(|_| Error::Closed)?;
        drop(commands);
        result.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// A connection for reads. Each query sees what is committed when it runs.
    pub async fn read(&self) -> Result<Reader<'static>> {
        Ok(Reader::pooled(self.inner.database.acquire().await?))
    }

    /// A connection for reads that all see the same moment. Hold it briefly.
    pub async fn snapshot(&self) -> Result<Reader<'static>> {
        Ok(Reader::snapshot(self.inner.database.snapshot().await?))
    }

    /// Lets the commands that were sent finish, then ends every wait and closes every connection. Later calls get
    /// [`Error::Closed`].
    pub async fn close(&self) {
        drop(self.inner.commands.take());
        if let Some(writer) = self.inner.writer.take()
            && let Err(error) = writer.await
        {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the writer of the store did not end well"
            );
        }
        self.inner.watchers.close();
        self.inner.database.close_readers().await;
    }

    pub(crate) fn watchers(&self) -> &Watchers {
        &self.inner.watchers
    }
}

/// A value that can be taken out once, shared between handles.
mod parking {
    use std::sync::{Mutex, PoisonError};

    pub(super) struct Slot<T>(Mutex<Option<T>>);

    impl<T> Slot<T> {
        pub(super) const fn new(value: T) -> Self {
            Self(Mutex::new(Some(value)))
        }

        pub(super) fn take(&self) -> Option<T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
        }
    }

    impl<T: Clone> Slot<T> {
        pub(super) fn get(&self) -> Option<T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
        }
    }
}
