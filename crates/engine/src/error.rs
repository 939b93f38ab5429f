//! What a use case answers when it cannot do what was asked.
//!
//! One kind for one audience: a person or a client. Every [`Error`] has a code with a page in `docs/errors/`, says what
//! happened and what to do, and keeps its cause for the log. Failures of a *run* are no errors of the engine: they are
//! [`codecourier_domain::failure::Failure`]s, recorded on the run.

use std::fmt;

use codecourier_domain::failure::{Failure, FailureClass};

/// The cause behind an error, for the log.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why a use case did not do what was asked.
#[derive(Debug)]
pub struct Error {
    /// The code, with a page in `docs/errors/`.
    pub code: ErrorCode,
    /// What happened and what to do, for people. Holds no secret.
    pub message: String,
    /// The cause, for the log.
    pub source: Option<Cause>,
}

/// The codes of the engine's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Something in the request is out of its range or shape.
    Validation,
    /// There is no such thing, or not for this caller.
    NotFound,
    /// It cannot be done in the present state.
    Conflict,
    /// Another process uses the data directory.
    DataDirectoryInUse,
    /// The disk with the data directory is full.
    DiskFull,
    /// A failure with a class of its own.
    Classed(FailureClass),
    /// The platform's own fault.
    Internal,
}

impl ErrorCode {
    /// The code as people search for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Validation => "VALIDATION",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::DataDirectoryInUse => "DATA_DIRECTORY_IN_USE",
            Self::DiskFull => "DISK_FULL",
            Self::Classed(class) => class.code(),
            Self::Internal => "INTERNAL",
        }
    }
}

impl Error {
    /// An error without a deeper cause.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            source: None,
        }
    }

    /// A request that cannot be taken.
    #[must_use]
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Validation, message)
    }

    /// Something that is not there.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    /// The platform's own fault: people see the code, the log has the cause.
    #[must_use]
    pub fn internal(operation: &str, cause: impl Into<Cause>) -> Self {
        Self {
            code: ErrorCode::Internal,
            message: format!("{operation} failed inside the platform. The log has the cause."),
            source: Some(cause.into()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::new(ErrorCode::Classed(failure.class), failure.message)
    }
}

impl From<codecourier_store::Error> for Error {
    fn from(error: codecourier_store::Error) -> Self {
        if is_disk_full(&error) {
            return Self {
                code: ErrorCode::DiskFull,
                message:
                    "The disk with the data directory is full. Free some space on it, then try again: nothing that \
                          was confirmed is lost."
                        .to_owned(),
                source: Some(error.into()),
            };
        }
        Self::internal("The store", error)
    }
}

/// Whether an error, or a cause behind it, is that the host's disk is full.
#[must_use]
pub fn is_disk_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.into_iter().any(|cause| {
        let of_system = cause.downcast_ref::<std::io::Error>();
        let of_store = cause.downcast_ref::<codecourier_store::Error>();
        of_system.is_some_and(|error| error.kind() == std::io::ErrorKind::StorageFull)
            || matches!(of_store, Some(codecourier_store::Error::DiskFull(_)))
    })
}

/// Writes an error with every cause behind it on one line, for logs and for messages that must explain.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// A text with a capital at its start and a full stop at its end.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut characters = text.trim().chars();
    let mut sentence: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    sentence.extend(characters);
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}
