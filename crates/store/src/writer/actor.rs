//! The loop that groups commands into transactions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::command::{Command, Ran, Reply};
use super::tx::{Effects, Tx};
use crate::error::{Error, Result, Trouble};
use crate::feed::Watchers;
use crate::nodes::Outbox;
use crate::nodes::access::AccessLog;
use crate::sql::{Connection, Database};

/// A group is closed when it holds that many commands, or has taken that long.
const GROUP_SIZE: usize = 1024;
const GROUP_TIME: Duration = Duration::from_millis(25);

/// The writer. Owns the only connection that writes.
pub(crate) struct Writer {
    database: Database,
    watchers: Arc<Watchers>,
    commands: mpsc::Receiver<Box<dyn Command>>,
    connection: Option<Connection>,
    command_limit: Duration,
    among: Option<Among>,
}

/// What a writer among several nodes needs besides.
struct Among {
    access: Arc<AccessLog>,
    outbox: Arc<Outbox>,
}

impl Writer {
    pub(crate) fn new(
        database: Database,
        connection: Connection,
        watchers: Arc<Watchers>,
        commands: mpsc::Receiver<Box<dyn Command>>,
        command_limit: Duration,
    ) -> Self {
        Self {
            database,
            watchers,
            commands,
            connection: Some(connection),
            command_limit,
            among: None,
        }
    }

    /// The same where other nodes write to the database too.
    pub(crate) fn among_nodes(mut self, access: Arc<AccessLog>, outbox: Arc<Outbox>) -> Self {
        self.among = Some(Among { access, outbox });
        self
    }

    /// Works until every handle on the store is gone and every command sent has been answered.
    pub(crate) async fn run(mut self) {
        while let Some(command) = self.commands.recv().await {
            match self.begin().await {
                Ok(tx) => self.group(tx, command).await,
                Err(failure) => command.reject(failure),
            }
        }
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }

    /// Opens a transaction, on a new connection if the old one is gone or turns out to be.
    async fn begin(&mut self) -> Result<Tx> {
        let dialect = self.database.dialect();
        let begun = match self.connection.take() {
            None => None,
            Some(mut connection) => match connection.begin_write(dialect).await {
                Ok(access_head) => Some((connection, access_head)),
                // Nothing was begun, so nothing is lost by trying again on a new connection.
                Err(failure) if failure.trouble() == Trouble::Unavailable => {
                    connection.close().await;
                    None
                }
                Err(failure) => {
                    connection.close().await;
                    return Err(failure.into());
                }
            },
        };
        let (connection, access_head) = match begun {
            Some(begun) => begun,
            None => {
                let mut connection = self.database.connect_writer().await?;
                let access_head = connection.begin_write(dialect).await?;
                (connection, access_head)
            }
        };
        let mut tx = Tx::new(connection);
        if let (Some(among), Some(head)) = (&self.among, access_head)
            && among.access.is_behind(head)
            && let Err(failure) = among.access.read_on(&mut tx.read(), &self.watchers).await
        {
            tx.connection.close().await;
            return Err(failure);
        }
        Ok(tx)
    }

    /// Runs the first command and those that have gathered meanwhile, commits, and answers.
    async fn group(&mut self, mut tx: Tx, first: Box<dyn Command>) {
        let began = Instant::now();
        let mut kept: Vec<Reply> = Vec::new();
        let mut savepoint = Savepoint::None;
        let mut next = Some(first);
        while let Some(command) = next.take() {
            // The first command needs no savepoint: to undo it is to undo the transaction.
            if !kept.is_empty() {
                if let Err(failure) = tx.connection.control("set a savepoint", savepoint.renew()).await {
                    command.reject(failure.clone().into());
                    return self.abandon(tx, kept, failure.into()).await;
                }
                savepoint = Savepoint::Set;
            }
            let mark = tx.effects.mark();
            match command.run(&mut tx, self.command_limit).await {
                Ran::Keep(reply) => kept.push(reply),
                Ran::Undo(reply) => {
                    tx.effects.forget_since(mark);
                    let cause = tx.failure.take();
                    if kept.is_empty() || tx.abandoned {
                        reply(Ok(()));
                        let cause = cause.map_or(Error::CommandTimedOut, Error::from);
                        return self.abandon(tx, kept, cause).await;
                    }
                    if let Err(failure) = tx
                        .connection
                        .control("undo a command", "ROLLBACK TO SAVEPOINT command")
                        .await
                    {
                        reply(Ok(()));
                        // The database has rolled the whole transaction back, or is gone: the first cause says why.
                        return self.abandon(tx, kept, cause.unwrap_or(failure).into()).await;
                    }
                    reply(Ok(()));
                }
            }
            if kept.len() < GROUP_SIZE && began.elapsed() < GROUP_TIME {
                next = self.commands.try_recv().ok();
            }
        }
        self.commit(tx, kept).await;
    }

