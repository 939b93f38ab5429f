//! Where a project's history comes from, and what can be said of it before it is fetched.

mod inspect;
mod refs;
mod url;

use std::fmt;
use std::path::{Path, PathBuf};

use codecourier_domain::branch::BranchName;

use crate::commit::CommitId;

pub use inspect::inspect_local;
pub(crate) use inspect::{in_source, locate};
pub(crate) use refs::{RemoteHead, classify_remote_failure, remote_head};
pub(crate) use url::redacted;
pub use url::{GitUrl, UrlProblem, UrlRefused};

/// Where a project's history comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A repository of this machine: its top, a directory in it, a bare one, a linked work tree.
    LocalPath(PathBuf),
    /// A repository elsewhere.
    Url(GitUrl),
    /// None: the platform's own repository is the original, people clone it and push to it.
    Hosted,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LocalPath(path) => write!(formatter, "`{}`", path.display()),
            Self::Url(url) => write!(formatter, "{url}"),
            Self::Hosted => formatter.write_str("the hosted repository"),
        }
    }
}

/// What a source's `HEAD` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A branch: the default one of a remote, the one checked out in a local repository.
    Branch(BranchName),
    /// A commit with no branch.
    Detached(CommitId),
    /// Nothing usable: unborn, absent, or a name that is refused.
    Unknown,
}

/// What is worth telling the person about a source. None of it is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    /// The repository that was found: the top of its work tree, or the bare repository. Absent for a URL.
    pub root: Option<PathBuf>,
    /// What its `HEAD` says.
    pub head: Head,
    /// Files with changes that are not committed, untracked ones included, at most [`DIRTY_FILES_SHOWN`]. They are not
    /// part of the run.
    pub dirty_files: Vec<String>,
    /// How many there are.
    pub dirty_count: usize,
}

impl SourceState {
    pub(crate) fn with_head(head: Head) -> Self {
        Self {
            root: None,
            head,
            dirty_files: Vec::new(),
            dirty_count: 0,
        }
    }
}

/// How many names of changed files are listed.
pub const DIRTY_FILES_SHOWN: usize = 50;

/// A local repository as Git sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalRepository {
    /// The directory to run Git in.
    pub(crate) root: PathBuf,
    /// Whether there are files beside the history.
    pub(crate) work_tree: WorkTree,
}

/// Whether a repository has files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkTree {
    Present,
    Bare,
}

impl LocalRepository {
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}
