//! The crate's error: what a caller of the library can get back. What an agent gets back is an answer in its
//! provider's own shape, never this.

use std::path::PathBuf;

/// An operation of the gateway that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The outbound proxy's URL is none.
    #[error("the outbound proxy is not the URL of a proxy")]
    OutboundProxy(#[source] reqwest::Error),
    /// A provider's base URL is none.
    #[error(
        "`{url}` is not a base URL of a provider: it must start with http:// or https:// and have a host, and no query"
    )]
    BaseUrl {
        /// The text as given, without a user name or password that may be in it.
        url: String,
    },
    /// A cassette could not be read.
    #[error("cannot read the cassette {}", .path.display())]
    ReadCassette {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is no cassette.
    #[error("{name} is not a valid cassette: value {value}: {problem}")]
    InvalidCassette {
        /// The file or other name.
        name: String,
        /// Which JSON value of the file, from 1.
        value: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A cassette could not be opened for recording, or appended to.
    #[error("cannot record into the cassette {}", .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
