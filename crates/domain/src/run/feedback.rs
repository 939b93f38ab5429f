//! What a failed iteration tells the next one.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::check::{CheckOutcome, CheckResult};
use crate::verdict::Verdict;

/// Why an iteration failed, as data: the checker's word and the checks that forbid a pass.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feedback {
    /// The checker's verdict, if one was given.
    pub verdict: Option<Verdict>,
    /// Required checks that failed.
    pub checks: Vec<CheckResult>,
}

impl Feedback {
    /// The feedback as text, for prompts and people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        if let Some(verdict) = &self.verdict {
            text.push_str(verdict.feedback.trim());
            for finding in &verdict.findings {
                let place = match (&finding.file, finding.line) {
                    (Some(file), Some(line)) => format!("{file}:{line}: "),
                    (Some(file), None) => format!("{file}: "),
                    (None, _) => String::new(),
                };
                let _ = write!(text, "\n- {place}{}", finding.message.trim());
            }
        }
        for check in &self.checks {
            let how = match check.outcome {
                CheckOutcome::Exited { code } => format!("ended with exit code {code}"),
                CheckOutcome::Signalled { signal } => format!("was ended by signal {signal}"),
                CheckOutcome::TimedOut => "took longer than it may".to_owned(),
                CheckOutcome::OutOfMemory => "ran out of memory".to_owned(),
            };
            let _ = write!(
                text,
                "\n\nThe required check `{}`, run by the platform, {how}.",
                check.name
            );
            if !check.output_tail.trim().is_empty() {
                let _ = write!(text, " Its output ends:\n\n{}", check.output_tail.trim_end());
            }
        }
        text.trim().to_owned()
    }
}
