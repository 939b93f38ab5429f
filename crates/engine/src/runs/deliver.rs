//! The task `deliver`: the result reaches the one who asked for it.
//!
//! For a repository on this machine that is a new branch in it, with the work tree, the index and `HEAD` untouched. For
//! every other source the branch is in the project's mirror, and a patch can be taken. Invariant: delivering twice is
//! delivering once.

use codecourier_domain::failure::{Failure, FailureClass};

use super::failures::forge_trouble;
use super::pinned::Pinned;
use super::spec::{RepositorySource, RunSpec};
use super::step::StepError;
use super::worker::TaskContext;

/// Delivers the run's branch.
pub(super) async fn deliver(context: &TaskContext, spec: &RunSpec, pinned: Option<&Pinned>) -> Result<(), StepError> {
    let pinned = pinned.ok_or_else(|| Failure::new(FailureClass::Internal, "The run was never prepared."))?;
    match &spec.repository {
        RepositorySource::LocalPath { path } => {
            let mirror = context
                .engine
                .mirrors
                .get(context.project)
                .map_err(|error| forge_trouble(&error))?;
            mirror
                .deliver_to_local(path, &pinned.branch)
                .await
                .map_err(|error| forge_trouble(&error))?;
            Ok(())
        }
        RepositorySource::Url { .. } => Ok(()),
    }
}
