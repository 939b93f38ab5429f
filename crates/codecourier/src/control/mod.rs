//! How one command reaches the process that works in the data directory: a line of JSON over a socket in it, and a line
//! back. Only for what cannot be done by reading.
//!
//! Invariant: the socket is in a directory that only its owner can enter, and has mode 0600 itself.

pub(crate) mod client;
pub(crate) mod server;

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use codecourier_domain::id::RunId;
use codecourier_domain::run::RunStatus;

/// The socket's name in the data directory.
const NAME: &str = "control.sock";
/// The longest line that is read.
const LINE_LIMIT: u64 = 64 * 1024;

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Request {
    /// Cancel a run and wait until nothing of it is left.
    Cancel {
        /// Its identifier, or the short end of it.
        run: String,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// The run has ended.
    Ended {
        /// Which.
        run: RunId,
        /// How.
        status: RunStatus,
    },
    /// It was not done.
    Refused {
        /// The error's code.
        code: String,
        /// What happened and what to do.
        message: String,
    },
}

/// A way to the socket that is short enough for a socket's address, however deep the data directory is.
struct Address {
    path: PathBuf,
    _directory: File,
}

impl Address {
    fn of(data_directory: &Path) -> std::io::Result<Self> {
        let directory = File::open(data_directory)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", directory.as_raw_fd()));
        Ok(Self {
            path,
            _directory: directory,
        })
    }
}
