//! A parser of line after line, for agents whose lines each stand for themselves. Adapters give it what a line means.

use codecourier_domain::event::Event;

use super::{Line, LineLimits, LineReader, ParsedLine, Parser, RawLine, Reply, bound};
use crate::session::SessionHandle;

/// What a line means. `self` holds what is known of the session before its process starts, and nothing that was read.
pub trait ReadLine: Send {
    /// Reads a line, which may be the head of an oversized one.
    fn read(&self, line: Line<'_>) -> Meaning;
}

/// What a line means.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meaning {
    /// The events.
    pub events: Vec<Event>,
    /// The answers to it, each a whole line with its `\n`.
    pub replies: Vec<Vec<u8>>,
    /// What further messages must name from here on.
    pub handle: Option<SessionHandle>,
}

impl From<Vec<Event>> for Meaning {
    fn from(events: Vec<Event>) -> Self {
        Self {
            events,
            ..Self::default()
        }
    }
}

/// Reads an agent's standard output line by line. Holds no state but the bytes of an unfinished line.
#[derive(Debug)]
pub struct LineParser<R> {
    lines: LineReader,
    limits: LineLimits,
    reader: R,
}

impl<R: ReadLine> LineParser<R> {
    /// A parser whose next byte is at `offset`, where a line begins.
    #[must_use]
    pub fn at(offset: u64, limits: LineLimits, reader: R) -> Self {
        Self {
            lines: LineReader::at(offset, limits),
            limits,
            reader,
        }
    }
}

impl<R: ReadLine> Parser for LineParser<R> {
    fn feed(&mut self, bytes: &[u8]) -> Vec<ParsedLine> {
        let mut parsed = Vec::new();
        let (limits, reader) = (self.limits, &self.reader);
        self.lines.feed(bytes, |line| parsed.push(parse(line, limits, reader)));
        parsed
    }

    fn finish(&mut self) -> Option<ParsedLine> {
        let mut last = None;
        let (limits, reader) = (self.limits, &self.reader);
        self.lines.finish(|line| last = Some(parse(line, limits, reader)));
        last
    }

    fn offset(&self) -> u64 {
        self.lines.offset()
    }
}

fn parse(line: Line<'_>, limits: LineLimits, reader: &impl ReadLine) -> ParsedLine {
    let head = &line.bytes[..line.bytes.len().min(limits.kept_raw)];
    let mut meaning = reader.read(line);
    if meaning.events.len() > bound::EVENTS {
        meaning.events.truncate(bound::EVENTS);
        meaning
            .events
            .push(bound::unknown(line.bytes, "more events in one line than are kept"));
    }
    let numbered = meaning.replies.into_iter().zip(1..);
    ParsedLine {
        end_offset: line.end_offset,
        raw: RawLine {
            head: head.to_vec(),
            length: line.length,
        },
        events: meaning.events,
        replies: numbered
            .map(|(bytes, number): (Vec<u8>, u32)| Reply {
                id: format!("reply-{}-{number}", line.end_offset),
                bytes,
            })
            .collect(),
        handle: meaning.handle,
    }
}
