//! What agents say of themselves, and where they want to go, as lines for people. Called by the transcript alone.

use codecourier_domain::event::{EgressOutcome, PlanEntry, PlanStatus, TurnOutcome};

use super::{Detail, first_characters};
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

/// A connection past the gateway. What was refused is worth a line in any case.
pub(super) fn egress(host: &str, port: u16, outcome: EgressOutcome, detail: Detail) -> Vec<Line> {
    let to = match (host, port) {
        ("", _) => "somewhere".to_owned(),
        (host, 0) => host.to_owned(),
        (host, port) => format!("{host}:{port}"),
    };
    let refused = |why: &str| vec![Tone::Warning.line(&format!("a connection to {to} was refused: {why}"))];
    match outcome {
        EgressOutcome::Allowed => match detail {
            Detail::Progress => Vec::new(),
            Detail::Full => vec![Tone::Quiet.line(&format!("a connection to {to}"))],
        },
        EgressOutcome::Unreachable => vec![Tone::Warning.line(&format!("{to} cannot be reached"))],
        EgressOutcome::NotListed => refused("this sandbox may not reach it"),
        EgressOutcome::Malformed => refused("it is no host's name and port"),
        EgressOutcome::PrivateAddress => refused("it is at an address inside"),
        EgressOutcome::WrongToken => refused("it was not asked for with the step's own token"),
        EgressOutcome::NotATunnel => refused("it was no request for a connection"),
        EgressOutcome::NotForHost => refused("what was said on the connection was not for that host"),
    }
}
