//! Reading what an agent prints: bytes in, events out, with the offset in the journal at which each line ends.
//!
//! Invariants that every parser keeps and the engine's crash recovery rests on: lines end at `\n` and nowhere else; what
//! a line means depends on that line alone, and where it takes several lines to say one thing, the parser's offset stays
//! before the first of them until it is said, so that a parser that starts at an offset that was ever given gives the
//! same rest; how the bytes are cut into chunks changes nothing; every byte is accounted for by exactly one line; memory stays below
//! [`LineLimits::longest_line`] whatever comes. What is to be answered to a line is made from the line and the session's
//! spec alone too, under an id that the line's place fixes: read again after a crash, it gives the same answer under the
//! same id, and the sandbox takes each id once.

pub mod bound;
pub mod field;
pub mod given;
pub mod joiner;
pub mod line_parser;
pub mod lines;
pub mod object;

use codecourier_domain::event::Event;

pub use given::Picture;
pub use joiner::{Join, Piece, Said};
pub use line_parser::{LineParser, Meaning, ReadLine};
pub use lines::{Line, LineLimits, LineReader};

use crate::session::SessionHandle;

/// Reads one agent's standard output.
pub trait Parser: Send {
    /// Takes the next bytes, and gives the lines that they complete.
    fn feed(&mut self, bytes: &[u8]) -> Vec<ParsedLine>;

    /// Ends the stream: gives the last line if it has no `\n`. The process is gone, so nothing follows.
    fn finish(&mut self) -> Option<ParsedLine>;

    /// Where a parser after a restart must begin: the end of the last line that was given, or the beginning of the first
    /// whose events wait for a later one.
    fn offset(&self) -> u64;
}

/// A line and what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedLine {
    /// The offset in the stream of the byte after the line, its `\n` included.
    pub end_offset: u64,
    /// The line as it came, cut when long.
    pub raw: RawLine,
    /// What it means. Empty for lines that are known to say nothing worth keeping. `Event::durability` tells which of
    /// them go into the event log.
    pub events: Vec<Event>,
    /// The pictures that tools gave in it. They are to be kept before an event that names them is, be it this line's or a
    /// later one's; keeping one twice must be keeping it once.
    pub pictures: Vec<Picture>,
    /// What is to be put on the agent's standard input because of it, in this order, before the line counts as read.
    pub replies: Vec<Reply>,
    /// What further messages must name from here on, when the line says so.
    pub handle: Option<SessionHandle>,
}

/// Bytes for the agent's standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its name, fixed by the line that it answers: sent twice, it is taken once.
    pub id: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A line as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLine {
    /// Its first bytes, without the `\n`: at most [`LineLimits::kept_raw`].
    pub head: Vec<u8>,
    /// Its whole length, without the `\n`.
    pub length: u64,
}

impl RawLine {
    /// Whether `head` is not all of it.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.length > self.head.len() as u64
    }
}