    async fn commit(&mut self, mut tx: Tx, kept: Vec<Reply>) {
        let began = Instant::now();
        match tx.connection.control("commit", "COMMIT").await {
            Ok(()) => {
                metrics::histogram!("codecourier_store_commit_seconds").record(began.elapsed().as_secs_f64());
                // A group has at most `GROUP_SIZE` commands.
                let commands = u32::try_from(kept.len()).unwrap_or(u32::MAX);
                metrics::histogram!("codecourier_store_commit_commands").record(f64::from(commands));
                let Tx {
                    connection, effects, ..
                } = tx;
                self.connection = Some(connection);
                // First: whoever was told that a membership has ended may rely on it that nothing more is delivered.
                self.publish(effects);
                for reply in kept {
                    reply(Ok(()));
                }
            }
            Err(failure) => {
                // A lost connection says nothing about the commit; a database that answers with a refusal kept nothing.
                let unknown = failure.trouble() == Trouble::Unavailable;
                let unknown = unknown && matches!(tx.connection, Connection::Postgres(_));
                self.roll_back(tx).await;
                for reply in kept {
                    reply(Err(if unknown {
                        Error::CommitUnknown(failure.clone())
                    } else {
                        failure.clone().into()
                    }));
                }
            }
        }
    }

    /// Gives the whole group up. Nothing of it was kept.
    async fn abandon(&mut self, tx: Tx, kept: Vec<Reply>, cause: Error) {
        self.roll_back(tx).await;
        let mut cause = Some(cause);
        for reply in kept {
            reply(Err(repeat(&mut cause)));
        }
    }

    /// Rolls back, and keeps the connection only if that shows it to be sound.
    async fn roll_back(&mut self, mut tx: Tx) {
        if tx.abandoned {
            return tx.connection.close().await;
        }
        match tx.connection.control("roll back", "ROLLBACK").await {
            Ok(()) => self.connection = Some(tx.connection),
            Err(_) => tx.connection.close().await,
        }
    }

    fn publish(&self, effects: Effects) {
        let Some(among) = &self.among else {
            return self.watchers.publish(effects);
        };
        among.outbox.put(&effects);
        let access_head = effects.access_head;
        self.watchers.publish(effects);
        // After it was shown: until then whoever asks reads it from the log.
        if let Some(head) = access_head {
            among.access.has_shown(head);
        }
    }
}

/// The failure of a group, for each of its commands.
fn repeat(cause: &mut Option<Error>) -> Error {
    match cause.take() {
        Some(Error::DiskFull(failure)) => {
            *cause = Some(Error::DiskFull(failure.clone()));
            Error::DiskFull(failure)
        }
        Some(Error::Unavailable(failure)) => {
            *cause = Some(Error::Unavailable(failure.clone()));
            Error::Unavailable(failure)
        }
        Some(Error::Database(failure)) => {
            *cause = Some(Error::Database(failure.clone()));
            Error::Database(failure)
        }
        _ => Error::CommandTimedOut,
    }
}

/// Whether the transaction has a savepoint that the next command can renew.
#[derive(Clone, Copy)]
enum Savepoint {
    None,
    Set,
}

impl Savepoint {
    const fn renew(self) -> &'static str {
        match self {
            Self::None => "SAVEPOINT command",
            Self::Set => "RELEASE SAVEPOINT command; SAVEPOINT command",
        }
    }
}
