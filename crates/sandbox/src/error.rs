//! What can go wrong with a sandbox: one variant per operation that failed.

use std::io;
use std::path::PathBuf;

use codecourier_domain::id::SandboxId;

use crate::{Degradation, Ended};

/// A failed operation on a sandbox.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tier does not work on this host.
    #[error("sandboxes of this tier do not work here: {reasons}")]
    Unavailable {
        /// What is missing and what to do, one sentence each.
        reasons: String,
    },
    /// A guarantee can't be given here, and the caller refuses to go without.
    #[error("this host can't give every guarantee: {}", list(.0))]
    Degraded(Vec<Degradation>),
    /// The sandbox could not be made.
    #[error("could not create the sandbox ({step}): {message}")]
    Create {
        /// Which step of creation.
        step: String,
        /// What the system said.
        message: String,
    },
    /// The sandbox is not alive, or ended while it was being asked.
    #[error("the sandbox is over: {}", match .ended { Some(ended) => ended.detail.as_str(), None => "it was not found" })]
    Gone {
        /// Which sandbox.
        id: SandboxId,
        /// Why it ended, if that was written down.
        ended: Option<Ended>,
    },
    /// The daemon inside refused a request.
    #[error("{operation} was refused inside the sandbox ({code}): {message}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// The error code of the protocol, such as `not_found`.
        code: String,
        /// Its words. Not to be trusted.
        message: String,
    },
    /// The daemon inside did not answer as the protocol says.
    #[error("{operation}: the sandbox answered badly: {message}")]
    Protocol {
        /// What was asked.
        operation: &'static str,
        /// What was wrong.
        message: String,
    },
    /// The connection to the daemon inside broke.
    #[error("{operation}: the connection to the sandbox broke")]
    Connection {
        /// What was asked.
        operation: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time.
    #[error("{operation}: no answer within {seconds} s")]
    NoAnswer {
        /// What was asked.
        operation: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// No such process or file in the sandbox.
    #[error("{what} is not in the sandbox")]
    NotFound {
        /// Which process tag or path.
        what: String,
    },
    /// A path leads out of where it must stay, by a link or by going up.
    #[error("{path} leads out of the repository")]
    LeadsOut {
        /// The path in the sandbox.
        path: String,
    },
    /// It is not what the operation works on.
    #[error("{path} is not {wanted}")]
    WrongKind {
        /// The path in the sandbox.
        path: String,
        /// What it would have to be: `a directory`, `a regular file`.
        wanted: &'static str,
    },
    /// A directory has more entries than are sorted.
    #[error("{path} has too many entries")]
    TooManyEntries {
        /// The path in the sandbox.
        path: String,
    },
    /// A file is larger than the caller allows.
    #[error("{path} is larger than {limit} bytes")]
    FileTooLarge {
        /// The path in the sandbox.
        path: String,
        /// The limit given.
        limit: u64,
    },
    /// Reading or writing on the host failed.
    #[error("{operation} {path}")]
    Host {
        /// What was done.
        operation: &'static str,
        /// To which path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The sandbox could not be paused or resumed.
    #[error("could not {operation} the sandbox: {message}")]
    Freeze {
        /// `pause` or `resume`.
        operation: &'static str,
        /// What the system said.
        message: String,
    },
    /// A layer is missing or damaged.
    #[error("layer {layer}: {message}")]
    Layer {
        /// Its digest or path.
        layer: String,
        /// What is wrong with it.
        message: String,
    },
    /// A template could not be built or opened.
    #[error("template ({step}): {message}")]
    Template {
        /// Which step of the build.
        step: String,
        /// What went wrong, with the way to its log.
        message: String,
    },
}

impl Error {
    /// An error of the host's file system.
    pub(crate) fn host(operation: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self::Host {
            operation,
            path: path.into(),
            source: source.into(),
        }
    }

    /// A failed step of creation.
    pub(crate) fn create(step: impl Into<String>, message: impl ToString) -> Self {
        Self::Create {
            step: step.into(),
            message: message.to_string(),
        }
    }
}

fn list(degraded: &[Degradation]) -> String {
    degraded.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
