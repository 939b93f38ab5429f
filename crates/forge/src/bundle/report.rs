//! What the collecting script printed. It comes from a sandbox: read with suspicion, used for messages only. What counts
//! is the bundle, and what is in it is decided by [`Mirror::receive`](crate::Mirror::receive).

use crate::commit::CommitId;

/// What the script says it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectReport {
    /// How it ended.
    pub outcome: CollectOutcome,
    /// Where the result was.
    pub from: CollectedFrom,
    /// There were changes that the agent had not committed; they are in the last commit.
    pub uncommitted: bool,
    /// The agent rewrote commits from before the step; its result is one commit on top of them instead.
    pub rewritten: bool,
    /// Repositories inside the repository, left out.
    pub nested: u32,
    /// Some files could not be read and are missing from the result.
    pub skipped: bool,
    /// The run's branch held other commits than the result; they are not part of it.
    pub left_behind: Option<CommitId>,
}

/// How collecting ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CollectOutcome {
    /// There is a bundle of the run's branch at this commit.
    Bundle(CommitId),
    /// The step changed nothing.
    Unchanged,
    /// The project's directory is gone.
    Missing,
    /// It could not be packed up.
    Failed(String),
}

/// Where the result was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectedFrom {
    /// At `HEAD`, with what was not committed.
    Head,
    /// On the run's branch, while something older was checked out.
    RunBranch,
    /// On another branch that the agent made.
    OtherBranch,
    /// The repository was broken or gone: the files as they are, on top of the step's first commit.
    Files,
}

impl CollectReport {
    /// Reads what the script printed, at most the first 16 KiB of it. What is missing or makes no sense is a failure.
    #[must_use]
    pub fn parse(output: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&output[..output.len().min(16 * 1024)]);
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            lines.find_map(|(name, value)| (name == key).then(|| value.to_owned()))
        };
        let is_yes = |key: &str| value(key).as_deref() == Some("yes");
        let outcome = match (
            value("outcome").as_deref(),
            value("tip").and_then(|tip| tip.parse().ok()),
        ) {
            (Some("bundle"), Some(tip)) => CollectOutcome::Bundle(tip),
            (Some("unchanged"), _) => CollectOutcome::Unchanged,
            (Some("missing"), _) => CollectOutcome::Missing,
            (Some("failed"), _) => CollectOutcome::Failed(printable(&value("reason").unwrap_or_default())),
            _ => CollectOutcome::Failed("the sandbox gave no usable answer".to_owned()),
        };
        Self {
            outcome,
            from: match value("from").as_deref() {
                Some("run-branch") => CollectedFrom::RunBranch,
                Some("other-branch") => CollectedFrom::OtherBranch,
                Some("files") => CollectedFrom::Files,
                _ => CollectedFrom::Head,
            },
            uncommitted: is_yes("uncommitted"),
            rewritten: is_yes("rewritten"),
            nested: value("nested").and_then(|count| count.parse().ok()).unwrap_or(0),
            skipped: is_yes("skipped"),
            left_behind: value("left_behind").and_then(|commit| commit.parse().ok()),
        }
    }
}

fn printable(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(300)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nonsense_is_a_failure() {
        for output in [
            "",
            "outcome=bundle",
            "outcome=bundle\ntip=--all",
            "outcome=won",
            "\0\u{fffd}",
        ] {
            let report = CollectReport::parse(output.as_bytes());
            assert!(matches!(report.outcome, CollectOutcome::Failed(_)), "{output:?}");
        }
    }

    proptest! {
        #[test]
        fn no_output_makes_it_panic(output in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = CollectReport::parse(&output);
        }
    }
}
