//! The files of the interface's build.

use std::borrow::Cow;

use bytes::Bytes;
use rust_embed::RustEmbed;

/// Files by their name in the build.
pub(super) trait Files {
    /// A file.
    fn get(&self, name: &str) -> Option<File>;
}

/// A file.
pub(super) struct File {
    pub(super) bytes: Bytes,
    /// Another content has another one.
    pub(super) digest: String,
}

/// What `cargo xtask web` made: inside the binary in a release build, read from the disk in a development build. A name
/// that leads out of the build's directory is none of its files.
pub(super) struct Built;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

impl Files for Built {
    fn get(&self, name: &str) -> Option<File> {
        let file = Dist::get(name)?;
        Some(File {
            bytes: match file.data {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => Bytes::from(bytes),
            },
            digest: hex::encode(&file.metadata.sha256_hash()[..16]),
        })
    }
}
