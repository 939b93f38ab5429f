//! How a step reaches its model: tokens, money and refusals, as the gateway asks for them.
//!
//! The gateway states what it needs as traits; this module implements them on the store. Invariants: a token is good
//! for one step and dead with it; no request leaves without a reservation in the ledger; what a request came to is in
//! the books and in the step's events in one transaction.

mod cassettes;
mod connections;
mod failures;
mod ledger;
mod observer;
mod tokens;

use std::sync::Arc;

use codecourier_domain::id::{BootId, StepId};
use codecourier_domain::time::Clock;
use codecourier_store::Store;

use crate::runs::live::Live;
use cassettes::Cassettes;
use failures::FailureBoard;

pub(crate) use failures::ProviderFailures;

/// The engine's side of the gateway.
#[derive(Clone)]
pub(crate) struct ModelAccess {
    store: Store,
    clock: Arc<dyn Clock>,
    live: Live,
    boot: BootId,
    failures: Arc<FailureBoard>,
    cassettes: Arc<Cassettes>,
}

impl ModelAccess {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, live: Live, boot: BootId) -> Self {
        Self {
            store,
            clock,
            live,
            boot,
            failures: Arc::default(),
            cassettes: Arc::default(),
        }
    }

    /// The refusals of a step.
    pub(crate) fn failures_of(&self, step: StepId) -> ProviderFailures {
        self.failures.of(step)
    }

    /// Forgets what was kept in memory of a step that has ended.
    pub(crate) fn forget(&self, step: StepId) {
        self.failures.forget(step);
    }
}
