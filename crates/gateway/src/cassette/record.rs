//! Recording: whole exchanges, appended to a cassette as they end.
//!
//! Invariants: one exchange is one line, written by one `write` and synced, so that a crash leaves at most one torn line
//! at the end, which the next recorder cuts off; the real key and the step token are replaced wherever they occur; an
//! exchange that the agent will try again (rate limits, overload, cuts) is not recorded, since in a replay there is
//! nothing to wait for.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use http::HeaderMap;
use parking_lot::Mutex;
use serde_json::Value;

use super::format::{Exchange, FORMAT_VERSION, Header, OneOrMany, Pacing, RecordedRequest, RecordedResponse, Texts};
use crate::error::Error;
use crate::grant::Lane;
use crate::scrub::Scrubber;

/// The most bytes of one answer that are recorded.
const MOST_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// The response headers that are worth keeping.
const KEPT_HEADERS: [&str; 4] = [
    "content-type",
    "request-id",
    "x-request-id",
    "anthropic-organization-id",
];

/// Every cassette that is open for recording, by path: two steps that record into one file take turns.
#[derive(Debug, Default)]
pub(crate) struct Recorders(Mutex<HashMap<PathBuf, Arc<Mutex<Option<File>>>>>);

impl Recorders {
    /// Appends an exchange. Blocks on the disk.
    pub(crate) fn append(&self, path: &Path, exchange: &Exchange) -> Result<(), Error> {
        let slot = self.0.lock().entry(path.to_owned()).or_default().clone();
        let mut slot = slot.lock();
        let failed = |source: std::io::Error| Error::Record {
            path: path.to_owned(),
            source,
        };
        let mut file = match slot.take() {
            Some(file) => file,
            None => open(path).map_err(failed)?,
        };
        let mut line = serde_json::to_vec(exchange).map_err(|error| failed(std::io::Error::other(error)))?;
        line.push(b'\n');
        // A failed write may have left half a line; the file is opened, and with that repaired, anew next time.
        file.write_all(&line).and_then(|()| file.sync_data()).map_err(failed)?;
        *slot = Some(file);
        Ok(())
    }
}

/// Opens a cassette at the end of its last whole value; makes it, header first, when it is missing or empty.
fn open(path: &Path) -> std::io::Result<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut values = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>();
    let mut whole = 0;
    while let Some(value) = values.next() {
        match value {
            Ok(value) => {
                if whole == 0 {
                    <Header as serde::Deserialize>::deserialize(value).map_err(std::io::Error::other)?;
                }
                whole = values.byte_offset();
            }
            Err(error) if error.is_eof() => break,
            Err(error) => return Err(std::io::Error::other(error)),
        }
    }
    file.set_len(whole as u64)?;
    file.seek(SeekFrom::End(0))?;
    if whole == 0 {
        let header = Header {
            codecourier_cassette: FORMAT_VERSION,
            description: String::new(),
            pacing: Pacing::NONE,
        };
        file.write_all(serde_json::to_string(&header)?.as_bytes())?;
    }
    file.write_all(b"\n")?;
    file.sync_data()?;
    Ok(file)
}

/// An exchange that is being recorded.
#[derive(Debug)]
pub(crate) struct Taping {
    pub(crate) path: PathBuf,
    lane: Lane,
    index: u32,
    request: RecordedRequest,
    answer: Vec<Bytes>,
    bytes: usize,
}

