//! Everything that can go wrong in this crate, a variant per operation that failed. `Display` is written for the person
//! who reads it: what happened, and what to do about it. No variant ever holds a credential: a [`GitUrl`] cannot carry
//! one, and what Git printed is cut and cleaned first.
//!
//! [`GitUrl`]: crate::GitUrl

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use codecourier_domain::branch::BranchName;
use codecourier_domain::id::ProjectId;

use crate::commit::CommitId;
use crate::receive::Refusal;

/// What failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no Git on this machine, or not where it was looked for.
    #[error("git was not found (looked in {}); install git 2.39 or newer", display_paths(.searched))]
    GitMissing {
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// The Git found is older than what this crate needs.
    #[error("git {found} is too old; install git 2.39 or newer")]
    GitTooOld {
        /// What it said its version was.
        found: String,
    },
    /// The process could not be started, or its pipes broke.
    #[error("cannot run git to {operation}")]
    GitNotRun {
        /// What it was to do.
        operation: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It took too long and was killed with its whole process group.
    #[error("git took longer than {} s to {operation} and was stopped", .limit.as_secs())]
    GitTimedOut {
        /// What it was to do.
        operation: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// It printed more than is ever read and was killed.
    #[error("git printed more than {limit} bytes while it was to {operation}; it was stopped")]
    GitOutputTooLong {
        /// What it was to do.
        operation: &'static str,
        /// The limit.
        limit: u64,
    },
    /// It failed in a way no other variant names.
    #[error("git could not {operation}: {detail}")]
    GitFailed {
        /// What it was to do.
        operation: &'static str,
        /// The last lines it printed.
        detail: String,
    },
    /// It succeeded and printed what cannot be understood.
    #[error("git printed something unexpected when asked to {operation}: {detail}")]
    GitAnswerUnreadable {
        /// What it was to do.
        operation: &'static str,
        /// What was wrong with it.
        detail: String,
    },

    /// The local path of a source does not exist or cannot be entered.
    #[error("there is no directory at `{}`", .path.display())]
    SourceMissing {
        /// The path.
        path: PathBuf,
    },
    /// The local path of a source exists and is no Git repository.
    #[error("`{}` is not a Git repository; run `git init` and commit something there, or name another path", .path.display())]
    SourceNotRepository {
        /// The path.
        path: PathBuf,
    },
    /// The source has no commit.
    #[error("{source_name} has no commit yet; commit something on a branch first")]
    SourceEmpty {
        /// The path or URL.
        source_name: String,
    },
    /// The source is a shallow clone: its history is cut, and a commit based on it could not be handed on.
    #[error("{source_name} is a shallow clone, its history is cut; run `git fetch --unshallow` there first")]
    SourceShallow {
        /// The path or URL.
        source_name: String,
    },
    /// The source is a partial clone: files are missing from it until they are asked for.
    #[error(
        "{source_name} is a partial clone, some of its files are not in it; use a full clone, or the URL it was cloned from"
    )]
    SourcePartial {
        /// The path or URL.
        source_name: String,
    },
    /// The host of a URL does not answer, or the connection broke.
    #[error("{url} cannot be reached: {detail}")]
    SourceUnreachable {
        /// The URL.
        url: String,
        /// What Git said.
        detail: String,
    },
    /// The host answered and wants credentials; many hosts answer so for a repository that does not exist.
    #[error("{url} asks for credentials, or does not exist: {detail}")]
    SourceNeedsAuthentication {
        /// The URL.
        url: String,
        /// What Git said.
        detail: String,
    },
    /// The host answered that there is no such repository.
    #[error("there is no repository at {url}: {detail}")]
    SourceNotFound {
        /// The URL.
        url: String,
        /// What Git said.
        detail: String,
    },
    /// An object in the source is broken by the rules of `git fsck`.
    #[error("{source_name} holds an object that Git's own checks refuse: {detail}; run `git fsck` there")]
    SourceCorrupt {
        /// The path or URL.
        source_name: String,
        /// What Git said.
        detail: String,
    },

    /// There is no mirror of this project yet.
    #[error("project {project} has no repository here yet")]
    MirrorMissing {
        /// The project.
        project: ProjectId,
    },
    /// Another process holds the project's lock for too long.
    #[error("the repository of project {project} is busy: another process has been fetching it for more than {} s", .waited.as_secs())]
    MirrorBusy {
        /// The project.
        project: ProjectId,
        /// How long this call waited.
        waited: Duration,
    },
    /// The directory of the mirror is there and is no bare repository.
    #[error("the repository at `{}` is damaged: {detail}; move it away and it is fetched again (branches of runs in it are lost)", .path.display())]
    MirrorDamaged {
        /// The mirror.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A file or directory of the mirrors could not be read or written.
    #[error("cannot {operation} `{}`", .path.display())]
    Files {
        /// What was to be done.
        operation: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },

    /// The base branch is not in the source.
    #[error("there is no branch `{name}`{}", display_nearest(.nearest))]
    BaseMissing {
        /// The branch asked for.
        name: BranchName,
        /// Up to five names that are there, nearest first.
        nearest: Vec<String>,
    },
    /// No base branch was named and the source does not say which is its default.
    #[error("the source does not say which branch is its default; name one{}", display_nearest(.branches))]
    DefaultBranchUnknown {
        /// Up to five branches that are there.
        branches: Vec<String>,
    },
    /// The commit is not in the mirror.
    #[error("commit {commit} is not in the project's repository")]
    CommitMissing {
        /// The commit.
        commit: CommitId,
    },
    /// The branch is there already, at another commit.
    #[error("branch `{branch}` exists already, at {}", .at.short())]
    BranchExists {
        /// The branch.
        branch: BranchName,
        /// Where it is.
        at: CommitId,
    },
    /// The branch is not in the mirror.
    #[error("branch `{branch}` is not in the project's repository")]
    BranchMissing {
        /// The branch.
        branch: BranchName,
    },
    /// The branch moved since the step began: somebody else wrote to it.
    #[error("branch `{branch}` moved while the step ran: it should be at {}, and is {}", .expected.short(), display_place(.found.as_ref()))]
    BranchMoved {
        /// The branch.
        branch: BranchName,
        /// Where the step began.
        expected: CommitId,
        /// Where it is.
        found: Option<CommitId>,
    },
    /// What came out of a sandbox is refused. Nothing of it was kept.
    #[error("the commits of the step were refused: {0}")]
    BundleRefused(#[from] Refusal),

    /// The user's repository has a branch of that name with commits that are not the run's.
    #[error("`{}` has a branch `{branch}` already, at {}, with commits that are not of this run; rename or delete it, then deliver again", .path.display(), .at.short())]
    DeliveryBranchTaken {
        /// The user's repository.
        path: PathBuf,
        /// The branch.
        branch: BranchName,
        /// Where it is there.
        at: CommitId,
    },
    /// The user has the branch checked out; moving it under the work tree would confuse both.
    #[error("branch `{branch}` is checked out in `{}`; switch to another branch there, then deliver again", .worktree.display())]
    DeliveryBranchCheckedOut {
        /// The branch.
        branch: BranchName,
        /// The work tree that has it.
        worktree: PathBuf,
    },
}

impl Error {
    /// A function that wraps an I/O error with the path it is about.
    pub(crate) fn files(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Files {
            operation,
            path,
            source,
        }
    }

    pub(crate) fn unreadable(operation: &'static str, detail: impl ToString) -> Self {
        Self::GitAnswerUnreadable {
            operation,
            detail: detail.to_string(),
        }
    }
}

fn display_paths(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}

fn display_nearest(names: &[String]) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!("; did you mean: {}?", names.join(", "))
    }
}

fn display_place(found: Option<&CommitId>) -> String {
    match found {
        Some(commit) => format!("at {}", commit.short()),
        None => "gone".to_owned(),
    }
}
