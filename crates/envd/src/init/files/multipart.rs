//! `multipart/form-data`, read as it arrives: parts of any length pass through in chunks.
//!
//! The reader never holds more than what was pushed last plus one delimiter, or one bounded block of part headers.

use bytes::{Buf as _, Bytes, BytesMut};

const HEADERS_BYTES: usize = 16 * 1024;
const BOUNDARY_BYTES: usize = 200;
const LINE_END: &[u8] = b"\r\n";

/// What the next bytes of a body are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A part begins.
    Part {
        /// Its form field.
        name: String,
        /// The file name it came with.
        file_name: Option<String>,
    },
    /// Bytes of the part.
    Data(Bytes),
    /// The part is complete.
    PartEnd,
    /// No part follows.
    End,
}

/// Why a body is no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// The content type names no boundary.
    Boundary,
    /// Something else than a header or an end after a delimiter.
    Delimiter,
    /// The headers of a part are too long or do not say `form-data`.
    Headers,
    /// The body ended before its last delimiter.
    Truncated,
}

impl Malformed {
    /// For people.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Boundary => "the multipart content type names no boundary",
            Self::Delimiter => "the multipart body has a broken delimiter",
            Self::Headers => "a part of the multipart body has unreadable headers",
            Self::Truncated => "the multipart body is incomplete",
        }
    }
}

/// Reads a form.
#[derive(Debug)]
pub(crate) struct Reader {
    buffer: BytesMut,
    /// Line end, two dashes, boundary.
    delimiter: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first delimiter.
    Preamble,
    /// Right after a delimiter.
    Delimiter,
    Headers,
    Data,
    End,
}

/// The boundary of a `multipart/form-data` content type.
pub(crate) fn boundary(content_type: &str) -> Result<String, Malformed> {
    let mut parameters = content_type.split(';').skip(1);
    let value = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then_some(value.trim())
    });
    let value = value.map(|value| value.trim_matches('"')).unwrap_or_default();
    if value.is_empty() || value.len() > BOUNDARY_BYTES {
        return Err(Malformed::Boundary);
    }
    Ok(value.to_owned())
}

impl Reader {
    /// A reader for that boundary.
    pub(crate) fn new(boundary: &str) -> Self {
        // The first delimiter may stand at the very beginning, without the line end before it.
        Self {
            buffer: BytesMut::from(LINE_END),
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            state: State::Preamble,
        }
    }

    /// Adds what arrived. Take the events out before the next call.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        if self.state != State::End {
            self.buffer.extend_from_slice(chunk);
        }
    }

    /// To be called at the end of the body.
    pub(crate) fn finish(&self) -> Result<(), Malformed> {
        if self.state == State::End {
            Ok(())
        } else {
            Err(Malformed::Truncated)
        }
    }

    /// The next event, if enough has arrived for it.
    pub(crate) fn next_event(&mut self) -> Result<Option<Event>, Malformed> {
        loop {
            match self.state {
                State::Preamble => match find(&self.buffer, &self.delimiter) {
                    Found::At(position) => {
                        self.buffer.advance(position + self.delimiter.len());
                        self.state = State::Delimiter;
                    }
                    Found::NotBefore(position) => {
                        self.buffer.advance(position);
                        return Ok(None);
                    }
                },
                State::Delimiter => {
                    let Some(next) = self.buffer.get(..2) else {
                        return Ok(None);
                    };
                    match next {
                        b"--" => {
                            self.state = State::End;
                            self.buffer.clear();
                            return Ok(Some(Event::End));
                        }
                        LINE_END => self.state = State::Headers,
                        // Padding after a delimiter is allowed.
                        [b' ' | b'\t', _] => self.buffer.advance(1),
                        _ => return Err(Malformed::Delimiter),
                    }
                }
                State::Headers => {
                    // The buffer starts with the line end before the first header.
                    let Found::At(length) = find(&self.buffer, b"\r\n\r\n") else {
                        return if self.buffer.len() > HEADERS_BYTES {
                            Err(Malformed::Headers)
                        } else {
                            Ok(None)
                        };
                    };
                    if length > HEADERS_BYTES {
                        return Err(Malformed::Headers);
                    }
                    let headers = self.buffer.split_to(length + 4);
                    self.state = State::Data;
                    return part(&String::from_utf8_lossy(&headers)).map(Some);
                }
                State::Data => match find(&self.buffer, &self.delimiter) {
                    Found::At(0) => {
                        self.buffer.advance(self.delimiter.len());
                        self.state = State::Delimiter;
                        return Ok(Some(Event::PartEnd));
                    }
                    Found::NotBefore(0) => return Ok(None),
                    Found::At(length) | Found::NotBefore(length) => {
                        return Ok(Some(Event::Data(self.buffer.split_to(length).freeze())));
                    }
                },
                State::End => return Ok(None),
            }
        }
    }
}

enum Found {
    At(usize),
    /// Not in what is there, but what comes may complete one that begins here.
    NotBefore(usize),
}

/// `pattern` begins with a carriage return and has no other one followed by the same text, so candidates are few.
fn find(bytes: &[u8], pattern: &[u8]) -> Found {
    let mut from = 0;
    while let Some(position) = bytes
        .get(from..)
        .and_then(|rest| rest.iter().position(|byte| *byte == b'\r'))
    {
        let candidate = from + position;
        let rest = bytes.get(candidate..).unwrap_or_default();
        if rest.starts_with(pattern) {
            return Found::At(candidate);
        }
        if rest.len() < pattern.len() && pattern.starts_with(rest) {
            return Found::NotBefore(candidate);
        }
        from = candidate + 1;
    }
    Found::NotBefore(bytes.len())
}

