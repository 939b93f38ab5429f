//! What must hold for any bytes an agent could print, as one function: the fuzz target and the property tests call it.

use std::collections::BTreeMap;

use codecourier_domain::agent::{AgentKind, Effort, ModelName};
use codecourier_domain::event::{Durability, Event};
use codecourier_domain::model_route::{default_model, route};

use crate::acp::parser::{AcpReader, Rules};
use crate::claude::parser::ClaudeReader;
use crate::codex::parser::CodexReader;
use crate::parse::{LineLimits, LineParser, ParsedLine, Parser as _, ReadLine};
use crate::pi::parser::PiReader;
use crate::session::{
    GatewayAccess, Knowledge, Prompt, SessionHandle, SessionId, SessionSpec, SessionStart, StepToken,
};

/// Checks every agent's parser.
pub fn check_parsers(data: &[u8]) -> Result<(), String> {
    for kind in AgentKind::ALL {
        check_parser(kind, data).map_err(|broken| format!("{kind}: {broken}"))?;
    }
    Ok(())
}

/// Checks the parser of one agent, for a new session and for one that is taken up again.
pub fn check_parser(kind: AgentKind, data: &[u8]) -> Result<(), String> {
    match kind {
        AgentKind::Claude => check(data, ClaudeReader),
        AgentKind::Pi => check(data, PiReader),
        AgentKind::Codex => sessions(kind)?
            .iter()
            .try_for_each(|session| check(data, CodexReader::of(session))),
        AgentKind::Opencode => sessions(kind)?
            .iter()
            .try_for_each(|session| check(data, AcpReader::of(session, Rules::InFile).without_usage())),
        AgentKind::Acp => sessions(kind)?
            .iter()
            .try_for_each(|session| check(data, AcpReader::of(session, Rules::InFirstMessage))),
    }
}

/// A new session of an agent, and the same taken up again.
fn sessions(kind: AgentKind) -> Result<[SessionSpec; 2], String> {
    let failed = |error: &dyn std::error::Error| error.to_string();
    let model: ModelName = default_model(kind).parse().map_err(|error| failed(&error))?;
    let route = route(kind, &model).map_err(|error| failed(&error))?;
    let session: SessionId = "11111111-1111-4111-8111-111111111111"
        .parse()
        .map_err(|error| failed(&error))?;
    let new = SessionSpec {
        start: SessionStart::New,
        model: route.name,
        effort: Some(Effort::High),
        home: "/home/user".parse().map_err(|error| failed(&error))?,
        workspace: "/home/user/project".parse().map_err(|error| failed(&error))?,
        system_prompt: Some("Rules.".to_owned()),
        prompt: Prompt::text("Do it."),
        gateway: GatewayAccess {
            provider: route.provider,
            base_url: "http://127.0.0.1:4180".to_owned(),
            token: StepToken::new("token"),
        },
        max_turns: None,
        mcp: BTreeMap::new(),
        knowledge: Knowledge::default(),
        env: BTreeMap::new(),
        session,
    };
    let resumed = SessionSpec {
        start: SessionStart::Resume(SessionHandle::of(&new.session)),
        ..new.clone()
    };
    Ok([new, resumed])
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
        check_restarts(stream, &whole, limits, &reader, seed)?;
    }
    Ok(())
}

fn read(stream: &[u8], offset: u64, piece: usize, limits: LineLimits, reader: impl ReadLine) -> Vec<ParsedLine> {
    let mut parser = LineParser::at(offset, limits, reader);
    let mut lines: Vec<ParsedLine> = stream.chunks(piece).flat_map(|bytes| parser.feed(bytes)).collect();
    lines.extend(parser.finish());
    lines
}

/// A parser that starts at an offset that was given has nothing to tell that was told, and tells all the rest.
fn check_restarts(
    stream: &[u8],
    whole: &[ParsedLine],
    limits: LineLimits,
    reader: &(impl ReadLine + Clone),
    seed: usize,
) -> Result<(), String> {
    let durable = |lines: &[ParsedLine]| -> Vec<Event> {
        let events = lines.iter().flat_map(|line| &line.events);
        events
            .filter(|event| event.durability() == Durability::Durable)
            .cloned()
            .collect()
    };
    let all = durable(whole);
    let mut parser = LineParser::at(0, limits, reader.clone());
    let step = whole.len() / 4 + 1;
    let mut told = 0;
    for (number, line) in stream.split_inclusive(|byte| *byte == b'\n').enumerate() {
        told += durable(&parser.feed(line)).len();
        if number % step != seed % step {
            continue;
        }
        let offset = parser.offset();
        let rest = usize::try_from(offset).ok().and_then(|offset| stream.get(offset..));
        let rest = rest.ok_or("an offset behind the end")?;
        let after = read(rest, offset, seed % 7 + 1, limits, reader.clone());
        if durable(&after) != all[told..] {
            return Err(format!("a parser that starts at {offset} gives another rest"));
        }
    }
    Ok(())
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
