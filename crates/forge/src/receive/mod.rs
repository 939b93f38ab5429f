//! The gate: commits that come out of a sandbox are looked at in quarantine before the mirror has any of them.
//!
//! Order: head of the bundle → pack into a quarantine that borrows the mirror's objects, with Git's strict checks → sizes
//! of all objects → every entry that every commit changed → the difference as a whole → the commit that names the step,
//! if the last one does not → objects into the mirror → the branch, from its old value.
//!
//! Invariants: until the last two, nothing is written outside the quarantine, which is removed however this ends; the
//! branch moves only if it is where the step began; receiving the same bundle again gives the same answer and changes
//! nothing.

mod expectation;
mod objects;
mod paths;
mod quarantine;
mod refusal;
mod tree;

use std::path::Path;

use crate::bundle::with_trailers;
use crate::commit::CommitId;
use crate::diff::{Diffstat, FileChange, files_changed};
use crate::error::Error;
use crate::history::{CommitInfo, CommitWithChanges, commits_with_changes};
use crate::mirror::Mirror;
use quarantine::Quarantine;

pub use expectation::{Expectation, HistoryPolicy, ReceiveLimits, SubmodulePolicy};
pub use paths::{PathProblem, check_path};
pub use refusal::Refusal;

/// What a step added to the run's branch. It is in the mirror, on the branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Where the branch is now.
    pub commit: CommitId,
    /// The commits, oldest first. The one that the platform may have added is the last.
    pub commits: Vec<CommitInfo>,
    /// Whether the platform had to add a commit.
    pub step_commit: StepCommit,
    /// What changed from where the step began.
    pub files: Vec<FileChange>,
    /// The sums of it.
    pub diffstat: Diffstat,
}

/// Whether the platform had to add a commit that names the run and the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepCommit {
    /// The agent's last commit names them and is by the configured author.
    NotNeeded,
    /// It did not: an empty commit that does was put on top.
    Added,
}

impl Mirror {
    /// Takes the commits of a step out of the bundle that its sandbox made, or refuses all of them.
    pub async fn receive(&self, bundle: &Path, expectation: &Expectation) -> Result<Received, Error> {
        let mut quarantine = Quarantine::open(self, bundle, expectation)?;
        self.check_prerequisites(&quarantine, &expectation.base).await?;
        quarantine.unpack(&expectation.limits).await?;
        let sizes = quarantine.check_objects(&expectation.limits).await?;
        let comparing = quarantine.command("compare the step's commits");
        let (commits, files) = tokio::try_join!(
            step_commits(&quarantine, expectation),
            files_changed(comparing, &expectation.base, quarantine.tip()),
        )?;
        let limit = expectation.limits.files;
        if files.len() > limit {
            let files = files.len();
            return Err(Refusal::TooManyFiles { files, limit }.into());
        }
        tree::check(&quarantine, &commits, &sizes, expectation).await?;

        let mut commits: Vec<CommitInfo> = commits
            .into_iter()
            .map(|CommitWithChanges { commit, .. }| commit)
            .collect();
        let (tip, step_commit) = self.complete(&quarantine, &mut commits, expectation).await?;
        quarantine.release_into(self).await?;
        self.advance(&tip, expectation).await?;
        Ok(Received {
            commit: tip,
            commits,
            step_commit,
            diffstat: Diffstat::of(&files),
            files,
        })
    }

    /// A bundle may lean on commits that the mirror has, and on no others.
    async fn check_prerequisites(&self, quarantine: &Quarantine, base: &CommitId) -> Result<(), Error> {
        let prerequisites = quarantine.prerequisites();
        if prerequisites.iter().all(|commit| commit == base) {
            // It is checked with the branch.
            return Ok(());
        }
        let kinds = objects::kinds(self.command("look up commits"), prerequisites).await?;
        match kinds.into_iter().find(|(_, kind)| kind != "commit") {
            Some((commit, _)) => Err(Refusal::PrerequisiteUnknown { commit }.into()),
            None => Ok(()),
        }
    }

