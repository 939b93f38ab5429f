//! The writer: one actor that takes write commands in turn, groups them into transactions, and answers after the commit.
//!
//! Callers use [`Store::write`](crate::Store::write); only the feature modules of this crate add functions to [`Tx`].
//!
//! Invariants:
//! - A command runs whole or not at all, whatever happens to the future of the caller who sent it.
//! - A command that fails, panics or takes too long undoes its own writes and no other's: each runs under a savepoint.
//! - Commands are committed in the order in which they were taken; changes are published in that order, after the commit
//!   and before the commands are answered.
//! - While one commit is on its way to the disk the next commands gather: that, and no timer, makes the groups, so
//!   a lone command never waits for company.
//!
//! PostgreSQL would allow several writers. It gets the same single file of transactions, by an advisory lock around
//! each: then limits in a claim are exact, numbers of a scope follow commit order, no command can deadlock with another,
//! and what the tests prove on SQLite holds there too.

pub(crate) mod actor;
mod command;
mod tx;

#[cfg(test)]
mod tests;

pub(crate) use command::{Command, TypedCommand};
pub(crate) use tx::Effects;
pub use tx::Tx;
