//! The store: every row the product keeps, on SQLite or PostgreSQL, behind one API. The only crate with SQL.
//!
//! The engine writes with [`Store::write`] and reads with [`Store::read`]; nobody else may depend on this crate but
//! the binary, which opens it, and `testkit`, which checks it.
//!
//! Invariants:
//! - One SQL text for both databases. What differs is in `sql::dialect` and nowhere else.
//! - One write transaction at a time per database, on both (see [`writer`]): a command sees everything committed
//!   before it, and commands never deadlock.
//! - A command is acknowledged after its commit was made durable. Watchers are told after that, never before.
//! - Whatever belongs to a project is asked for with the project: no function loads by identifier alone.
//! - Columns are TEXT, BIGINT, DOUBLE, BOOLEAN or BLOB; identifiers are text, times are BIGINT milliseconds, bodies are
//!   JSON text that this crate stores and never looks into.

pub mod accounts;
pub mod api_keys;
pub mod audit;
mod background;
pub mod blob_uses;
pub mod blobs;
mod body;
pub mod changes;
pub mod copy;
pub mod error;
pub mod events;
pub mod external;
mod feed;
pub mod idempotency;
pub mod invitations;
pub mod ledger;
pub mod lock;
pub mod mails;
pub mod members;
mod migrate;
mod nodes;
mod open;
pub mod page;
pub mod project_settings;
pub mod projects;
pub mod provider_keys;
mod purge;
mod read;
pub mod retention;
pub mod runs;
pub mod sealed;
pub mod settings;
mod sql;
pub mod step_inputs;
pub mod steps;
mod stillness;
pub mod tasks;
pub mod under_way;
pub mod variables;
pub mod words;
pub mod workflows;
pub mod writer;

pub use body::Body;
pub use error::{Error, Result};
pub use open::{Connections, Store, StoreConfig};
pub use read::Reader;
pub use writer::Tx;
