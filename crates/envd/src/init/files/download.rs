//! `GET /files`: a file's bytes, whole or a range, streamed from the disk as the client takes them.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE, VARY,
};
use http::{HeaderMap, HeaderName, Response, StatusCode};

use super::super::Server;
use super::super::server::{Body, HttpRefusal, Query};
use super::error::PathError;
use super::path::resolve;

const CHUNK_BYTES: u64 = 64 * 1024;

/// Part of a file, read when it is asked for.
#[derive(Debug)]
pub(crate) struct FileReader {
    file: File,
    offset: u64,
    end: u64,
}

impl FileReader {
    /// The first `end` bytes of a file, which must be there.
    pub(super) const fn beginning(file: File, end: u64) -> Self {
        Self { file, offset: 0, end }
    }

    /// Bytes still to come.
    pub(crate) const fn remaining(&self) -> u64 {
        self.end - self.offset
    }

    /// The next bytes. A file that became shorter is an error: its length was promised.
    pub(crate) fn next_chunk(&mut self) -> Option<io::Result<Bytes>> {
        if self.remaining() == 0 {
            return None;
        }
        let mut bytes = BytesMut::zeroed(usize::try_from(self.remaining().min(CHUNK_BYTES)).unwrap_or(0));
        Some(match self.file.read_at(&mut bytes, self.offset) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                self.offset += read as u64;
                bytes.truncate(read);
                Ok(bytes.freeze())
            }
            Err(error) => Err(error),
        })
    }
}

/// Answers with a file.
pub(crate) fn download(server: &Rc<Server>, query: &Query, headers: &HeaderMap) -> Result<Response<Body>, HttpRefusal> {
    let asked = query.get("path").filter(|path| !path.is_empty());
    let asked = asked.ok_or_else(|| HttpRefusal::bad_request("path query parameter is required"))?;
    let identity = super::upload::find_user(server, query, headers)?;
    let path = resolve(asked, &identity.home);
    // Without waiting for the other side of a pipe.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(&path);
    let file = opened.map_err(|error| PathError::from_io(&error, "opening", &path))?;
    let metadata = file
        .metadata()
        .map_err(|error| PathError::from_io(&error, "looking at", &path))?;
    if metadata.is_dir() {
        return Err(HttpRefusal::bad_request(format!(
            "path '{}' is a directory",
            path.display()
        )));
    }
    if !metadata.is_file() {
        return Err(HttpRefusal::bad_request(format!(
            "path '{}' is not a regular file",
            path.display()
        )));
    }
    let length = metadata.len();
    let tag = entity_tag(&metadata);
    let response = Response::builder()
        .header(ETAG, &tag)
        .header(ACCEPT_RANGES, "bytes")
        .header(VARY, "Accept-Encoding");
    if header(headers, &IF_NONE_MATCH).is_some_and(|given| given.split(',').any(|given| given.trim() == tag)) {
        return finish(response.status(StatusCode::NOT_MODIFIED).body(Body::empty()));
    }
    let response = response.header(CONTENT_TYPE, "application/octet-stream");
    // A range of another version of the file would be put together with the wrong rest.
    let range_applies = header(headers, &IF_RANGE).is_none_or(|given| given == tag);
    match header(headers, &RANGE)
        .filter(|_| range_applies)
        .map_or(Range::Whole, |range| Range::parse(range, length))
    {
        Range::Whole => {
            let body = if length == 0 {
                Body::empty()
            } else {
                Body::File(FileReader {
                    file,
                    offset: 0,
                    end: length,
                })
            };
            finish(response.header(CONTENT_LENGTH, length).body(body))
        }
        Range::Part { first, last } => finish(
            response
                .status(StatusCode::PARTIAL_CONTENT)
                .header(CONTENT_LENGTH, last + 1 - first)
                .header(CONTENT_RANGE, format!("bytes {first}-{last}/{length}"))
                .body(Body::File(FileReader {
                    file,
                    offset: first,
                    end: last + 1,
                })),
        ),
        Range::Unsatisfiable => finish(
            response
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(CONTENT_RANGE, format!("bytes */{length}"))
                .body(Body::empty()),
        ),
    }
}

fn finish(response: http::Result<Response<Body>>) -> Result<Response<Body>, HttpRefusal> {
    response.map_err(|_| HttpRefusal::internal("no response"))
}

fn header<'headers>(headers: &'headers HeaderMap, name: &HeaderName) -> Option<&'headers str> {
    headers.get(name)?.to_str().ok()
}

fn entity_tag(metadata: &Metadata) -> String {
    format!(
        "\"{:x}-{:x}.{:x}\"",
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec()
    )
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    Part { first: u64, last: u64 },
    Unsatisfiable,
}

impl Range {
    /// One range of bytes. What is no such thing is ignored, as HTTP wants; several are answered with the whole.
    fn parse(text: &str, length: u64) -> Self {
        let Some(range) = text.trim().strip_prefix("bytes=") else {
            return Self::Whole;
        };
        let Some((first, last)) = range.split_once('-') else {
            return Self::Whole;
        };
        let (first, last) = (first.trim(), last.trim());
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(first) || !digits(last) || (first.is_empty() && last.is_empty()) {
            return Self::Whole;
        }
        // Digits too long for a number are larger than any file.
        let number = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
        let (first, last) = if first.is_empty() {
            let suffix = number(last);
            if suffix == 0 {
                return Self::Unsatisfiable;
            }
            (length.saturating_sub(suffix), u64::MAX)
        } else if last.is_empty() {
            (number(first), u64::MAX)
        } else {
            (number(first), number(last))
        };
        if last < first {
            return Self::Whole;
        }
        if first >= length {
            return Self::Unsatisfiable;
        }
        Self::Part {
            first,
            last: last.min(length - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_says() {
        let part = |first, last| Range::Part { first, last };
        for (text, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=2-4", part(2, 4)),
            ("bytes=2-", part(2, 9)),
            ("bytes=5-99999999999999999999999", part(5, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-30", part(0, 9)),
            ("bytes=10-", Range::Unsatisfiable),
            ("bytes=-0", Range::Unsatisfiable),
            ("bytes=4-2", Range::Whole),
            ("bytes=1-2,4-5", Range::Whole),
            ("bytes=-", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("lines=1-2", Range::Whole),
            ("", Range::Whole),
        ] {
            assert_eq!(Range::parse(text, 10), expected, "{text}");
        }
        assert_eq!(Range::parse("bytes=-1", 0), Range::Unsatisfiable);
    }
}
