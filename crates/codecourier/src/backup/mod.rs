//! Backups: everything that a data directory keeps and that cannot be made again, in one directory.
//!
//! Layout: `manifest.json` (what there is, with checksums), `database.sqlite` (the rows, whatever the database is),
//! `blobs/` (long texts), `repositories/` (per project a list of references and one pack), and `master.key` if that was
//! asked for. The verbs `backup` and `restore` use it. Invariants: a backup appears whole or not at all; nothing is written
//! over anything; a backup is a stranger's until it has been read from end to end, and then it is still data: nothing in
//! it names a path, nothing in it is run.

mod manifest;
mod restore;
mod take;

use codecourier_engine::ErrorCode;
use serde::Serialize;

use crate::exit::Exit;
use crate::problem::Problem;

pub(crate) use restore::{check, restore};
pub(crate) use take::take;

const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "database.sqlite";
const MASTER_KEY: &str = "master.key";
const BLOBS: &str = "blobs";
const REPOSITORIES: &str = "repositories";

/// Whether the key that opens the secrets goes into a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MasterKeys {
    /// It does: whoever has the backup can read the secrets.
    Included,
    /// It is kept elsewhere.
    LeftOut,
}

/// What is in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// Rows of the database.
    pub(crate) rows: u64,
    /// Long texts.
    pub(crate) blobs: u64,
    /// Repositories.
    pub(crate) repositories: u64,
    /// The bytes of all of it.
    pub(crate) bytes: u64,
    /// Whether it has the master key.
    pub(crate) has_master_key: bool,
}

/// A backup that is not what it should be.
fn damaged(what: impl std::fmt::Display) -> Problem {
    Problem::new(
        Exit::Usage,
        ErrorCode::Validation,
        format!("The backup is not whole: {what}."),
    )
    .with_remedy("Take another one. Nothing of this one was used.")
}

/// Something is where something else was to be put.
fn in_the_way(message: String) -> Problem {
    Problem::new(Exit::Usage, ErrorCode::Conflict, message)
}
