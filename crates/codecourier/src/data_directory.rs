//! The data directory: made private, and locked by the one process that works in it.
//!
//! Layout: `codecourier.db` (rows), `blobs/` (long texts), `repositories/` (the platform's copies), `layers/` (templates), `sandboxes/` and `runtime/`
//! (sandboxes), `scratch/` (files of one operation), `control.sock` (the process that has the lock), `node` (its name among others), `codecourier.log`.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use codecourier_domain::time::Clock as _;
use codecourier_engine::ErrorCode;
use codecourier_engine::clock::SystemClock;
use codecourier_store::Error as StoreError;
use codecourier_store::lock::{DataDirLock, InUse};

use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::time;

/// In a data directory whose restore was interrupted.
pub(crate) const RESTORING: &str = "restore.unfinished";

/// How a server names itself to whoever finds the data directory in use; its URL follows.
pub(crate) const SERVE_AT: &str = "codecourier serve at ";

/// Where things are in a data directory.
#[derive(Debug, Clone)]
pub(crate) struct DataDirectory {
    path: PathBuf,
}

impl DataDirectory {
    /// The directory at a path, which need not be there.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Makes the directory, for this user alone. One that is there must not be open to writing by others.
    pub(crate) fn make(&self) -> Result<(), Problem> {
        let path = &self.path;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| Problem::file("make the data directory", path, &error))?;
        let metadata = std::fs::metadata(path).map_err(|error| Problem::file("look at", path, &error))?;
        if metadata.mode() & 0o022 != 0 {
            return Err(Problem::new(
                Exit::Environment,
                ErrorCode::Validation,
                format!("Other users may write in the data directory {}.", path.display()),
            )
            .with_remedy(format!("Take that away: chmod go-rwx {}", path.display())));
        }
        Ok(())
    }

    /// Takes the directory for this process, until the lock is dropped. One that a restore left half full is refused.
    pub(crate) fn lock(&self, command: &str) -> Result<DataDirLock, Problem> {
        let lock = self.lock_to_restore(command)?;
        if self.path.join(RESTORING).exists() {
            return Err(Problem::new(
                Exit::Environment,
                ErrorCode::Conflict,
                format!(
                    "A backup was being restored into {}, and that did not end.",
                    self.path.display()
                ),
            )
            .with_remedy("Run `codecourier restore` again; it begins anew."));
        }
        Ok(lock)
    }

    /// The same, whatever a restore left.
    pub(crate) fn lock_to_restore(&self, command: &str) -> Result<DataDirLock, Problem> {
        self.try_lock(command)?.map_err(|in_use| in_use_problem(&in_use))
    }

    /// Takes the directory, or says who has it.
    pub(crate) fn try_lock(&self, command: &str) -> Result<Result<DataDirLock, InUse>, Problem> {
        match DataDirLock::acquire(&self.path, command, SystemClock.now()) {
            Ok(lock) => Ok(Ok(lock)),
            Err(StoreError::InUse(in_use)) => Ok(Err(in_use)),
            Err(error) => Err(error.into()),
        }
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("codecourier.db")
    }

    /// The repositories.
    pub(crate) fn mirrors(&self) -> PathBuf {
        self.path.join("repositories")
    }

    /// Long texts, each once.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }

    /// What opens the secrets in the database.
    pub(crate) fn master_key(&self) -> PathBuf {
        self.path.join("master.key")
    }

    /// Files that live as long as an operation.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.path.join("scratch")
    }

    /// The name of the node that works here, among all on its database. Made at the first start; the caller has the lock.
    pub(crate) fn node(&self) -> Result<String, Problem> {
        let path = self.path.join("node");
        match std::fs::read_to_string(&path) {
            Ok(name) if !name.trim().is_empty() => return Ok(name.trim().to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Problem::file("read", &path, &error)),
        }
        let name = codecourier_engine::random::uuid_v7(SystemClock.now()).to_string();
        std::fs::write(&path, format!("{name}\n")).map_err(|error| Problem::file("write", &path, &error))?;
        Ok(name)
    }

    /// The log.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("codecourier.log")
    }
}

fn in_use_problem(in_use: &InUse) -> Problem {
    let who = match &in_use.holder {
        Some(holder) => format!(
            "process {} (`{}`), since {}",
            holder.pid,
            holder.command,
            time::local(holder.since)
        ),
        None => "another process".to_owned(),
    };
    let problem = Problem::new(
        Exit::Environment,
        ErrorCode::DataDirectoryInUse,
        format!("The data directory {} is in use by {who}.", in_use.directory),
    );
    let server = in_use
        .holder
        .as_ref()
        .and_then(|holder| holder.command.strip_prefix(SERVE_AT));
    if let Some(url) = server {
        return problem.with_remedy(format!(
            "A server works there. Give it the task: sign in with `codecourier login {url}`, then name a project with \
             --project. Or name another directory with --data-dir."
        ));
    }
    problem.with_remedy(
        "Wait until it has ended, stop it, or name another directory with --data-dir. `codecourier runs`, `show`, \
         `logs`, `diff`, `patch` and `cancel` work meanwhile.",
    )
}
