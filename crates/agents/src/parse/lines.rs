//! Cuts a stream of bytes into lines with absolute offsets, in bounded memory. Parsers build on it.
//!
//! Invariants: a line that fits [`LineLimits::longest_line`] is given whole; a longer one is given as its head with its
//! true length, and no more of it is ever held than that limit. Lines inside one chunk are borrowed, not copied.

/// How much of a line is held and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineLimits {
    /// The longest line that is parsed, in bytes. Of a longer one only the head is kept.
    pub longest_line: usize,
    /// How much of any line is kept as its raw form, in bytes.
    pub kept_raw: usize,
}

impl Default for LineLimits {
    fn default() -> Self {
        Self {
            longest_line: 8 * 1024 * 1024,
            kept_raw: 64 * 1024,
        }
    }
}

/// A line of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The line without its `\n`: all of it, or the head of an oversized one.
    pub bytes: &'a [u8],
    /// Its true length without the `\n`.
    pub length: u64,
    /// The offset of the byte after it, its `\n` included.
    pub end_offset: u64,
}

impl Line<'_> {
    /// Whether the line was too long to be held.
    #[must_use]
    pub fn is_oversized(&self) -> bool {
        self.length > self.bytes.len() as u64
    }
}

/// Cuts bytes into lines.
#[derive(Debug)]
pub struct LineReader {
    limits: LineLimits,
    /// What is held of the line that has no end yet.
    pending: Vec<u8>,
    /// How long that line is so far.
    pending_length: u64,
    /// The offset at which that line begins.
    offset: u64,
}

impl LineReader {
    /// A reader whose next byte is at `offset`.
    #[must_use]
    pub fn at(offset: u64, limits: LineLimits) -> Self {
        Self {
            limits,
            pending: Vec::new(),
            pending_length: 0,
            offset,
        }
    }

    /// The end of the last line given.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes held at the moment, for tests of the bound.
    #[must_use]
    pub fn held(&self) -> usize {
        self.pending.capacity()
    }

    /// Takes bytes and calls `each` for every line that they complete.
    pub fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if self.pending_length == 0 && line.len() <= self.limits.longest_line {
                self.offset += line.len() as u64 + 1;
                each(Line {
                    bytes: line,
                    length: line.len() as u64,
                    end_offset: self.offset,
                });
            } else {
                self.hold(line);
                self.give_pending(1, &mut each);
            }
        }
        self.hold(bytes);
    }

    /// Ends the stream: calls `each` for a last line without `\n`, if there is one.
    pub fn finish(&mut self, mut each: impl FnMut(Line<'_>)) {
        if self.pending_length > 0 {
            self.give_pending(0, &mut each);
        }
    }

    fn hold(&mut self, bytes: &[u8]) {
        self.pending_length += bytes.len() as u64;
        if self.pending_length > self.limits.longest_line as u64 {
            // The line can no longer be parsed. Its head is enough, and the memory of the rest is given back.
            let room = self.limits.kept_raw.saturating_sub(self.pending.len());
            self.pending.extend_from_slice(&bytes[..room.min(bytes.len())]);
            self.pending.truncate(self.limits.kept_raw);
            self.pending.shrink_to(self.limits.kept_raw);
        } else {
            self.reserve(bytes.len());
            self.pending.extend_from_slice(bytes);
        }
    }

    /// Grows by doubling as `Vec` does, but never past the longest line.
    fn reserve(&mut self, more: usize) {
        let needed = self.pending.len() + more;
        if needed > self.pending.capacity() {
            let capacity = (self.pending.capacity() * 2).min(self.limits.longest_line).max(needed);
            self.pending.reserve_exact(capacity - self.pending.len());
        }
    }

    fn give_pending(&mut self, terminator: u64, each: &mut impl FnMut(Line<'_>)) {
        self.offset += self.pending_length + terminator;
        each(Line {
            bytes: &self.pending,
            length: self.pending_length,
            end_offset: self.offset,
        });
        self.pending.clear();
        self.pending.shrink_to(self.limits.kept_raw);
        self.pending_length = 0;
    }
}
