//! The bare repository that the platform keeps for each project, at `<directory>/<project>.git`.
//!
//! Layout of its references:
//! - `refs/source/heads/*`, `refs/source/tags/*`, `refs/source/HEAD`: what the source had at the last fetch. Pruned.
//! - `refs/heads/*`: the branches of runs. In a hosted project also the people's own branches. Never fetched into.
//! - `refs/codecourier/runs/<run>/base`: where a run began. It says which branch is the run's, and keeps the commit alive
//!   when the source rewrites its history.
//!
//! Invariants: a fetch cannot touch a run's branch, since it writes to another namespace; every change of a reference
//! states the old value; `kill -9` at any moment leaves nothing that [`Mirrors::ensure`] does not repair.

mod branches;
mod copy;
mod ensure;
mod nearest;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use codecourier_domain::id::ProjectId;

use crate::error::Error;
use crate::git::Git;
use crate::lock::{Bench, Lock, Workshop};
use crate::source::SourceState;
use crate::spawn::GitCommand;

pub use branches::RunBranch;
pub use copy::References;

/// The mirrors of one data directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mirrors {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    git: Git,
    directory: PathBuf,
    workshop: Workshop,
    /// Configuration for reading a local source: as the user's own, which Git is not shown, it may belong to anyone.
    local_source_configuration: PathBuf,
}

/// One project's repository. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mirror {
    shared: Arc<Shared>,
    project: ProjectId,
    path: PathBuf,
    origin: Origin,
    source_state: Option<Arc<SourceState>>,
}

/// Where the branches that a run may start from are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// In `refs/source/heads`.
    Mirrored,
    /// In `refs/heads`, beside those of runs.
    Hosted,
}

impl Origin {
    fn branches(self) -> &'static str {
        match self {
            Self::Mirrored => "refs/source/heads/",
            Self::Hosted => "refs/heads/",
        }
    }

    fn tags(self) -> &'static str {
        match self {
            Self::Mirrored => "refs/source/tags/",
            Self::Hosted => "refs/tags/",
        }
    }

    fn head(self) -> &'static str {
        match self {
            Self::Mirrored => "refs/source/HEAD",
            Self::Hosted => "HEAD",
        }
    }
}

impl Mirrors {
    /// Opens the directory, makes it when missing, and removes what killed processes left in it.
    pub fn open(git: Git, directory: impl Into<PathBuf>) -> Result<Self, Error> {
        let directory = directory.into();
        let directory = std::path::absolute(&directory).map_err(Error::files("resolve", &directory))?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(Error::files("create", &directory))?;
        let place = directory.join(".workshop");
        let workshop = Workshop::open(place.clone()).map_err(Error::files("clean up", place))?;
        let local_source_configuration = directory.join(".local-source.gitconfig");
        write_if_different(
            &local_source_configuration,
            "[safe]\n\tdirectory = *\n\tbareRepository = all\n",
        )
        .map_err(Error::files("write", &local_source_configuration))?;
        Ok(Self {
            shared: Arc::new(Shared {
                git,
                directory,
                workshop,
                local_source_configuration,
            }),
        })
    }

    /// The mirror of a project as it is, without a fetch: after a restart, or to read a finished run.
    pub fn get(&self, project: ProjectId) -> Result<Mirror, Error> {
        let path = self.path(&project);
        if !path.join("HEAD").is_file() {
            return Err(Error::MirrorMissing { project });
        }
        let origin = if path.join(HOSTED_MARK).exists() {
            Origin::Hosted
        } else {
            Origin::Mirrored
        };
        Ok(Mirror {
            shared: Arc::clone(&self.shared),
            project,
            path,
            origin,
            source_state: None,
        })
    }

    /// Removes the repository of a project, if it has one. What a kill leaves, the next call removes.
    pub async fn remove(&self, project: ProjectId) -> Result<(), Error> {
        let _lock = self.lock(project).await?;
        let path = self.path(&project);
        let removed = path.clone();
        let remove = move || match fs::remove_dir_all(&removed) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        tokio::task::spawn_blocking(remove)
            .await
            .map_err(io::Error::other)
            .and_then(|removed| removed)
            .map_err(Error::files("remove", path))
    }

    /// The Git that is used.
    #[must_use]
    pub fn git(&self) -> &Git {
        &self.shared.git
    }

    fn path(&self, project: &ProjectId) -> PathBuf {
        self.shared.directory.join(format!("{project}.git"))
    }
}

/// In a hosted project's repository; its content says nothing.
const HOSTED_MARK: &str = "codecourier-hosted";

impl Mirror {
    /// The project.
    #[must_use]
    pub fn project(&self) -> ProjectId {
        self.project
    }

    /// The bare repository.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was seen of the source when it was last fetched by this handle.
    #[must_use]
    pub fn source_state(&self) -> Option<&SourceState> {
        self.source_state.as_deref()
    }

    /// A command in the mirror.
    pub(crate) fn command(&self, operation: &'static str) -> GitCommand {
        self.shared
            .git
            .command(operation, &self.path)
            .env("GIT_DIR", &self.path)
    }

    pub(crate) fn git(&self) -> &Git {
        &self.shared.git
    }

    pub(crate) fn bench(&self, purpose: &str) -> Result<Bench, Error> {
        self.shared
            .workshop
            .bench(purpose)
            .map_err(Error::files("make a temporary directory in", &self.shared.directory))
    }

    /// Held while references change, so that a repair knows which lock files of Git are stale.
    pub(crate) async fn lock_references(&self) -> Result<Lock, Error> {
        let patience = Duration::from_secs(30);
        let path = self.path.with_extension("references.lock");
        Lock::acquire(&path, patience)
            .await
            .map_err(Error::files("lock", path))?
            .ok_or(Error::MirrorBusy {
                project: self.project,
                waited: patience,
            })
    }
}

fn write_if_different(path: &Path, text: &str) -> io::Result<()> {
    match fs::read_to_string(path) {
        Ok(present) if present == text => Ok(()),
        _ => fs::write(path, text),
    }
}
