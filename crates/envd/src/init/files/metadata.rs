//! What clients store with a file: `X-Metadata-<key>` headers, kept as extended attributes `user.e2b.<key>`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use codecourier_e2b::files::HEADER_METADATA_PREFIX;
use http::HeaderMap;
use rustix::fs::{XattrFlags, flistxattr, fremovexattr, fsetxattr, lgetxattr, llistxattr, llistxattr_query};
use rustix::io::Errno;

use super::super::server::HttpRefusal;

const PREFIX: &str = "user.e2b.";
const KEY_BYTES: usize = 246;
const TOTAL_BYTES: usize = 4096;
/// Room for the names of every attribute of a file.
const LIST_BYTES: usize = 64 * 1024;

/// The metadata of an upload.
pub(crate) fn from_headers(headers: &HeaderMap) -> Result<BTreeMap<String, String>, HttpRefusal> {
    let mut metadata = BTreeMap::new();
    let mut total = 0;
    for (name, value) in headers {
        let Some(key) = name.as_str().strip_prefix(HEADER_METADATA_PREFIX) else {
            continue;
        };
        let printable = |text: &[u8]| text.iter().all(|byte| (0x20..=0x7e).contains(byte));
        if key.is_empty() || key.len() > KEY_BYTES || !printable(key.as_bytes()) || !printable(value.as_bytes()) {
            let message =
                format!("metadata '{key}' is not printable ASCII or its key is longer than {KEY_BYTES} bytes");
            return Err(HttpRefusal::bad_request(message));
        }
        total += key.len() + value.len();
        metadata.insert(key.to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    if total > TOTAL_BYTES {
        return Err(HttpRefusal::bad_request(format!(
            "metadata is longer than {TOTAL_BYTES} bytes"
        )));
    }
    Ok(metadata)
}

/// Replaces all metadata of a file.
pub(crate) fn replace(file: &File, metadata: &BTreeMap<String, String>) -> io::Result<()> {
    let mut names = vec![0; LIST_BYTES];
    match flistxattr(file, names.as_mut_slice()) {
        Ok(length) => {
            for name in ours(names.get(..length).unwrap_or_default()) {
                if !name.strip_prefix(PREFIX).is_some_and(|key| metadata.contains_key(key)) {
                    fremovexattr(file, name)?;
                }
            }
        }
        // A file system without attributes has none to remove.
        Err(Errno::NOTSUP) if metadata.is_empty() => {}
        Err(error) => return Err(error.into()),
    }
    for (key, value) in metadata {
        fsetxattr(file, format!("{PREFIX}{key}"), value.as_bytes(), XattrFlags::empty())?;
    }
    Ok(())
}

/// The metadata of a file; none where it cannot be read.
pub(crate) fn read(path: &Path) -> BTreeMap<String, String> {
    let mut metadata = BTreeMap::new();
    // Most files have no attribute at all: ask for the length before making room.
    if !matches!(llistxattr_query(path), Ok(length) if length > 0) {
        return metadata;
    }
    let mut names = vec![0; LIST_BYTES];
    let Ok(length) = llistxattr(path, names.as_mut_slice()) else {
        return metadata;
    };
    for name in ours(names.get(..length).unwrap_or_default()) {
        let mut value = [0; TOTAL_BYTES];
        if let (Some(key), Ok(length)) = (name.strip_prefix(PREFIX), lgetxattr(path, name, &mut value[..])) {
            let value = String::from_utf8_lossy(value.get(..length).unwrap_or_default());
            metadata.insert(key.to_owned(), value.into_owned());
        }
    }
    metadata
}

fn ours(names: &[u8]) -> impl Iterator<Item = &str> {
    let names = names
        .split(|byte| *byte == 0)
        .filter_map(|name| std::str::from_utf8(name).ok());
    names.filter(|name| name.starts_with(PREFIX))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&str, &[u8])]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_bytes(value).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn metadata_is_short_printable_text() {
        let good = from_headers(&headers(&[("X-Metadata-Author", b"me"), ("other", b"x")])).unwrap();
        assert_eq!(good, BTreeMap::from([("author".to_owned(), "me".to_owned())]));
        assert!(from_headers(&headers(&[("x-metadata-a", "ü".as_bytes())])).is_err());
        assert!(from_headers(&headers(&[("x-metadata-", b"v")])).is_err());
        assert!(from_headers(&headers(&[("x-metadata-a", &[b'x'; 4096])])).is_err());
        let long = format!("x-metadata-{}", "k".repeat(247));
        assert!(from_headers(&headers(&[(&long, b"v")])).is_err());
    }
}
