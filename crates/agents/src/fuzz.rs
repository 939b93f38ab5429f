//! What must hold for any bytes an agent could print, as one function: the fuzz target and the property tests call it.

use codecourier_domain::event::Event;

use crate::claude::parser::ClaudeReader;
use crate::parse::{LineLimits, LineParser, ParsedLine, Parser as _, ReadLine};

/// Checks the parser of Claude Code.
pub fn check_parser(data: &[u8]) -> Result<(), String> {
    check(data, ClaudeReader)
}

/// Reads `data` whole, in pieces and again from line ends, with wide and with narrow limits. An error names the
/// invariant that is broken.
fn check(data: &[u8], reader: impl ReadLine + Clone) -> Result<(), String> {
    let (seed, stream) = data
        .split_first()
        .map_or((0, data), |(seed, rest)| (usize::from(*seed), rest));
    for limits in [
        LineLimits::default(),
        LineLimits {
            longest_line: 256,
            kept_raw: 32,
        },
    ] {
        let read = |stream, offset, piece| read(stream, offset, piece, limits, reader.clone());
        let whole = read(stream, 0, stream.len().max(1));
        check_lines(stream, &whole, limits)?;
        if read(stream, 0, seed % 61 + 1) != whole {
            return Err(format!(
                "pieces of {} bytes give other lines than the whole",
                seed % 61 + 1
            ));
        }
        let step = whole.len() / 8 + 1;
        for (index, line) in whole.iter().enumerate().skip(seed % step).step_by(step) {
            let end = line.end_offset;
            let rest = usize::try_from(end)
                .ok()
                .and_then(|end| stream.get(end..))
                .unwrap_or_default();
            if read(rest, end, seed % 7 + 1) != whole[index + 1..] {
                return Err(format!("a parser that starts at {end} gives another rest"));
            }
        }
    }
    Ok(())
}

fn read(stream: &[u8], offset: u64, piece: usize, limits: LineLimits, reader: impl ReadLine) -> Vec<ParsedLine> {
    let mut parser = LineParser::at(offset, limits, reader);
    let mut lines: Vec<ParsedLine> = stream.chunks(piece).flat_map(|bytes| parser.feed(bytes)).collect();
    lines.extend(parser.finish());
    lines
}

fn check_lines(stream: &[u8], lines: &[ParsedLine], limits: LineLimits) -> Result<(), String> {
    let mut start = 0;
    for line in lines {
        let terminator = line.end_offset.checked_sub(start + line.raw.length);
        if !matches!(terminator, Some(0 | 1)) {
            return Err(format!(
                "the line from {start} has {} bytes and ends at {}",
                line.raw.length, line.end_offset
            ));
        }
        if line.raw.head.len() > limits.kept_raw {
            return Err(format!("{} bytes of a raw line are kept", line.raw.head.len()));
        }
        start = line.end_offset;
        if let Some(reply) = line.replies.iter().find(|reply| !reply.bytes.ends_with(b"\n")) {
            return Err(format!("the reply {} is no line", reply.id));
        }
        for event in &line.events {
            check_event(event)?;
        }
    }
    if start == stream.len() as u64 {
        Ok(())
    } else {
        Err(format!("the lines end at {start} of {}", stream.len()))
    }
}

/// Every event can be stored and read back.
fn check_event(event: &Event) -> Result<(), String> {
    let stored = serde_json::to_string(event).map_err(|error| error.to_string())?;
    let back: Event = serde_json::from_str(&stored).map_err(|error| format!("{error} in {stored}"))?;
    if &back == event {
        Ok(())
    } else {
        Err(format!("an event changes when it is stored: {stored}"))
    }
}
