//! The same list of behaviours for every agent, each judged by what the real CLI does: `codecourier_it::conformance` has
//! the list, and `docs/agents.md` shows it.

mod ends;
mod failures;
mod page;
mod session;
mod talk;
mod traffic;
mod work;

use codecourier_domain::event::{Event, TurnOutcome};
use codecourier_it::conformance::Judged;

/// One test for each agent, so that they run beside each other.
macro_rules! of_every_agent {
    ($play:ident: $claude:ident, $codex:ident, $opencode:ident, $pi:ident) => {
        #[tokio::test]
        async fn $claude() {
            $play(codecourier_domain::agent::AgentKind::Claude).await;
        }

        #[tokio::test]
        async fn $codex() {
            $play(codecourier_domain::agent::AgentKind::Codex).await;
        }

        #[tokio::test]
        async fn $opencode() {
            $play(codecourier_domain::agent::AgentKind::Opencode).await;
        }

        #[tokio::test]
        async fn $pi() {
            $play(codecourier_domain::agent::AgentKind::Pi).await;
        }
    };
}
use of_every_agent;

#[track_caller]
fn assert_as_expected(judged: &Judged) {
    let surprises = judged.surprises();
    assert!(surprises.is_empty(), "{}", surprises.join("\n\n"));
}

/// How a turn ended, if it did.
fn outcome(events: &[Event]) -> Option<TurnOutcome> {
    events.iter().rev().find_map(|event| match event {
        Event::TurnEnded { outcome, .. } => Some(*outcome),
        _ => None,
    })
}

fn is_completed(events: &[Event]) -> bool {
    outcome(events) == Some(TurnOutcome::Completed)
}

/// Events for the message of a test that fails: the last ones, and of each a line.
fn told(events: &[Event]) -> String {
    let tail = &events[events.len().saturating_sub(40)..];
    let lines = tail.iter().map(|event| {
        let line = serde_json::to_string(event).unwrap_or_default();
        line.chars().take(400).collect::<String>()
    });
    lines.collect::<Vec<_>>().join("\n")
}
