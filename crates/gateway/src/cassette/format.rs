//! The cassette's file format as types, and its reader. The table of fields is in the module above.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use codecourier_domain::usage::Tokens;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::grant::Lane;
use crate::provider::Dialect;

/// The version of the format that this program writes; it reads no other.
pub(super) const FORMAT_VERSION: u32 = 1;

/// The most bytes of a cassette file that are read.
const MOST_BYTES: u64 = 1024 * 1024 * 1024;

/// A cassette in memory, indexed for replay.
#[derive(Debug)]
pub struct Cassette {
    name: String,
    header: Header,
    exchanges: Vec<Exchange>,
    by_hash: HashMap<String, Vec<usize>>,
    by_position: HashMap<(Lane, u32), Vec<usize>>,
}

impl Cassette {
    /// Reads a cassette file.
    ///
    /// # Errors
    /// When the file cannot be read or is no cassette.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let read = || {
            let length = std::fs::metadata(path)?.len();
            if length > MOST_BYTES {
                return Err(std::io::Error::other(format!(
                    "the file has {length} bytes, more than a cassette may"
                )));
            }
            std::fs::read(path)
        };
        let bytes = read().map_err(|source| Error::ReadCassette {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&path.display().to_string(), &bytes)
    }

    /// Reads a cassette from memory: one that is compiled in, or a test's.
    ///
    /// # Errors
    /// When the text is no cassette. The error says which value and why.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Error> {
        let invalid = |value: usize, problem: String| Error::InvalidCassette {
            name: name.to_owned(),
            value,
            problem,
        };
        let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
        let header = match values.next() {
            None => return Err(invalid(1, "the file is empty".to_owned())),
            Some(Err(error)) => return Err(invalid(1, error.to_string())),
            Some(Ok(value)) if !value.is_object() => return Err(invalid(1, "not a header".to_owned())),
            Some(Ok(value)) => Header::deserialize(value).map_err(|error| invalid(1, error.to_string()))?,
        };
        if header.codecourier_cassette != FORMAT_VERSION {
            let problem = format!(
                "format {}; this program reads {FORMAT_VERSION}",
                header.codecourier_cassette
            );
            return Err(invalid(1, problem));
        }
        let mut cassette = Self {
            name: name.to_owned(),
            header,
            exchanges: Vec::new(),
            by_hash: HashMap::new(),
            by_position: HashMap::new(),
        };
        let mut next_index: HashMap<Lane, u32> = HashMap::new();
        for (number, value) in (2..).zip(values) {
            let value = match value {
                Ok(value) => value,
                Err(error) if error.is_eof() => break,
                Err(error) => return Err(invalid(number, error.to_string())),
            };
            let mut exchange = Exchange::deserialize(value).map_err(|error| invalid(number, error.to_string()))?;
            exchange.validate().map_err(|problem| invalid(number, problem))?;
            let next = next_index.entry(exchange.lane.clone()).or_default();
            let index = *exchange.index.get_or_insert(*next);
            *next = index.saturating_add(1);
            cassette.add(exchange, index);
        }
        Ok(cassette)
    }

    /// Where the cassette came from.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the cassette says of itself.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.header.description
    }

    /// Every exchange, in the order of the file.
    #[must_use]
    pub fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    /// The delays of an exchange.
    #[must_use]
    pub fn pacing_of(&self, exchange: &Exchange) -> Pacing {
        exchange.pacing.unwrap_or(self.header.pacing)
    }

    pub(super) fn with_hash(&self, hash: &str) -> impl DoubleEndedIterator<Item = &Exchange> {
        self.by_hash
            .get(hash)
            .into_iter()
            .flatten()
            .map(|position| &self.exchanges[*position])
    }

    pub(super) fn at_position(&self, lane: &Lane, index: u32) -> impl DoubleEndedIterator<Item = &Exchange> {
        let positions = self.by_position.get(&(lane.clone(), index));
        positions
            .into_iter()
            .flatten()
            .map(|position| &self.exchanges[*position])
    }

    fn add(&mut self, exchange: Exchange, index: u32) {
        let position = self.exchanges.len();
        if let Some(recorded) = &exchange.recorded {
            self.by_hash.entry(recorded.hash.clone()).or_default().push(position);
        }
        self.by_position
            .entry((exchange.lane.clone(), index))
            .or_default()
            .push(position);
        self.exchanges.push(exchange);
    }
}

