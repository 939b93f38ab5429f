//! A parser of line after line. Adapters give it what one line means, by itself; what it says of its neighbours is
//! joined here.

use codecourier_domain::event::Event;

use super::given::Picture;
use super::joiner::{Join, Joiner};
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
    /// The pictures that tools gave in it, which events of it name.
    pub pictures: Vec<Picture>,
    /// The answers to it, each a whole line with its `\n`.
    pub replies: Vec<Vec<u8>>,
    /// What further messages must name from here on.
    pub handle: Option<SessionHandle>,
    /// What the line says of lines before or after it, where it does not stand for itself.
    pub join: Option<Join>,
}

impl From<Vec<Event>> for Meaning {
    fn from(events: Vec<Event>) -> Self {
        Self {
            events,
            ..Self::default()
        }
    }
}

/// Reads an agent's standard output line by line. Holds the bytes of an unfinished line, and the events that wait for a
/// later line.
#[derive(Debug)]
pub struct LineParser<R> {
    lines: LineReader,
    limits: LineLimits,
    reader: R,
    joiner: Joiner,
    /// Where the next line begins.
    next: u64,
}

impl<R: ReadLine> LineParser<R> {
    /// A parser whose next byte is at `offset`, where a line begins.
    #[must_use]
    pub fn at(offset: u64, limits: LineLimits, reader: R) -> Self {
        Self {
            lines: LineReader::at(offset, limits),
            limits,
            reader,
            joiner: Joiner::default(),
            next: offset,
        }
    }
}

impl<R: ReadLine> Parser for LineParser<R> {
    fn feed(&mut self, bytes: &[u8]) -> Vec<ParsedLine> {
        let mut parsed = Vec::new();
        let Self {
            lines,
            limits,
            reader,
            joiner,
            next,
        } = self;
        lines.feed(bytes, |line| parsed.push(parse(line, *limits, reader, joiner, next)));
        parsed
    }

    fn finish(&mut self) -> Option<ParsedLine> {
        let mut last = None;
        let Self {
            lines,
            limits,
            reader,
            joiner,
            next,
        } = self;
        lines.finish(|line| last = Some(parse(line, *limits, reader, joiner, next)));
        let waited = joiner.finish();
        match (&mut last, waited.is_empty()) {
            (_, true) => {}
            (Some(last), false) => last.events.extend(waited),
            (None, false) => {
                last = Some(ParsedLine {
                    end_offset: *next,
                    raw: RawLine {
                        head: Vec::new(),
                        length: 0,
                    },
                    events: waited,
                    pictures: Vec::new(),
                    replies: Vec::new(),
                    handle: None,
                });
            }
        }
        last
    }

    fn offset(&self) -> u64 {
        self.joiner.start().unwrap_or(self.lines.offset())
    }
}

fn parse(
    line: Line<'_>,
    limits: LineLimits,
    reader: &impl ReadLine,
    joiner: &mut Joiner,
    next: &mut u64,
) -> ParsedLine {
    let head = &line.bytes[..line.bytes.len().min(limits.kept_raw)];
    let mut meaning = reader.read(line);
    if meaning.events.len() > bound::EVENTS {
        meaning.events.truncate(bound::EVENTS);
        meaning
            .events
            .push(bound::unknown(line.bytes, "more events in one line than are kept"));
    }
    let start = std::mem::replace(next, line.end_offset);
    // What is only repeated was kept when it was said.
    let pictures = if joiner.hears(meaning.join.as_ref()) {
        meaning.pictures
    } else {
        Vec::new()
    };
    let numbered = meaning.replies.into_iter().zip(1..);
    ParsedLine {
        end_offset: line.end_offset,
        raw: RawLine {
            head: head.to_vec(),
            length: line.length,
        },
        events: joiner.take(start, meaning.join, meaning.events),
        pictures,
        replies: numbered
            .map(|(bytes, number): (Vec<u8>, u32)| Reply {
                id: format!("reply-{}-{number}", line.end_offset),
                bytes,
            })
            .collect(),
        handle: meaning.handle,
    }
}
