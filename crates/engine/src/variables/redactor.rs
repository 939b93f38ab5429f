//! Taking the values of secret variables out of whatever is recorded. Pure.
//!
//! Invariants: no text that passed has a secret as it was set, nor as it looks inside a JSON string, nor a line of one that
//! has several; what has none is not touched. What an agent has altered (encoded, cut, spelt out) is beyond it.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

/// What stands where a secret was.
const REDACTED: &str = "[secret]";
/// Lines of a secret of several lines are searched for from this length on.
const SHORTEST_LINE: usize = 8;

/// Replaces certain secrets wherever they occur.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// The longest first, so that no part of one is left when another is a part of it.
    patterns: Vec<SecretString>,
}

impl Redactor {
    pub(crate) fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let mut patterns: Vec<Zeroizing<String>> = Vec::new();
        for secret in secrets {
            let whole = secret.expose_secret();
            let lines = whole.lines().map(str::trim).filter(|line| {
                // The first and last line of a key in PEM are everybody's.
                line.len() >= SHORTEST_LINE && line.len() < whole.len() && !line.starts_with("-----")
            });
            for text in std::iter::once(whole).chain(lines) {
                let once = escaped(text);
                let twice = escaped(&once);
                patterns.push(Zeroizing::new(text.to_owned()));
                patterns.push(once);
                patterns.push(twice);
            }
        }
        patterns.retain(|pattern| pattern.len() >= super::MIN_SECRET_BYTES);
        patterns.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        patterns.dedup();
        Self {
            patterns: patterns
                .iter()
                .map(|pattern| SecretString::from(pattern.as_str()))
                .collect(),
        }
    }

    /// Whether there is anything to take out.
    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// How long the longest thing is that is looked for, in bytes.
    pub(crate) fn longest(&self) -> usize {
        let lengths = self.patterns.iter().map(|pattern| pattern.expose_secret().len());
        lengths.max().unwrap_or(0)
    }

    /// Whether bytes hold one.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| memchr::memmem::find(bytes, pattern.expose_secret().as_bytes()).is_some())
    }

    /// A text without the secrets.
    pub(crate) fn text(&self, text: String) -> String {
        self.patterns.iter().fold(text, |text, pattern| {
            let pattern = pattern.expose_secret();
            if text.contains(pattern) {
                text.replace(pattern, REDACTED)
            } else {
                text
            }
        })
    }

    /// A value without the secrets in any text inside it.
    pub(crate) fn value<T: Serialize + DeserializeOwned>(&self, value: T) -> T {
        if self.is_empty() {
            return value;
        }
        let Ok(json) = serde_json::to_value(&value) else {
            return value;
        };
        let clean = serde_json::from_value(self.json(json.clone(), &|_| false));
        // A secret that is a word of our own, `completed`, say: the type takes no other in its place, and where it stands
        // alone it gives nothing away.
        let is_word = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'))
        };
        let clean = clean.or_else(|_| serde_json::from_value(self.json(json, &is_word)));
        clean.unwrap_or(value)
    }

    fn json(&self, value: Value, is_spared: &dyn Fn(&str) -> bool) -> Value {
        let text = |text: String| if is_spared(&text) { text } else { self.text(text) };
        match value {
            Value::String(string) => Value::String(text(string)),
            Value::Array(values) => {
                let values = values.into_iter().map(|value| self.json(value, is_spared));
                Value::Array(values.collect())
            }
            Value::Object(fields) => {
                let fields = fields.into_iter();
                let fields = fields.map(|(name, value)| (text(name), self.json(value, is_spared)));
                Value::Object(fields.collect())
            }
            other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Redactor({})", self.patterns.len())
    }
}

/// The text as it looks inside a JSON string.
fn escaped(text: &str) -> Zeroizing<String> {
    let quoted = Zeroizing::new(Value::from(text).to_string());
    Zeroizing::new(quoted[1..quoted.len() - 1].to_owned())
}

/// Takes the secrets out of bytes that come in pieces, wherever the pieces are cut.
pub(crate) struct StreamRedactor<'r> {
    redactor: &'r Redactor,
    longest: usize,
    held: Zeroizing<Vec<u8>>,
}

impl<'r> StreamRedactor<'r> {
    pub(crate) fn new(redactor: &'r Redactor) -> Self {
        Self {
            redactor,
            longest: redactor.longest(),
            held: Zeroizing::new(Vec::new()),
        }
    }

    /// Takes a piece, and gives what is sure to hold no part of a secret.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        self.replace();
        let sure = self.held.len().saturating_sub(self.longest.saturating_sub(1));
        self.held.drain(..sure).collect()
    }

    /// What was held back, after the last piece.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        std::mem::take(&mut *self.held)
    }

    fn replace(&mut self) {
        for pattern in &self.redactor.patterns {
            let pattern = pattern.expose_secret().as_bytes();
            let mut rest = self.held.as_slice();
            let mut clean = Vec::new();
            while let Some(position) = memchr::memmem::find(rest, pattern) {
                clean.extend_from_slice(&rest[..position]);
                clean.extend_from_slice(REDACTED.as_bytes());
                rest = &rest[position + pattern.len()..];
            }
            if !clean.is_empty() {
                clean.extend_from_slice(rest);
                *self.held = clean;
            }
        }
    }
}
