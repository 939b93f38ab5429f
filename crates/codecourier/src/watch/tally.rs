//! What a run has used so far, counted from the gateway's own events.

use codecourier_domain::event::Event;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::usage::Tokens;
use codecourier_store::runs::RunTotals;

use crate::terminal::time;

/// Tokens and money so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    tokens: Tokens,
    cost: MicroUsd,
}

impl Tally {
    /// What a run has used that goes on.
    pub(crate) const fn from_totals(totals: &RunTotals) -> Self {
        Self {
            tokens: totals.tokens,
            cost: totals.spent,
        }
    }

    /// Counts an event.
    pub(crate) fn count(&mut self, event: &Event) {
        if let Event::ModelRequest { tokens, cost, .. } = event {
            self.tokens += *tokens;
            self.cost += *cost;
        }
    }

    /// For the status line.
    pub(crate) fn words(&self) -> String {
        format!("{} tokens · {}", time::count(self.tokens.total()), self.cost)
    }
}