/// The first value of a cassette.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) codecourier_cassette: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) description: String,
    #[serde(default, skip_serializing_if = "Pacing::is_none")]
    pub(super) pacing: Pacing,
}

/// Delays of a replayed answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pacing {
    /// Milliseconds before the first byte.
    #[serde(default)]
    pub first_byte_ms: u64,
    /// Milliseconds between two events of the stream.
    #[serde(default)]
    pub event_ms: u64,
}

impl Pacing {
    /// No delays.
    pub const NONE: Self = Self {
        first_byte_ms: 0,
        event_ms: 0,
    };

    fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The step's position in its run.
    pub lane: Lane,
    /// The number of model messages in the request. Always present after reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// What the recorder knows of the request.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub(super) recorded: Option<RecordedRequest>,
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub(super) expect: Texts,
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub(super) think: Texts,
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub(super) say: Texts,
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub(super) tool_use: OneOrMany<ToolUse>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Vec<Piece>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stop: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Tokens>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<WrittenError>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<RecordedResponse>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pacing: Option<Pacing>,
}

impl Exchange {
    /// Whether a recorder wrote it. Else a person did.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.recorded.is_some()
    }

    /// Whether an agent of this language can be given the answer: a recording is in its own.
    pub(super) fn can_be_told(&self, dialect: Dialect) -> bool {
        let recorded = self.recorded.as_ref();
        self.response.is_none() || recorded.map_or(Dialect::Messages, |recorded| recorded.api) == dialect
    }

    /// Whether the last message of a request, normalised or not, is what this exchange expects.
    pub(super) fn expects(&self, last_message: &str) -> bool {
        self.expect.0.iter().all(|text| last_message.contains(text.as_str()))
    }

    /// The answer in order, whichever way it was written.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        if let Some(content) = &self.content {
            return content.clone();
        }
        let thought = (!self.think.is_empty()).then(|| Piece::Think(self.think.clone()));
        let said = (!self.say.is_empty()).then(|| Piece::Say(self.say.clone()));
        let calls = self.tool_use.0.iter().cloned().map(Piece::ToolUse);
        thought.into_iter().chain(said).chain(calls).collect()
    }

    fn validate(&self) -> Result<(), String> {
        let flat = !self.think.is_empty() || !self.say.is_empty() || !self.tool_use.is_empty();
        let answers = [
            flat,
            self.content.is_some(),
            self.error.is_some(),
            self.response.is_some(),
        ];
        match answers.iter().filter(|is_given| **is_given).count() {
            0 => return Err("no answer: give say, think or tool_use, or content, or error, or response".to_owned()),
            1 => {}
            _ => {
                return Err(
                    "more than one answer: say, think and tool_use together, or content, or error, or response"
                        .to_owned(),
                );
            }
        }
        if let Some(response) = &self.response {
            response.bytes().map_err(|problem| format!("response: {problem}"))?;
        }
        match &self.error {
            Some(error) if !(400..=599).contains(&error.status) => {
                Err("error.status is not from 400 to 599".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// A part of an answer written by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Piece {
    Think(Texts),
    Say(Texts),
    ToolUse(ToolUse),
}

/// A tool call written by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolUse {
    pub(super) name: String,
    #[serde(default = "empty_object")]
    pub(super) input: Value,
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

/// An error answer written by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenError {
    pub(super) status: u16,
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<u64>,
}

/// What a request was when it was recorded: enough to find it again and to say where another one parts from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedRequest {
    /// The language it was in.
    #[serde(default, skip_serializing_if = "is_messages")]
    pub(super) api: Dialect,
    /// The hash of the whole normalised request.
    pub(super) hash: String,
    /// The model asked for.
    pub(super) model: String,
    /// Per message its role and short hashes of its parts.
    pub(super) messages: Vec<(String, Vec<String>)>,
    /// The normalised last message, for people and reports, cut.
    pub(super) excerpt: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_messages(dialect: &Dialect) -> bool {
    *dialect == Dialect::Messages
}

/// An answer as it was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordedResponse {
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// The raw event stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sse: Option<String>,
    /// The raw JSON body, as text, so that it stays equal to the byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) json: Option<String>,
    /// A body that is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
}

impl RecordedResponse {
    /// The body's bytes.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, String> {
        use base64::Engine as _;
        match (&self.sse, &self.json, &self.base64) {
            (Some(text), None, None) | (None, Some(text), None) => Ok(text.clone().into_bytes()),
            (None, None, Some(encoded)) => base64::engine::general_purpose::STANDARD
                .decode(encoded)
                .map_err(|error| format!("base64: {error}")),
            _ => Err("give exactly one of sse, json and base64".to_owned()),
        }
    }
}

