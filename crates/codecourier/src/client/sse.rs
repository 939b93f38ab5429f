//! A stream of server-sent events.
//!
//! Invariant: an event is given when it is whole, and never in parts.

use reqwest::Response;

use super::{Client, failure};
use crate::problem::Problem;

/// The most bytes of one event.
const LONGEST_EVENT: usize = 32 << 20;

/// A stream that is open.
pub(crate) struct Events {
    response: Response,
    client: Client,
    parser: Parser,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ServerEvent {
    /// Its kind; `message` when the server names none.
    pub(crate) kind: String,
    /// Its number, to go on after.
    pub(crate) id: Option<String>,
    /// What it says.
    pub(crate) data: String,
}

impl Events {
    pub(super) fn of(response: Response, client: Client) -> Self {
        Self {
            response,
            client,
            parser: Parser::default(),
        }
    }

    /// The next event. `None` when the server ended the stream.
    pub(crate) async fn next(&mut self) -> Result<Option<ServerEvent>, Problem> {
        loop {
            if let Some(event) = self.parser.take() {
                return Ok(Some(event));
            }
            let chunk = self.response.chunk().await;
            match chunk.map_err(|error| failure::unreachable(self.client.url(), &error))? {
                Some(chunk) if self.parser.rest.len() + chunk.len() <= LONGEST_EVENT => self.parser.feed(&chunk),
                Some(_) => return Err(failure::foreign(self.client.url(), self.response.status())),
                None => return Ok(None),
            }
        }
    }
}

/// Turns bytes into events.
#[derive(Debug, Default)]
struct Parser {
    rest: Vec<u8>,
    ready: std::collections::VecDeque<ServerEvent>,
    event: ServerEvent,
    has_data: bool,
}

impl Parser {
    fn feed(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let mut begin = 0;
        while let Some(length) = self.rest[begin..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.rest[begin..begin + length]).into_owned();
            begin += length + 1;
            self.line(line.trim_end_matches('\r'));
        }
        self.rest.drain(..begin);
    }

    fn take(&mut self) -> Option<ServerEvent> {
        self.ready.pop_front()
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            let mut event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.has_data) {
                if event.kind.is_empty() {
                    "message".clone_into(&mut event.kind);
                }
                self.ready.push_back(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.kind),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            // A comment, which keeps the connection alive, or a field of a later day.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_the_bytes_come() {
        let text = ": hello\n\nevent: delta\nid: 7\ndata: {\"a\":\ndata: \"ü\"}\n\ndata: plain\r\n\r\nevent: nothing\n\ndata: half";
        for size in [1, 2, 5, 1_000] {
            let mut parser = Parser::default();
            text.as_bytes().chunks(size).for_each(|chunk| parser.feed(chunk));
            let events: Vec<ServerEvent> = std::iter::from_fn(|| parser.take()).collect();
            assert_eq!(
                events,
                [
                    ServerEvent {
                        kind: "delta".to_owned(),
                        id: Some("7".to_owned()),
                        data: "{\"a\":\n\"ü\"}".to_owned()
                    },
                    ServerEvent {
                        kind: "message".to_owned(),
                        id: None,
                        data: "plain".to_owned()
                    },
                ]
            );
        }
    }
}
