//! Errors of the layers below, as failures of a run: each with its class and with words that say what to do.

use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_forge::Error as ForgeError;

use super::step::StepError;
use crate::error::{chain, sentence};

/// The failure that an error of the forge means.
pub(crate) fn forge_failure(error: &ForgeError) -> Failure {
    let class = match error {
        ForgeError::BundleRefused(_) => FailureClass::Policy,
        ForgeError::GitMissing { .. }
        | ForgeError::GitTooOld { .. }
        | ForgeError::SourceMissing { .. }
        | ForgeError::SourceNotRepository { .. }
        | ForgeError::SourceEmpty { .. }
        | ForgeError::SourceShallow { .. }
        | ForgeError::SourcePartial { .. }
        | ForgeError::SourceUnreachable { .. }
        | ForgeError::SourceNeedsAuthentication { .. }
        | ForgeError::SourceNotFound { .. }
        | ForgeError::SourceCorrupt { .. }
        | ForgeError::BaseMissing { .. }
        | ForgeError::DefaultBranchUnknown { .. }
        | ForgeError::DeliveryBranchTaken { .. }
        | ForgeError::DeliveryBranchCheckedOut { .. } => FailureClass::Repository,
        _ => FailureClass::Internal,
    };
    let mut message = sentence(&chain(error));
    if class == FailureClass::Policy {
        message.push_str(
            " Nothing of the step was taken over. The transcript shows how it came to be; say in the prompt what the change \
             must not hold.",
        );
    }
    Failure::new(class, message)
}

/// What an error of the forge means for a task: a repository that somebody else is fetching is waited for, since another
/// run's first fetch may take longer than anybody's patience.
pub(crate) fn forge_trouble(error: &ForgeError) -> StepError {
    let failure = forge_failure(error);
    match error {
        ForgeError::MirrorBusy { .. } => StepError::Later(failure),
        _ => StepError::Failure(failure),
    }
}
