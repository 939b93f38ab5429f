//! Claude Code's standard output, line by line.

use codecourier_domain::event::Event;

use crate::parse::{Line, LineLimits, LineReader, ParsedLine, Parser, RawLine};

/// Reads Claude Code's stream-json. Holds no state but the bytes of an unfinished line.
#[derive(Debug)]
pub struct ClaudeParser {
    reader: LineReader,
    limits: LineLimits,
}

impl ClaudeParser {
    /// A parser whose next byte is at `offset`, where a line begins.
    #[must_use]
    pub fn at(offset: u64, limits: LineLimits) -> Self {
        Self {
            reader: LineReader::at(offset, limits),
            limits,
        }
    }
}

impl Parser for ClaudeParser {
    fn feed(&mut self, bytes: &[u8]) -> Vec<ParsedLine> {
        let mut lines = Vec::new();
        let limits = self.limits;
        self.reader.feed(bytes, |line| lines.push(parse(line, limits)));
        lines
    }

    fn finish(&mut self) -> Option<ParsedLine> {
        let mut last = None;
        let limits = self.limits;
        self.reader.finish(|line| last = Some(parse(line, limits)));
        last
    }

    fn offset(&self) -> u64 {
        self.reader.offset()
    }
}

fn parse(line: Line<'_>, limits: LineLimits) -> ParsedLine {
    let head = &line.bytes[..line.bytes.len().min(limits.kept_raw)];
    ParsedLine {
        end_offset: line.end_offset,
        raw: RawLine {
            head: head.to_vec(),
            length: line.length,
        },
        events: events(line),
    }
}

fn events(line: Line<'_>) -> Vec<Event> {
    vec![Event::Unknown {
        raw: String::from_utf8_lossy(line.bytes).into_owned(),
        reason: "not read yet".to_owned(),
    }]
}
