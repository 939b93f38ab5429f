//! Taking secrets out of texts before anybody sees them. Pure.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// What stands where a secret was.
const REDACTED: &str = "[redacted]";

/// Secrets shorter than this are not searched for: replacing a few letters everywhere would only show them.
const SHORTEST_SECRET: usize = 6;

/// Replaces certain secrets wherever they occur.
#[derive(Clone, Default)]
pub(crate) struct Scrubber(Vec<SecretString>);

impl Scrubber {
    pub(crate) fn new<'text>(secrets: impl IntoIterator<Item = &'text str>) -> Self {
        let long_enough = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST_SECRET);
        Self(
            long_enough
                .map(|secret| SecretString::from(secret.to_owned()))
                .collect(),
        )
    }

    pub(crate) fn contains_secret(&self, bytes: &[u8]) -> bool {
        self.0
            .iter()
            .any(|secret| memchr::memmem::find(bytes, secret.expose_secret().as_bytes()).is_some())
    }

    pub(crate) fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text.contains(secret.expose_secret()) {
                text = text.replace(secret.expose_secret(), REDACTED);
            }
        }
        text
    }

    pub(crate) fn scrub_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for secret in &self.0 {
            let needle = secret.expose_secret().as_bytes();
            let mut clean = Vec::with_capacity(bytes.len());
            let mut rest = bytes.as_slice();
            while let Some(position) = memchr::memmem::find(rest, needle) {
                clean.extend_from_slice(&rest[..position]);
                clean.extend_from_slice(REDACTED.as_bytes());
                rest = &rest[position + needle.len()..];
            }
            clean.extend_from_slice(rest);
            bytes = clean;
        }
        bytes
    }

    /// A provider's words, fit to be shown: scrubbed, on one line, at most a kilobyte.
    pub(crate) fn presentable(&self, text: &str) -> String {
        let mut words: String = self
            .scrub(text)
            .chars()
            .map(|character| if character.is_control() { ' ' } else { character })
            .collect();
        if words.len() > 1024 {
            let end = (0..=1024).rev().find(|end| words.is_char_boundary(*end)).unwrap_or(0);
            words.truncate(end);
            words.push('…');
        }
        words
    }
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Scrubber({} secrets)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_wherever_they_are() {
        let scrubber = Scrubber::new(["sk-canary", "cc_step_1", ""]);
        assert_eq!(
            scrubber.scrub("a sk-canarysk-canary cc_step_1"),
            "a [redacted][redacted] [redacted]"
        );
        assert_eq!(scrubber.scrub_bytes(b"\xffsk-canary\xff"), b"\xff[redacted]\xff");
        assert!(scrubber.contains_secret(b"xsk-canaryx") && !scrubber.contains_secret(b"sk-canar"));
        assert!(!format!("{scrubber:?}").contains("canary"));
        let shown = scrubber.presentable(&format!("line\r\nsk-canary{}", "é".repeat(2000)));
        assert!(shown.starts_with("line  [redacted]é") && shown.len() <= 1027);
    }
}
