//! Why a command did not do what was asked, in the form people see: what happened, what to do, and a code with a page.
//!
//! Invariant: a problem holds no secret; its text may quote what others wrote, so it is cleaned when it is shown.

use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_engine::error::{chain, is_disk_full, sentence};
use codecourier_engine::{Error as EngineError, ErrorCode};
use codecourier_forge::Error as ForgeError;
use codecourier_store::Error as StoreError;

use crate::exit::Exit;

/// A problem, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The exit code it leads to.
    pub(crate) exit: Exit,
    /// The code with a page in `docs/errors/`.
    pub(crate) code: ErrorCode,
    /// What happened.
    pub(crate) message: String,
    /// What to do, if the message does not say it.
    pub(crate) remedy: Option<String>,
}

impl Problem {
    /// Something in the request that cannot be taken.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, ErrorCode::Validation, message)
    }

    /// Something that this machine or its configuration lacks.
    pub(crate) fn environment(class: FailureClass, message: impl Into<String>) -> Self {
        Self::new(Exit::Environment, ErrorCode::Classed(class), message)
    }

    /// A failure of the platform or of the host below it.
    pub(crate) fn internal(operation: &str, cause: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(
            Exit::Failed,
            ErrorCode::Internal,
            format!("{operation} failed: {}", chain(cause)),
        )
    }

    /// No room for what must be kept.
    fn disk_full(text: &str) -> Self {
        let message = format!("The disk with the data directory is full: {text}");
        Self::new(Exit::Environment, ErrorCode::DiskFull, message)
            .with_remedy("Free some space on it, then try again. Nothing that was confirmed is lost.")
    }

    /// A file operation that failed.
    pub(crate) fn file(operation: &str, path: &std::path::Path, cause: &std::io::Error) -> Self {
        let message = format!("Could not {operation} {}: {cause}.", path.display());
        if is_disk_full(cause) {
            return Self::disk_full(&message);
        }
        let problem = Self::new(Exit::Environment, ErrorCode::Internal, message);
        match cause.kind() {
            std::io::ErrorKind::PermissionDenied => {
                problem.with_remedy("Give this user access to it, or name another directory with --data-dir.")
            }
            _ => problem,
        }
    }

    pub(crate) fn new(exit: Exit, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            exit,
            code,
            message: sentence(&message.into()),
            remedy: None,
        }
    }

    /// A problem whose code says what exit code it leads to.
    pub(crate) fn of_code(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(exit_of(code), code, message)
    }

    pub(crate) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The problem as an object for `--json`.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "type": "error",
            "error": { "code": self.code.as_str(), "message": self.message, "remedy": self.remedy },
            "exitCode": self.exit as u8,
        })
    }
}

/// The exit code that a class of failure leads to when it is met before a run exists.
fn exit_of(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::Validation
        | ErrorCode::NotFound
        | ErrorCode::Conflict
        | ErrorCode::AuthMissing
        | ErrorCode::AuthInvalid
        | ErrorCode::Forbidden
        | ErrorCode::ScopeDenied
        | ErrorCode::PreconditionFailed
        | ErrorCode::PreconditionRequired
        | ErrorCode::MethodNotAllowed
        | ErrorCode::TooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::AgentCapability
        | ErrorCode::IdempotencyMismatch => Exit::Usage,
        ErrorCode::DataDirectoryInUse | ErrorCode::DiskFull | ErrorCode::RateLimited | ErrorCode::Unavailable => {
            Exit::Environment
        }
        ErrorCode::Internal => Exit::Failed,
        ErrorCode::Classed(class) => match class {
            FailureClass::Repository => Exit::Usage,
            FailureClass::ProviderAuth | FailureClass::Sandbox | FailureClass::Template => Exit::Environment,
            FailureClass::ProviderQuota
            | FailureClass::ProviderRateLimit
            | FailureClass::ProviderOverload
            | FailureClass::ProviderRequest
            | FailureClass::ProviderUnreachable
            | FailureClass::CassetteMismatch
            | FailureClass::OutOfMemory
            | FailureClass::DiskLimit
            | FailureClass::Timeout
            | FailureClass::AgentProtocol
            | FailureClass::Stuck
            | FailureClass::Policy
            | FailureClass::StructuredResult
            | FailureClass::Budget
            | FailureClass::Task
            | FailureClass::Internal => Exit::Failed,
        },
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        if let Some(source) = &error.source {
            tracing::error!(
                code = error.code.as_str(),
                "{}: {}",
                error.message,
                chain(source.as_ref())
            );
        }
        Self::new(exit_of(error.code), error.code, error.message)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let code = ErrorCode::Classed(failure.class);
        Self::new(exit_of(code), code, failure.message)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let text = chain(&error);
        if is_disk_full(&error) {
            return Self::disk_full(&text);
        }
        match &error {
            StoreError::SchemaTooNew { .. } | StoreError::SchemaForeign { .. } => {
                Self::new(Exit::Environment, ErrorCode::Conflict, text)
            }
            StoreError::NotOurs | StoreError::TargetNotEmpty => Self::new(Exit::Usage, ErrorCode::Conflict, text)
                .with_remedy("Look which database `codecourier config explain` names."),
            _ => Self::new(Exit::Failed, ErrorCode::Internal, format!("The database: {text}")),
        }
    }
}

/// Errors of the forge that are met before a run exists.
impl From<ForgeError> for Problem {
    fn from(error: ForgeError) -> Self {
        let text = chain(&error);
        match &error {
            ForgeError::GitMissing { .. } | ForgeError::GitTooOld { .. } => {
                Self::environment(FailureClass::Repository, text)
            }
            ForgeError::SourceMissing { .. }
            | ForgeError::SourceNotRepository { .. }
            | ForgeError::SourceEmpty { .. }
            | ForgeError::SourceShallow { .. }
            | ForgeError::SourcePartial { .. }
            | ForgeError::SourceUnreachable { .. }
            | ForgeError::SourceNeedsAuthentication { .. }
            | ForgeError::SourceNotFound { .. }
            | ForgeError::SourceCorrupt { .. }
            | ForgeError::BaseMissing { .. }
            | ForgeError::DefaultBranchUnknown { .. } => {
                Self::new(Exit::Usage, ErrorCode::Classed(FailureClass::Repository), text)
            }
            _ => Self::new(Exit::Failed, ErrorCode::Internal, format!("Git: {text}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_asked_wrongly_is_told_from_what_the_machine_lacks() {
        let of = |code| exit_of(ErrorCode::Classed(code));
        assert_eq!(of(FailureClass::Repository), Exit::Usage);
        assert_eq!(of(FailureClass::Template), Exit::Environment);
        assert_eq!(of(FailureClass::Task), Exit::Failed);
        assert_eq!(exit_of(ErrorCode::DataDirectoryInUse), Exit::Environment);
    }

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let classed = FailureClass::ALL.map(ErrorCode::Classed);
        let codes: std::collections::BTreeSet<String> = ErrorCode::OWN
            .iter()
            .chain(&classed)
            .map(|code| code.as_str().to_owned())
            .collect();
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
        let mut pages = std::collections::BTreeSet::new();
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let code = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.starts_with(&format!("# {code}: ")), "{}", path.display());
            for part in ["## What it means", "## What CodeCourier did", "## What to do"] {
                assert!(text.contains(part), "{part} is missing in {}", path.display());
            }
            pages.insert(code);
        }
        assert_eq!(codes, pages);
    }

    #[test]
    fn messages_are_sentences() {
        assert_eq!(sentence(" no such path"), "No such path.");
        assert_eq!(sentence("`x` is not there!"), "`x` is not there!");
    }
}
