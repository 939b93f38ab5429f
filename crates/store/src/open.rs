//! Opening the store, and the handle that everybody holds.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::background;
use crate::changes::Scope;
use crate::error::{Error, Result};
use crate::events::OutputQueue;
use crate::feed::Watchers;
use crate::migrate;
use crate::nodes::access::AccessLog;
use crate::nodes::{Nodes, Outbox, SweepPace};
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

/// How many connections there are for reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// In use.
    pub busy: u32,
    /// Open and free.
    pub idle: u32,
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
    /// What other nodes do about access; `None` where there are no other nodes.
    access: Option<Arc<AccessLog>>,
    nodes: parking::Slot<Nodes>,
    outputs: OutputQueue,
}

/// What tests set otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    pub(crate) command_limit: Duration,
    pub(crate) sweep_pace: SweepPace,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            command_limit: COMMAND_LIMIT,
            sweep_pace: SweepPace::default(),
        }
    }
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
        Self::open_tuned(config, Tuning::default()).await
    }

    pub(crate) async fn open_tuned(config: StoreConfig, tuning: Tuning) -> Result<Self> {
        let database = match &config {
            StoreConfig::Sqlite { path } => Database::sqlite(path, SQLITE_READERS),
            StoreConfig::Postgres { url } => Database::postgres(url, POSTGRES_READERS)?,
        };
        let mut connection = database.connect_writer().await?;
        migrate::migrate(&mut connection, database.dialect()).await?;
        let watchers = Arc::new(Watchers::new());
        let (sender, receiver) = mpsc::channel(COMMANDS_QUEUED);
        let access = match &config {
            StoreConfig::Sqlite { .. } => None,
            StoreConfig::Postgres { .. } => {
                let head = Reader::pooled(database.acquire().await?)
                    .change_head(Scope::Access)
                    .await?;
                Some(Arc::new(AccessLog::after(head)))
            }
        };
        let outbox = Arc::<Outbox>::default();
        let nodes = access
            .as_ref()
            .and_then(|access| Nodes::start(&database, &watchers, access, &outbox, tuning.sweep_pace));
        let mut writer = Writer::new(
            database.clone(),
            connection,
            Arc::clone(&watchers),
            receiver,
            tuning.command_limit,
        );
        if let Some(access) = &access {
            writer = writer.among_nodes(Arc::clone(access), outbox);
        }
        let writer = background::spawn(writer.run());
        Ok(Self {
            inner: Arc::new(Inner {
                database,
                watchers,
                commands: parking::Slot::new(sender),
                writer: parking::Slot::new(writer),
                access,
                nodes: parking::Slot::holding(nodes),
                outputs: OutputQueue::default(),
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

    /// How many connections there are for reading now.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let (open, idle) = self.inner.database.readers();
        let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(open);
        Connections {
            busy: open - idle,
            idle,
        }
    }

    /// Returns when every change of anybody's access that was committed before, on whatever node, was shown to the
    /// [observers](Store::observe_changes). To be awaited after having read what somebody is to be told, and before
    /// looking whether they may still be told.
    pub async fn hear_of_access(&self) -> Result<()> {
        match &self.inner.access {
            Some(access) => access.hear(&self.inner.database, &self.inner.watchers).await,
            None => Ok(()),
        }
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
        if let Some(nodes) = self.inner.nodes.take() {
            nodes.stop().await;
        }
        self.inner.watchers.close();
        self.inner.database.close_readers().await;
    }

    pub(crate) fn watchers(&self) -> &Watchers {
        &self.inner.watchers
    }

    pub(crate) fn outputs(&self) -> &OutputQueue {
        &self.inner.outputs
    }
}

/// A value that can be taken out once, shared between handles.
mod parking {
    use std::sync::{Mutex, PoisonError};

    pub(super) struct Slot<T>(Mutex<Option<T>>);

    impl<T> Slot<T> {
        pub(super) const fn new(value: T) -> Self {
            Self::holding(Some(value))
        }

        pub(super) const fn holding(value: Option<T>) -> Self {
            Self(Mutex::new(value))
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