    /// Puts a commit on top if the last one does not say where it comes from. Its date is that of the commit below, so
    /// that doing this again makes the same commit.
    async fn complete(
        &self,
        quarantine: &Quarantine,
        commits: &mut Vec<CommitInfo>,
        expectation: &Expectation,
    ) -> Result<(CommitId, StepCommit), Error> {
        let bundled = quarantine.tip().clone();
        let Some(last) = commits.last() else {
            return Ok((bundled, StepCommit::NotNeeded));
        };
        if expectation.is_named_by(last) {
            return Ok((bundled, StepCommit::NotNeeded));
        }
        let operation = "make the step's commit";
        let date = format!("@{} +0000", last.committed_at.max(0));
        let subject = "Complete the step\n\nThe commit below does not name its run, step and author; this one does.";
        let message = with_trailers(subject, &expectation.run, &expectation.step);
        let mut command = quarantine
            .command(operation)
            .args([
                "commit-tree",
                &format!("{bundled}^{{tree}}"),
                "-p",
                bundled.as_str(),
                "-m",
                &message,
            ])
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date);
        for (name, value) in expectation.identity.environment() {
            command = command.env(&name, value);
        }
        let tip =
            CommitId::from_output(&command.output().await?).map_err(|error| Error::unreadable(operation, error))?;
        commits.push(expectation.step_commit(tip.clone(), &bundled, last.committed_at.max(0)));
        Ok((tip, StepCommit::Added))
    }

    /// Moves the branch from where the step began.
    async fn advance(&self, tip: &CommitId, expectation: &Expectation) -> Result<(), Error> {
        let base = &expectation.base;
        let reference = expectation.branch.reference();
        let lock = self.lock_references().await?;
        // Git compares and moves in one; only when it does not is there something to find out.
        let Err(error) = self.update_reference(&reference, tip, Some(base), &lock).await else {
            return Ok(());
        };
        match self.commit_of(&reference).await? {
            Some(found) if found == *tip => Ok(()),
            Some(found) if found == *base => Err(error),
            found => Err(Error::BranchMoved {
                branch: expectation.branch.clone(),
                expected: base.clone(),
                found,
            }),
        }
    }
}

/// The commits from where they part from what was there, if they may part there.
async fn step_commits(quarantine: &Quarantine, expectation: &Expectation) -> Result<Vec<CommitWithChanges>, Error> {
    let (base, tip) = (&expectation.base, quarantine.tip());
    let commits = list_from(quarantine, base, expectation).await?;
    // A commit on the way has the base for a parent if and only if the way leads to it.
    let is_descendant = tip == base || commits.iter().any(|listed| listed.commit.parents.contains(base));
    if is_descendant {
        return Ok(commits);
    }
    let not_a_descendant = Refusal::NotADescendant {
        tip: tip.clone(),
        base: base.clone(),
    };
    match expectation.history {
        HistoryPolicy::AddOnly => Err(not_a_descendant.into()),
        HistoryPolicy::MayRewrite => {
            let operation = "compare the step's commits";
            let comparing = quarantine
                .command(operation)
                .args(["merge-base", base.as_str(), tip.as_str()]);
            let finished = comparing.finish().await?;
            let fork = match finished.status.code() {
                Some(0) => {
                    CommitId::from_output(&finished.output).map_err(|error| Error::unreadable(operation, error))?
                }
                Some(1) => return Err(not_a_descendant.into()),
                _ => return Err(finished.failed()),
            };
            list_from(quarantine, &fork, expectation).await
        }
    }
}

async fn list_from(
    quarantine: &Quarantine,
    fork: &CommitId,
    expectation: &Expectation,
) -> Result<Vec<CommitWithChanges>, Error> {
    let limit = expectation.limits.commits;
    let listing = quarantine.command("list the step's commits");
    let without = std::slice::from_ref(fork);
    let commits = commits_with_changes(listing, without, quarantine.tip(), limit.saturating_add(1), LOG_LIMIT).await?;
    if commits.len() > limit {
        return Err(Refusal::TooManyCommits { limit }.into());
    }
    Ok(commits)
}

/// The most that is read of what the commits of a step changed.
const LOG_LIMIT: u64 = 256 * 1024 * 1024;

pub(crate) fn fuzz_entry(bytes: &[u8]) {
    let _ = tree::escapes(bytes, bytes);
    let _ = objects::names_in_index(bytes, crate::commit::ObjectFormat::Sha1);
    let _ = objects::names_in_index(bytes, crate::commit::ObjectFormat::Sha256);
}
