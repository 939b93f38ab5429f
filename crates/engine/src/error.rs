//! What a use case answers when it cannot do what was asked.
//!
//! One kind for one audience: a person or a client. Every [`Error`] has a code with a page in `docs/errors/`, says what
//! happened and what to do, and keeps its cause for the log. Failures of a *run* are no errors of the engine: they are
//! [`codecourier_domain::failure::Failure`]s, recorded on the run.

use std::fmt;
use std::time::Duration;

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
    /// The field of the request that is at fault, as a path in it: `name`, `checks.0.command`.
    pub field: Option<String>,
    /// How long to wait before trying again, where that is known.
    pub retry_after: Option<Duration>,
    /// The cause, for the log.
    pub source: Option<Cause>,
}

/// The codes of the engine's errors, and the list of them.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// What kind of error it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
            /// A failure with a class of its own.
            Classed(FailureClass),
        }

        impl ErrorCode {
            /// Every code that is not a class of failures.
            pub const OWN: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as people search for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Classed(class) => class.code(),
                }
            }
        }
    };
}

codes! {
    /// Something in the request is out of its range or shape.
    Validation = "VALIDATION",
    /// Nobody said who is asking.
    AuthMissing = "AUTH_MISSING",
    /// Who is asking could not prove it.
    AuthInvalid = "AUTH_INVALID",
    /// The role of who is asking does not include it.
    Forbidden = "FORBIDDEN",
    /// The key that asks has no scope for it.
    ScopeDenied = "SCOPE_DENIED",
    /// There is no such thing, or not for this caller.
    NotFound = "NOT_FOUND",
    /// It cannot be done in the present state.
    Conflict = "CONFLICT",
    /// The agent has no way to do it.
    AgentCapability = "AGENT_CAPABILITY",
    /// The document was changed since the caller read it.
    PreconditionFailed = "PRECONDITION_FAILED",
    /// The caller must say which state of the document is to be changed.
    PreconditionRequired = "PRECONDITION_REQUIRED",
    /// The same idempotency key came with another request.
    IdempotencyMismatch = "IDEMPOTENCY_MISMATCH",
    /// Too many requests, or too many attempts.
    RateLimited = "RATE_LIMITED",
    /// Something that it needs is not configured, or does not answer.
    Unavailable = "UNAVAILABLE",
    /// The address does not have this method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED",
    /// The request is larger than what is accepted there.
    TooLarge = "TOO_LARGE",
    /// The body is not in a format that is accepted there.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE",
    /// Another process uses the data directory.
    DataDirectoryInUse = "DATA_DIRECTORY_IN_USE",
    /// The disk with the data directory is full.
    DiskFull = "DISK_FULL",
    /// The platform's own fault.
    Internal = "INTERNAL",
}

impl ErrorCode {
    /// The code of a word, if there is such a code.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let classes = FailureClass::ALL.map(Self::Classed);
        Self::OWN
            .iter()
            .chain(&classes)
            .copied()
            .find(|code| code.as_str() == word)
    }
}

impl Error {
    /// An error without a deeper cause.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: None,
            retry_after: None,
            source: None,
        }
    }

    /// The same error, with the field of the request that is at fault.
    #[must_use]
    pub fn of_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The same error, with the time after which trying again makes sense.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The same error, with what is behind it.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.source = Some(cause.into());
        self
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
        let message = format!("{operation} failed inside the platform. The log has the cause.");
        Self::new(ErrorCode::Internal, message).because(cause)
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
            let message = "The disk with the data directory is full. Free some space on it, then try again: nothing that \
                 was confirmed is lost.";
            return Self::new(ErrorCode::DiskFull, message).because(error);
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