/// A text written as one string or as a list of lines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "OneOrMany<String>")]
pub(super) struct Texts(pub(super) Vec<String>);

impl Texts {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lines as one text.
    pub(super) fn joined(&self) -> String {
        self.0.join("\n")
    }
}

impl From<OneOrMany<String>> for Texts {
    fn from(texts: OneOrMany<String>) -> Self {
        Self(texts.0)
    }
}

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OneOrManyDocument<T>")]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct OneOrMany<T>(pub(super) Vec<T>);

impl<T> OneOrMany<T> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrManyDocument<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> From<OneOrManyDocument<T>> for OneOrMany<T> {
    fn from(document: OneOrManyDocument<T>) -> Self {
        Self(match document {
            OneOrManyDocument::Many(values) => values,
            OneOrManyDocument::One(value) => vec![value],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"codecourier_cassette": 1, "description": "d", "pacing": {"first_byte_ms": 5}}"#;

    fn parse(exchanges: &str) -> Result<Cassette, Error> {
        Cassette::parse("test", format!("{HEADER}\n{exchanges}").as_bytes())
    }

    #[test]
    fn values_may_span_lines_and_indexes_count_by_themselves() {
        let cassette = parse(
            r#"{"lane": "a#1", "say": "one"} {"lane": "b#1", "say": ["two",
                "lines"]}
               {"lane": "a#1", "tool_use": [{"name": "X"}], "pacing": {"event_ms": 9}}
               {"lane": "a#1", "index": 7, "say": "seven"} {"lane": "a#1", "say": "eight"}"#,
        )
        .unwrap();
        let positions: Vec<_> = cassette
            .exchanges()
            .iter()
            .map(|exchange| (exchange.lane.as_str(), exchange.index.unwrap()))
            .collect();
        assert_eq!(positions, [("a#1", 0), ("b#1", 0), ("a#1", 1), ("a#1", 7), ("a#1", 8)]);
        assert_eq!(cassette.description(), "d");
        assert_eq!(cassette.exchanges()[1].say.joined(), "two\nlines");
        assert_eq!(cassette.pacing_of(&cassette.exchanges()[0]).first_byte_ms, 5);
        assert_eq!(cassette.pacing_of(&cassette.exchanges()[2]).event_ms, 9);
    }

    #[test]
    fn a_torn_last_value_is_ignored_and_other_damage_is_told() {
        let whole = parse("{\"lane\": \"a\", \"say\": \"one\"}\n{\"lane\": \"a\", \"say\": \"tw").unwrap();
        assert_eq!(whole.exchanges().len(), 1);
        let problem = |exchanges: &str| parse(exchanges).unwrap_err().to_string();
        assert!(problem("{\"lane\": \"a\", \"say\": \"x\"} }").contains("value 3"));
        assert!(problem(r#"{"lane": "a", "sya": "x"}"#).contains("sya"));
        assert!(problem(r#"{"lane": "a"}"#).contains("no answer"));
        assert!(problem(r#"{"lane": "a", "say": "x", "error": {"status": 429}}"#).contains("more than one answer"));
        assert!(problem(r#"{"lane": "a", "error": {"status": 200}}"#).contains("error.status"));
        assert!(problem(r#"{"lane": "a", "response": {"status": 200}}"#).contains("exactly one"));
        assert!(problem(r#"{"say": "x"}"#).contains("lane"));
        for text in ["", "{}", "[1]", r#"{"codecourier_cassette": 2}"#, "not json"] {
            assert!(
                Cassette::parse("test", text.as_bytes()).is_err(),
                "{text:?} was taken for a cassette"
            );
        }
    }
}
