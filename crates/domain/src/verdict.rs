//! A checker's verdict: its shape, its published JSON Schema, and how it is read from hostile text.
//!
//! Invariant: what comes out of [`Verdict::parse`] is complete and bounded; what does not fit is answered with a list
//! of problems that an agent can act on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest verdict that is read, in bytes.
pub const MAX_VERDICT_BYTES: usize = 256 * 1024;

/// The most findings that are kept.
pub const MAX_FINDINGS: usize = 200;

/// A checker's judgement of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// `pass` when the change does what was asked and may be delivered, `fail` otherwise.
    pub verdict: VerdictResult,
    /// What the designer must do, in full sentences. Required when the verdict is `fail`.
    #[serde(default)]
    pub feedback: String,
    /// Single findings, most severe first.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// Pass or fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VerdictResult {
    /// The change may be delivered.
    Pass,
    /// The change must be worked on.
    Fail,
}

/// One thing the checker found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong and how to mend it.
    pub message: String,
    /// The file it is in, relative to the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in that file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Must be mended before anything else.
    Critical,
    /// Should be mended.
    Important,
    /// Could be better.
    Minor,
}

/// Why a text is no verdict, in words for the agent that wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidVerdict(pub String);

impl Verdict {
    /// Reads a verdict from the bytes of the file an agent wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidVerdict> {
        if bytes.len() > MAX_VERDICT_BYTES {
            return Err(InvalidVerdict(format!(
                "the file has {} bytes, and at most {MAX_VERDICT_BYTES} are read",
                bytes.len()
            )));
        }
        let text =
            std::str::from_utf8(bytes).map_err(|error| InvalidVerdict(format!("the file is not UTF-8: {error}")))?;
        let verdict: Self = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|error| InvalidVerdict(format!("the file does not fit the schema: {error}")))?;
        if verdict.verdict == VerdictResult::Fail && verdict.feedback.trim().is_empty() {
            return Err(InvalidVerdict(
                "`feedback` is required when `verdict` is \"fail\"".to_owned(),
            ));
        }
        if verdict.findings.len() > MAX_FINDINGS {
            return Err(InvalidVerdict(format!(
                "`findings` has more than {MAX_FINDINGS} entries"
            )));
        }
        Ok(verdict)
    }

    /// The last JSON object in a text that is a verdict: the fallback when an agent answers instead of writing the file.
    #[must_use]
    pub fn find_last(text: &str) -> Option<Self> {
        // Candidates are tried from the end, and only a bounded number of them: the text is an agent's.
        text.rmatch_indices('{').take(400).find_map(|(start, _)| {
            let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<serde_json::Value>();
            let value = values.next()?.ok()?;
            Self::parse(value.to_string().as_bytes()).ok()
        })
    }

    /// The JSON Schema that agents are given, as published in `schemas/verdict.json`.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_whole_verdict_is_read() {
        let verdict = Verdict::parse(
            br#"{"verdict":"fail","feedback":"Handle the empty list.","findings":[{"severity":"critical","message":"panics","file":"src/lib.rs","line":3}]}"#,
        )
        .unwrap();
        assert_eq!(verdict.verdict, VerdictResult::Fail);
        assert_eq!(verdict.findings[0].line, Some(3));
        assert_eq!(Verdict::parse(br#"{"verdict":"pass"}"#).unwrap().feedback, "");
    }

    #[test]
    fn each_fault_is_told_in_words_an_agent_can_act_on() {
        let problem = |text: &[u8]| Verdict::parse(text).unwrap_err().to_string();
        assert!(problem(b"").contains("EOF while parsing"));
        assert!(problem(b"\xff\xfe").contains("not UTF-8"));
        assert!(problem(br#"{"verdict":"maybe"}"#).contains("unknown variant `maybe`, expected `pass` or `fail`"));
        assert!(problem(br#"{"verdict":"fail","feedback":" "}"#).contains("`feedback` is required"));
        assert!(problem(br#"{"verdict":"pass","score":3}"#).contains("unknown field `score`"));
        assert!(problem(&vec![b' '; MAX_VERDICT_BYTES + 1]).contains("at most"));
    }

    #[test]
    fn the_last_verdict_in_an_answer_is_found() {
        let text = "First {\"verdict\":\"fail\",\"feedback\":\"x\"} then I fixed my mind:\n```json\n{\"verdict\": \"pass\", \"feedback\": \"{ok}\"}\n```\nDone {}.";
        let verdict = Verdict::find_last(text).unwrap();
        assert_eq!(verdict.verdict, VerdictResult::Pass);
        assert_eq!(verdict.feedback, "{ok}");
        assert_eq!(Verdict::find_last("no json { here"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,400}") {
            let _ = Verdict::find_last(&text);
            let _ = Verdict::parse(text.as_bytes());
        }
    }
}