impl Taping {
    pub(crate) fn new(path: PathBuf, lane: Lane, index: u32, request: RecordedRequest) -> Self {
        Self {
            path,
            lane,
            index,
            request,
            answer: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes a piece of the answer. Shares the bytes with the stream to the agent.
    pub(crate) fn take(&mut self, piece: &Bytes) {
        self.bytes = self.bytes.saturating_add(piece.len());
        if self.bytes <= MOST_ANSWER_BYTES {
            self.answer.push(piece.clone());
        }
    }

    /// The whole exchange, scrubbed. None when it is too big, or not worth replaying.
    pub(crate) fn finish(self, status: u16, headers: &HeaderMap, scrubber: &Scrubber) -> Option<(PathBuf, Exchange)> {
        let is_settled = matches!(status, 200..=299 | 400 | 404 | 413 | 422);
        if !is_settled || self.bytes > MOST_ANSWER_BYTES {
            return None;
        }
        let body = scrubber.scrub_bytes(&self.answer.concat());
        let is_stream = headers
            .get(http::header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        let (sse, json, base64) = match String::from_utf8(body) {
            Ok(text) if is_stream => (Some(text), None, None),
            Ok(text) => (None, Some(text), None),
            Err(error) => (
                None,
                None,
                Some(base64::engine::general_purpose::STANDARD.encode(error.as_bytes())),
            ),
        };
        let headers: BTreeMap<_, _> = KEPT_HEADERS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), scrubber.scrub(headers.get(*name)?.to_str().ok()?))))
            .collect();
        let mut request = self.request;
        request.excerpt = scrubber.scrub(&request.excerpt);
        let exchange = Exchange {
            lane: self.lane,
            index: Some(self.index),
            recorded: Some(request),
            expect: Texts::default(),
            think: Texts::default(),
            say: Texts::default(),
            tool_use: OneOrMany::default(),
            content: None,
            stop: None,
            usage: None,
            error: None,
            response: Some(RecordedResponse {
                status,
                headers,
                sse,
                json,
                base64,
            }),
            pacing: None,
        };
        Some((self.path, exchange))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::cassette::Cassette;

    fn taping(path: &Path, answer: &[&'static [u8]]) -> Taping {
        let request = RecordedRequest {
            api: crate::provider::Dialect::Messages,
            hash: "h".to_owned(),
            model: "m".to_owned(),
            messages: Vec::new(),
            excerpt: "the key is sk-canary".to_owned(),
        };
        let mut taping = Taping::new(path.to_owned(), Lane::new("a#1"), 0, request);
        for piece in answer {
            taping.take(&Bytes::from_static(piece));
        }
        taping
    }

    fn headers(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type))])
    }

    #[test]
    fn whole_exchanges_are_appended_and_a_torn_tail_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.cassette");
        let scrubber = Scrubber::new(["sk-canary"]);
        let append = || {
            let (path, exchange) = taping(&path, &[b"event: a\n", b"\xc3", b"\xa9\n\n"])
                .finish(200, &headers("text/event-stream"), &scrubber)
                .unwrap();
            Recorders::default().append(&path, &exchange).unwrap();
        };
        append();
        append();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"{\"lane\": \"a#1\", \"resp"].concat()).unwrap();
        append();
        let cassette = Cassette::read(&path).unwrap();
        assert_eq!(cassette.exchanges().len(), 3);
        assert_eq!(
            cassette.exchanges()[2].response.as_ref().unwrap().sse.as_deref(),
            Some("event: a\né\n\n")
        );
        assert!(!std::fs::read_to_string(&path).unwrap().contains("canary"));
    }

    #[test]
    fn a_file_that_is_no_cassette_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notes.txt");
        for text in ["dear diary", "{\"name\": \"a package\"}\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(open(&path).is_err());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn what_the_agent_tries_again_is_not_recorded() {
        let scrubber = Scrubber::new([]);
        let path = Path::new("x");
        for status in [401, 403, 408, 409, 429, 500, 502, 503, 529] {
            assert!(
                taping(path, &[b"{}"])
                    .finish(status, &headers("application/json"), &scrubber)
                    .is_none()
            );
        }
        let (_, exchange) = taping(path, &[b"\xff"])
            .finish(400, &headers("application/json"), &scrubber)
            .unwrap();
        assert_eq!(exchange.response.unwrap().bytes().unwrap(), b"\xff");
    }
}