fn part(headers: &str) -> Result<Event, Malformed> {
    let disposition = headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("content-disposition")
            .then_some(value.trim())
    });
    let disposition = disposition.ok_or(Malformed::Headers)?;
    let (kind, mut parameters) = disposition.split_once(';').ok_or(Malformed::Headers)?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(Malformed::Headers);
    }
    let (mut name, mut file_name) = (None, None);
    while let Some((key, value, rest)) = parameter(parameters) {
        match key.to_ascii_lowercase().as_str() {
            "name" => name = Some(value),
            "filename" => file_name = Some(value),
            _ => {}
        }
        parameters = rest;
    }
    Ok(Event::Part {
        name: name.ok_or(Malformed::Headers)?,
        file_name,
    })
}

/// The first `key=value` and what follows it. In quotes, a backslash protects a quote and browsers' `%22` is one.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches([' ', '\t', ';']);
    let (key, rest) = text.split_once('=')?;
    let rest = rest.trim_start();
    let Some(quoted) = rest.strip_prefix('"') else {
        let (value, rest) = rest.split_once(';').unwrap_or((rest, ""));
        return Some((key.trim(), value.trim().to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((position, character)) = characters.next() {
        match character {
            '"' => {
                let value = value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n");
                return Some((key.trim(), value, quoted.get(position + 1..).unwrap_or_default()));
            }
            '\\' if characters.next_if(|(_, next)| *next == '"').is_some() => value.push('"'),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Part = (String, Option<String>, Vec<u8>);

    fn read(body: &[u8], boundary: &str, chunk: usize) -> Result<Vec<Part>, Malformed> {
        let mut reader = Reader::new(boundary);
        let mut parts: Vec<Part> = Vec::new();
        for chunk in body.chunks(chunk) {
            reader.push(chunk);
            while let Some(event) = reader.next_event()? {
                match event {
                    Event::Part { name, file_name } => parts.push((name, file_name, Vec::new())),
                    Event::Data(bytes) => parts.last_mut().unwrap().2.extend_from_slice(&bytes),
                    Event::PartEnd | Event::End => {}
                }
            }
            assert!(reader.buffer.len() <= HEADERS_BYTES + chunk.len());
        }
        reader.finish()?;
        Ok(parts)
    }

    #[test]
    fn forms_of_known_clients_are_read() {
        let body = b"--b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"/home/user/a%22b.txt\"\r\n\
                     Content-Type: text/plain\r\n\r\nhello\r\n--b\r\n\r\n--b1\r\ncontent-disposition: form-data; name=file\r\n\r\n\
                     \r\n--b1--\r\nepilogue";
        for chunk in [1, 2, 3, 7, 1000] {
            let parts = read(body, "b1", chunk).unwrap();
            assert_eq!(
                parts[0],
                (
                    "file".into(),
                    Some("/home/user/a\"b.txt".into()),
                    b"hello\r\n--b\r\n".to_vec()
                )
            );
            assert_eq!(parts[1], ("file".into(), None, Vec::new()));
            assert_eq!(parts.len(), 2);
        }
    }

    #[test]
    fn names_in_quotes_may_hold_quotes_and_semicolons() {
        let header = |value: &str| part(&format!("\r\nContent-Disposition: {value}\r\n\r\n"));
        assert_eq!(
            header(r#"form-data; name="f;\"x"; filename="C:\a.txt""#),
            Ok(Event::Part {
                name: "f;\"x".into(),
                file_name: Some(r"C:\a.txt".into())
            })
        );
        assert_eq!(header("attachment; name=x"), Err(Malformed::Headers));
        assert_eq!(header("form-data; filename=x"), Err(Malformed::Headers));
        assert_eq!(header(r#"form-data; name="open"#), Err(Malformed::Headers));
    }

    #[test]
    fn broken_forms_are_refused() {
        assert_eq!(read(b"--b\r\n", "b", 9), Err(Malformed::Truncated));
        assert_eq!(read(b"no delimiter at all", "b", 9), Err(Malformed::Truncated));
        assert_eq!(read(b"--bX\r\n", "b", 9), Err(Malformed::Delimiter));
        let endless = [b"--b\r\n".as_slice(), &vec![b'x'; HEADERS_BYTES * 2]].concat();
        assert_eq!(read(&endless, "b", 4096), Err(Malformed::Headers));
        assert_eq!(boundary("multipart/form-data"), Err(Malformed::Boundary));
        assert_eq!(
            boundary("multipart/form-data; charset=x; Boundary=\"a b\"").unwrap(),
            "a b"
        );
    }

    proptest! {
        #[test]
        fn contents_survive_any_chunking(
            contents in proptest::collection::vec(proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), any::<u8>()], 0..200), 1..4),
            chunk in 1usize..70,
        ) {
            let mut body = Vec::new();
            for content in &contents {
                body.extend_from_slice(b"--frontier\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n");
                body.extend_from_slice(content);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"--frontier--\r\n");
            let parts = read(&body, "frontier", chunk).unwrap();
            let read: Vec<_> = parts.into_iter().map(|(_, _, bytes)| bytes).collect();
            prop_assert_eq!(read, contents);
        }

        #[test]
        fn arbitrary_bodies_never_panic(body in proptest::collection::vec(any::<u8>(), 0..600), chunk in 1usize..50) {
            let _ = read(&body, "b", chunk);
            let _ = read(&[b"--b\r\n".as_slice(), &body].concat(), "b", chunk);
        }
    }
}
