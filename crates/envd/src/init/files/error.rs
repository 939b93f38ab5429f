//! What went wrong with a path, as both kinds of caller hear it.

use std::fmt::Display;
use std::io;
use std::path::Path;

use codecourier_e2b::{Code, ConnectError};
use http::StatusCode;

use super::super::server::HttpRefusal;

/// A failed operation on a path.
#[derive(Debug)]
pub(crate) struct PathError {
    kind: PathErrorKind,
    message: String,
}

/// What callers can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathErrorKind {
    /// Nothing there.
    Missing,
    /// Something there that should not be.
    Exists,
    /// Not the kind of entry the operation works on, or a path that cannot be.
    WrongKind,
    /// Links in a circle, two file systems, a busy file.
    State,
    /// The disk is full.
    NoSpace,
    /// A limit of ours or of the kernel.
    Exhausted,
    /// Not allowed even to root.
    Denied,
    /// Anything else.
    Internal,
}

impl PathError {
    /// An error of our own making.
    pub(crate) fn new(kind: PathErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Nothing at that path.
    pub(crate) fn missing(path: impl Display) -> Self {
        Self::new(PathErrorKind::Missing, format!("path '{path}' does not exist"))
    }

    /// A system call's error, with what was being done.
    pub(crate) fn from_io(error: &io::Error, doing: &str, path: &Path) -> Self {
        let shown = path.display();
        let kind = match error.raw_os_error() {
            Some(libc::ENOENT) => return Self::missing(shown),
            Some(libc::EEXIST) => PathErrorKind::Exists,
            Some(libc::ENOTDIR | libc::EISDIR | libc::EINVAL | libc::ENAMETOOLONG | libc::ENXIO | libc::ENODEV) => {
                PathErrorKind::WrongKind
            }
            Some(libc::ELOOP | libc::EXDEV | libc::ETXTBSY | libc::EBUSY | libc::ENOTEMPTY) => PathErrorKind::State,
            Some(libc::ENOSPC | libc::EDQUOT) => PathErrorKind::NoSpace,
            Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => PathErrorKind::Exhausted,
            Some(libc::EACCES | libc::EPERM | libc::EROFS) => PathErrorKind::Denied,
            Some(_) => PathErrorKind::Internal,
            None if error.kind() == io::ErrorKind::NotADirectory => PathErrorKind::WrongKind,
            None if error.kind() == io::ErrorKind::InvalidInput => PathErrorKind::WrongKind,
            None => PathErrorKind::Internal,
        };
        if kind == PathErrorKind::NoSpace {
            return Self::new(kind, format!("not enough disk space for '{shown}'"));
        }
        Self::new(kind, format!("error {doing} '{shown}': {error}"))
    }
}

impl From<PathError> for ConnectError {
    fn from(error: PathError) -> Self {
        let code = match error.kind {
            PathErrorKind::Missing => Code::NotFound,
            PathErrorKind::Exists => Code::AlreadyExists,
            PathErrorKind::WrongKind => Code::InvalidArgument,
            PathErrorKind::State => Code::FailedPrecondition,
            PathErrorKind::NoSpace | PathErrorKind::Exhausted => Code::ResourceExhausted,
            PathErrorKind::Denied => Code::PermissionDenied,
            PathErrorKind::Internal => Code::Internal,
        };
        Self::new(code, error.message)
    }
}

impl From<PathError> for HttpRefusal {
    fn from(error: PathError) -> Self {
        let status = match error.kind {
            PathErrorKind::Missing => StatusCode::NOT_FOUND,
            PathErrorKind::Exists | PathErrorKind::State => StatusCode::CONFLICT,
            PathErrorKind::WrongKind => StatusCode::BAD_REQUEST,
            PathErrorKind::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
            PathErrorKind::Exhausted => StatusCode::SERVICE_UNAVAILABLE,
            PathErrorKind::Denied => StatusCode::FORBIDDEN,
            PathErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.message)
    }
}
