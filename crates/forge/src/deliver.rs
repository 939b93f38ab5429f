//! Handing the result of a run to the user's own repository: a new branch there, and nothing else touched.
//!
//! Invariants: no file of the work tree, no index and no `HEAD` changes; no hook of the repository runs; no branch loses a
//! commit. Objects come first and the branch last, so a delivery that is killed is simply repeated.

use std::path::{Path, PathBuf};
use std::time::Duration;

use codecourier_domain::branch::BranchName;

use crate::commit::CommitId;
use crate::error::Error;
use crate::mirror::Mirror;
use crate::source::{LocalRepository, WorkTree, in_source, locate};
use crate::spawn::{GitCommand, Protocols};

/// A branch that is now in the user's repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The repository: the top of its work tree, or the bare repository.
    pub repository: PathBuf,
    /// The branch.
    pub branch: BranchName,
    /// Where it is.
    pub commit: CommitId,
    /// What had to be done.
    pub change: DeliveryChange,
    /// What to type to look at the result and to merge it, quoted for a shell.
    pub instructions: Vec<String>,
}

/// What a delivery did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryChange {
    /// The branch is new.
    Created,
    /// The branch was there from an earlier delivery of the same run, and moved forward from this commit.
    Advanced(CommitId),
    /// The branch was there already, at the same commit.
    AlreadyThere,
}

impl Mirror {
    /// Puts a run's branch into the user's repository.
    pub async fn deliver_to_local(&self, path: &Path, branch: &BranchName) -> Result<Delivered, Error> {
        let tip = self.branch_tip(branch).await?;
        let repository = locate(self.git(), path).await?;
        let present = commit_in(self, &repository, branch).await?;
        let change = match present {
            Some(at) if at == tip => DeliveryChange::AlreadyThere,
            Some(at) => {
                if !self.is_ancestor_of(&at, &tip).await? {
                    return Err(Error::DeliveryBranchTaken {
                        path: repository.root,
                        branch: branch.clone(),
                        at,
                    });
                }
                self.refuse_checked_out(&repository, branch).await?;
                DeliveryChange::Advanced(at)
            }
            None => DeliveryChange::Created,
        };
        let old = match &change {
            DeliveryChange::AlreadyThere => None,
            DeliveryChange::Created => Some(tip.format().null_name()),
            DeliveryChange::Advanced(at) => Some(at.to_string()),
        };
        if let Some(old) = old {
            self.hand_over(&repository, branch, &tip, &old).await?;
        }
        Ok(Delivered {
            instructions: instructions(&repository, branch),
            repository: repository.root,
            branch: branch.clone(),
            commit: tip,
            change,
        })
    }

    async fn hand_over(
        &self,
        repository: &LocalRepository,
        branch: &BranchName,
        tip: &CommitId,
        old: &str,
    ) -> Result<(), Error> {
        self.in_target(repository, "hand the commits to the repository")
            .protocols(Protocols::LocalFiles)
            .config("protocol.file.allow=always")
            .config("fetch.pruneTags=false")
            .config("fetch.writeCommitGraph=false")
            .args([
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-prune",
                "--no-write-fetch-head",
                "--no-recurse-submodules",
            ])
            .args(["--no-auto-maintenance", "--no-show-forced-updates", "--end-of-options"])
            .arg(self.path())
            .arg(branch.reference())
            .time_limit(Duration::from_secs(600))
            .output()
            .await?;
        self.in_target(repository, "make the branch in the repository")
            .args([
                "update-ref",
                "--no-deref",
                "-m",
                "codecourier: deliver the run",
                "--end-of-options",
            ])
            .args([&branch.reference(), tip.as_str(), old])
            .output()
            .await
            .map(drop)
    }

    async fn refuse_checked_out(&self, repository: &LocalRepository, branch: &BranchName) -> Result<(), Error> {
        let output = self
            .in_target(repository, "look at the work trees of the repository")
            .args(["worktree", "list", "--porcelain", "-z"])
            .output()
            .await?;
        let wanted = format!("branch {}", branch.reference());
        let mut worktree = PathBuf::new();
        for line in output.split(|byte| *byte == 0) {
            let line = String::from_utf8_lossy(line);
            if let Some(path) = line.strip_prefix("worktree ") {
                worktree = PathBuf::from(path);
            } else if line == wanted {
                return Err(Error::DeliveryBranchCheckedOut {
                    branch: branch.clone(),
                    worktree,
                });
            }
        }
        Ok(())
    }

    fn in_target(&self, repository: &LocalRepository, operation: &'static str) -> GitCommand {
        in_source(self.git(), operation, repository.root())
    }

    /// Whether everything in `older` is in `newer` too. A commit that the mirror does not know is in nothing.
    pub async fn is_ancestor_of(&self, older: &CommitId, newer: &CommitId) -> Result<bool, Error> {
        if self.commit_of(older.as_str()).await?.is_none() {
            return Ok(false);
        }
        is_ancestor(self.command("compare two commits"), older, newer).await
    }
}

/// Whether a commit is reachable from another, by a command prepared for the repository that has both.
pub(crate) async fn is_ancestor(command: GitCommand, older: &CommitId, newer: &CommitId) -> Result<bool, Error> {
    let finished = command
        .args(["merge-base", "--is-ancestor", older.as_str(), newer.as_str()])
        .finish()
        .await?;
    match finished.status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => Err(finished.failed()),
    }
}

async fn commit_in(
    mirror: &Mirror,
    repository: &LocalRepository,
    branch: &BranchName,
) -> Result<Option<CommitId>, Error> {
    let operation = "look for the branch in the repository";
    let finished = mirror
        .in_target(repository, operation)
        .args([
            "rev-parse",
            "--quiet",
            "--verify",
            "--end-of-options",
            &branch.reference(),
        ])
        .finish()
        .await?;
    if !finished.status.success() {
        return Ok(None);
    }
    CommitId::from_output(&finished.output)
        .map(Some)
        .map_err(|error| Error::unreadable(operation, error))
}

fn instructions(repository: &LocalRepository, branch: &BranchName) -> Vec<String> {
    let place = quoted(&repository.root.display().to_string());
    let name = quoted(branch.as_str());
    let look = format!("git -C {place} log --stat {name} --not HEAD");
    match repository.work_tree {
        WorkTree::Present => vec![look, format!("git -C {place} merge {name}")],
        WorkTree::Bare => vec![look],
    }
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'+' | b'@');
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
