//! An incremental reader of server-sent events, by the rules of the HTML standard: lines end with LF, CR or CRLF, an
//! empty line ends an event, several `data` lines are one text, comments and unknown fields are ignored.

use memchr::memchr2;

/// The room that a reader keeps between two events: thousands of streams may be idle.
const KEPT_BYTES: usize = 8 * 1024;

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerSentEvent<'reader> {
    /// The value of its `event` field, empty when there was none.
    pub name: &'reader [u8],
    /// Its `data` lines, joined by line feeds.
    pub data: &'reader [u8],
    /// Bytes of data beyond the limit, which were dropped. The data is the beginning then.
    pub dropped: usize,
}

/// How many bytes of an event's data are kept.
#[derive(Debug, Clone, Copy)]
enum Limit {
    Same(usize),
    ByName(fn(&[u8]) -> usize),
}

impl Limit {
    fn of(self, name: &[u8]) -> usize {
        match self {
            Self::Same(limit) => limit,
            Self::ByName(limit_of) => limit_of(name),
        }
    }
}

/// Takes a stream in pieces and gives whole events.
#[derive(Debug)]
pub struct EventReader {
    /// The limit of the event under way.
    limit: usize,
    /// The limit of an event by its name.
    limit_of: Limit,
    /// The line that is under way, as far as the field's name and value fit the limit.
    line: Vec<u8>,
    line_dropped: usize,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    dropped: usize,
    after_carriage_return: bool,
    at_start: bool,
}

impl EventReader {
    /// A reader that keeps at most that many bytes of an event's data; longer ones are cut.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self::with(Limit::Same(limit))
    }

    /// A reader that keeps as many bytes of an event's data as its name says, which then must come before the data.
    #[must_use]
    pub fn with_limits(limit_of: fn(&[u8]) -> usize) -> Self {
        Self::with(Limit::ByName(limit_of))
    }

    fn with(limit_of: Limit) -> Self {
        Self {
            limit: limit_of.of(b""),
            limit_of,
            line: Vec::new(),
            line_dropped: 0,
            name: Vec::new(),
            data: Vec::new(),
            has_data: false,
            dropped: 0,
            after_carriage_return: false,
            at_start: true,
        }
    }

    /// Takes the next piece; calls `on_event` for each event that it completes.
    pub fn feed(&mut self, piece: &[u8], mut on_event: impl FnMut(ServerSentEvent<'_>)) {
        let mut rest = piece;
        if self.after_carriage_return && !rest.is_empty() {
            self.after_carriage_return = false;
            if rest[0] == b'\n' {
                rest = &rest[1..];
            }
        }
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            self.extend_line(&rest[..end]);
            self.end_line(&mut on_event);
            let is_carriage_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if is_carriage_return {
                match rest.first() {
                    Some(b'\n') => rest = &rest[1..],
                    Some(_) => {}
                    None => self.after_carriage_return = true,
                }
            }
        }
        self.extend_line(rest);
    }

    /// Whether an event is under way that was not completed: the stream broke off inside it.
    #[must_use]
    pub fn is_inside_event(&self) -> bool {
        self.has_data || !self.line.is_empty()
    }

    fn extend_line(&mut self, bytes: &[u8]) {
        // Room for the field's name beside the data.
        let room = (self.limit + 16).saturating_sub(self.line.len());
        let kept = bytes.len().min(room);
        self.line.extend_from_slice(&bytes[..kept]);
        self.line_dropped += bytes.len() - kept;
    }

    fn end_line(&mut self, on_event: &mut impl FnMut(ServerSentEvent<'_>)) {
        let mut line = self.line.as_slice();
        if self.at_start {
            self.at_start = false;
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            if self.has_data {
                on_event(ServerSentEvent {
                    name: &self.name,
                    data: &self.data,
                    dropped: self.dropped,
                });
            }
            self.name.clear();
            self.data.clear();
            self.has_data = false;
            self.dropped = 0;
            self.limit = self.limit_of.of(b"");
        } else if let Some(value) = field(line, b"data") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            let kept = value.len().min(self.limit.saturating_sub(self.data.len()));
            self.data.extend_from_slice(&value[..kept]);
            self.dropped += value.len() - kept + self.line_dropped;
        } else if let Some(value) = field(line, b"event") {
            self.name.clear();
            self.name.extend_from_slice(&value[..value.len().min(64)]);
            self.limit = self.limit_of.of(&self.name);
        }
        self.line.clear();
        self.line_dropped = 0;
        // One huge event must not hold its memory for the rest of a long stream.
        if self.line.capacity() > KEPT_BYTES {
            self.line.shrink_to(4 * 1024);
        }
        if self.data.is_empty() && self.data.capacity() > KEPT_BYTES {
            self.data.shrink_to(4 * 1024);
        }
    }
}

/// The value of a line's field, if it is that field; one space after the colon does not count.
fn field<'line>(line: &'line [u8], name: &[u8]) -> Option<&'line [u8]> {
    let rest = line.strip_prefix(name)?;
    match rest.first() {
        None => Some(rest),
        Some(b':') => Some(rest[1..].strip_prefix(b" ").unwrap_or(&rest[1..])),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]], limit: usize) -> Vec<(String, String, usize)> {
        let mut events = Vec::new();
        let mut reader = EventReader::new(limit);
        for piece in pieces {
            reader.feed(piece, |event| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                events.push((text(event.name), text(event.data), event.dropped));
            });
        }
        events
    }

    fn event(name: &str, data: &str) -> (String, String, usize) {
        (name.to_owned(), data.to_owned(), 0)
    }

    #[test]
    fn the_rules_of_the_standard_hold() {
        let stream = b"\xef\xbb\xbf: comment\nevent: a\ndata: 1\ndata:2\n\nid: 3\r\ndata\r\n\r\ndatax: no\n\nevent: lost\n\ndata: cr\r\rdata: unfinished";
        assert_eq!(
            read(&[stream], 100),
            [event("a", "1\n2"), event("", ""), event("", "cr")]
        );
    }

    #[test]
    fn a_long_event_is_cut_and_the_next_is_whole() {
        let stream = format!(
            "event: big\ndata: {}\n\nevent: b\ndata: next\n\n",
            "x".repeat(1_000_000)
        );
        let events = read(&[stream.as_bytes()], 10);
        assert_eq!(events[0], ("big".to_owned(), "x".repeat(10), 999_990));
        assert_eq!(events[1], event("b", "next"));
    }

    #[test]
    fn an_events_name_decides_how_much_of_it_is_kept() {
        let mut reader = EventReader::with_limits(|name| if name == b"kept" { 100 } else { 2 });
        let mut events = Vec::new();
        reader.feed(
            b"event: dull\ndata: 12345\n\nevent: kept\ndata: 12345\n\ndata: 12345\n\n",
            |event| events.push((event.data.len(), event.dropped)),
        );
        assert_eq!(events, [(2, 3), (5, 0), (2, 3)]);
    }

    proptest! {
        #[test]
        fn the_cuts_do_not_matter(
            lines in prop::collection::vec("(event: [a-z]{0,3}|data: ?[a-zé:]{0,9}|data|:x|)(\n|\r\n|\r)", 0..30),
            cuts in prop::collection::vec(0_usize..200, 0..10),
            limit in 1_usize..20,
        ) {
            let stream = lines.concat().into_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&pieces, limit), read(&[&stream], limit));
        }
    }
}
