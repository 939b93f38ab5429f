//! What agents say of themselves, as lines for people. Called by the transcript alone.

use codecourier_domain::event::{PlanEntry, PlanStatus, TurnOutcome};

use super::first_characters;
use crate::terminal::{Line, Tone};

/// A plan, one entry a line.
pub(super) fn plan(entries: &[PlanEntry]) -> String {
    let entry = |entry: &PlanEntry| {
        let mark = match entry.status {
            PlanStatus::Pending => "[ ]",
            PlanStatus::InProgress => "[>]",
            PlanStatus::Completed => "[x]",
        };
        format!("{mark} {}", entry.text)
    };
    entries.iter().map(entry).collect::<Vec<_>>().join("\n")
}

/// How a turn ended, unless it ended well.
pub(super) fn turn_ended(outcome: TurnOutcome, error: Option<&str>) -> Vec<Line> {
    let what = match outcome {
        TurnOutcome::Completed => return Vec::new(),
        TurnOutcome::Interrupted => "the agent was interrupted",
        TurnOutcome::TurnLimit => "the agent used all the turns it may",
        TurnOutcome::BudgetLimit => "the agent used all the money it may",
        TurnOutcome::ContextOverflow => "the conversation no longer fits the model",
        TurnOutcome::ProviderError => "the model's provider answered with an error",
        TurnOutcome::Refused => "the model refused",
        TurnOutcome::Crashed => "the agent's program gave up",
    };
    let more = error.map_or(String::new(), |error| format!(": {}", first_characters(error, 500)));
    vec![Tone::Bad.line("✗ ").and(Tone::Plain, what).and(Tone::Quiet, &more)]
}
