//! Git: the bare repository of each project, what goes into a sandbox and what comes out of it, and where the result is
//! delivered. The engine is its only caller.
//!
//! - [`Mirrors::ensure`] makes and refreshes a project's [`Mirror`] from its [`Source`].
//! - [`Mirror::resolve_base`] and [`Mirror::create_run_branch`] begin a run.
//! - [`Mirror::bundle_for_step`], [`clone_command`] and [`collect_command`] carry commits in and out of a sandbox.
//! - [`Mirror::receive`] is the gate: nothing of a sandbox reaches the mirror except through it.
//! - [`Mirror::diff`], [`Mirror::patch`] and [`Mirror::deliver_to_local`] show and hand over the result.
//!
//! Invariants: the `git` program is started in one place (`spawn.rs`), with a fixed environment and configuration; a name
//! from outside is a checked type before it becomes an argument; every operation may be killed at any moment and repeated.

mod bundle;
mod commit;
mod deliver;
mod diff;
mod error;
mod git;
mod history;
mod lock;
mod mirror;
mod receive;
mod source;
mod spawn;

pub use bundle::{
    BundleHeader, CloneSpec, CollectOutcome, CollectReport, CollectSpec, CollectedFrom, HeaderProblem, History,
    MAX_HEADER_BYTES, SandboxCommand, StepBundle, clone_command, collect_command, parse_header,
};
pub use codecourier_domain::branch::BranchName;
pub use commit::{CommitId, Identity, InvalidCommitId, InvalidIdentity, ObjectFormat};
pub use deliver::{Delivered, DeliveryChange};
pub use diff::{Diff, Diffstat, FileChange, FileStatus, Patch, PatchFormat};
pub use error::Error;
pub use git::{GIT_VARIABLES, Git, GitSettings};
pub use history::CommitInfo;
pub use mirror::{Mirror, Mirrors, References, RunBranch};
pub use receive::{
    Expectation, HistoryPolicy, PathProblem, ReceiveLimits, Received, Refusal, StepCommit, SubmodulePolicy, check_path,
};
pub use source::{DIRTY_FILES_SHOWN, GitUrl, Head, Source, SourceState, UrlProblem, UrlRefused, inspect_local};

/// What a fuzzer calls: everything that reads a sandbox's bytes without starting a process. Must return for any input.
pub fn fuzz_entry(bytes: &[u8]) {
    if let Ok(header) = parse_header(bytes) {
        assert!(
            header.pack_offset <= bytes.len() as u64,
            "the pack begins inside the file"
        );
    }
    let _ = CollectReport::parse(bytes);
    let _ = check_path(bytes);
    let _ = diff::parse_raw_and_numbers(bytes);
    receive::fuzz_entry(bytes);
}
