//! A write command on its way through the actor: a closure, and the one who waits for its result.
//!
//! Invariant: every command is answered exactly once, and with success only after its commit.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::tx::Tx;
use crate::error::Error;

/// A command as the actor sees it, whatever it returns.
pub(crate) trait Command: Send {
    /// Runs the command. What it wrote is not committed yet.
    fn run<'t>(self: Box<Self>, tx: &'t mut Tx, limit: Duration) -> BoxFuture<'t, Ran>;

    /// Answers without having run it.
    fn reject(self: Box<Self>, error: Error);
}

/// A command that has run, and what is to become of its writes.
pub(crate) enum Ran {
    /// Keep its writes; answer when they are durable.
    Keep(Reply),
    /// Undo its writes; then answer what it failed with.
    Undo(Reply),
}

/// Answers the one who waits: with the command's own result, or with a failure that came after it.
pub(crate) type Reply = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// A command with its types.
pub(crate) struct TypedCommand<T, E, F> {
    pub(crate) body: F,
    pub(crate) reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Command for TypedCommand<T, E, F>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    fn run<'t>(self: Box<Self>, tx: &'t mut Tx, limit: Duration) -> BoxFuture<'t, Ran> {
        let Self { body, reply } = *self;
        Box::pin(async move {
            let running = AssertUnwindSafe(async { body(tx).await }).catch_unwind();
            let result = match tokio::time::timeout(limit, running).await {
                Ok(Ok(result)) => result,
                Ok(Err(panic)) => Err(Error::CommandPanicked {
                    message: panic_message(&*panic),
                }
                .into()),
                Err(_elapsed) => {
                    // A statement may be half-way: nobody can say what the connection would answer next.
                    tx.abandoned = true;
                    Err(Error::CommandTimedOut.into())
                }
            };
            // The command may have swallowed the failure of a statement; what it wrote is then not whole.
            let result = match (&tx.failure, result) {
                (Some(failure), Ok(_)) => Err(Error::from(failure.clone()).into()),
                (_, result) => result,
            };
            let keep = result.is_ok();
            let answer: Reply = Box::new(move |committed| {
                // Nobody may be waiting any more; the command counts all the same.
                drop(reply.send(committed.map_err(E::from).and(result)));
            });
            if keep { Ran::Keep(answer) } else { Ran::Undo(answer) }
        })
    }

    fn reject(self: Box<Self>, error: Error) {
        drop(self.reply.send(Err(error.into())));
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "not text".to_owned())
}
