//! What a step is allowed to hand in.

use codecourier_domain::branch::BranchName;
use codecourier_domain::id::{RunId, StepId};

use crate::commit::{CommitId, Identity};
use crate::history::CommitInfo;

/// What a step is allowed to hand in.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepId,
    /// The only branch that may be in the bundle.
    pub branch: BranchName,
    /// Where the branch was when the step began; it must still be there.
    pub base: CommitId,
    /// The project's configured author.
    pub identity: Identity,
    /// How much it may be.
    pub limits: ReceiveLimits,
    /// What it may do with the commits that were there.
    pub history: HistoryPolicy,
    /// What it may do with submodules.
    pub submodules: SubmodulePolicy,
}

/// How much a step may hand in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiveLimits {
    /// Bytes of the bundle.
    pub bundle_bytes: u64,
    /// Objects in it.
    pub objects: u32,
    /// Bytes of one object: a file, mostly.
    pub object_bytes: u64,
    /// Bytes of all objects, unpacked.
    pub total_bytes: u64,
    /// Commits.
    pub commits: usize,
    /// Files that differ.
    pub files: usize,
    /// Private memory that Git may take to unpack it.
    pub unpack_memory_bytes: u64,
    /// Seconds that Git may take to unpack it.
    pub unpack_seconds: u64,
}

impl Default for ReceiveLimits {
    fn default() -> Self {
        const MEBIBYTE: u64 = 1024 * 1024;
        Self {
            bundle_bytes: 256 * MEBIBYTE,
            objects: 200_000,
            object_bytes: 100 * MEBIBYTE,
            total_bytes: 1024 * MEBIBYTE,
            commits: 2_000,
            files: 20_000,
            unpack_memory_bytes: 1024 * MEBIBYTE,
            unpack_seconds: 120,
        }
    }
}

/// What a step may do with the commits that were there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryPolicy {
    /// Add to them.
    AddOnly,
    /// Replace them, as long as something old is left below.
    MayRewrite,
}

/// What a step may do with submodules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmodulePolicy {
    /// Neither add, remove nor move one.
    Refuse,
    /// Anything, as long as `.gitmodules` names only URLs that the platform itself would use.
    Allow,
}

impl Expectation {
    /// Whether a commit says that it is of this run, this step and the configured author.
    pub(crate) fn is_named_by(&self, commit: &CommitInfo) -> bool {
        let (run, step) = (self.run.to_string(), self.step.to_string());
        commit.runs.contains(&run)
            && commit.steps.contains(&step)
            && commit.committer_name == self.identity.name()
            && commit.committer_email == self.identity.email()
    }

    /// The commit that the platform puts on top, as `git log` would tell it.
    pub(crate) fn step_commit(&self, id: CommitId, parent: &CommitId, at: i64) -> CommitInfo {
        let (name, email) = (self.identity.name().to_owned(), self.identity.email().to_owned());
        CommitInfo {
            id,
            parents: vec![parent.clone()],
            author_name: name.clone(),
            author_email: email.clone(),
            authored_at: at,
            committer_name: name,
            committer_email: email,
            committed_at: at,
            runs: vec![self.run.to_string()],
            steps: vec![self.step.to_string()],
            subject: "Complete the step".to_owned(),
        }
    }
}
