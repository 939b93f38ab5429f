//! What the gateway learnt of a provider's refusals and limits, kept per step for whoever executes it.
//!
//! Invariants: a limit is told once; the first fatal refusal of a step is kept for its whole life: a step that must end
//! ends with the reason that came first, not with what followed from it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_domain::id::StepId;
use codecourier_domain::run::KeyLimit;

/// The refusals of every step under way.
#[derive(Debug, Default)]
pub(crate) struct FailureBoard {
    steps: Mutex<HashMap<StepId, Arc<watch::Sender<Seen>>>>,
}

/// What was seen in a step.
#[derive(Debug, Clone, Default)]
struct Seen {
    fatal: Option<Failure>,
    last: Option<Failure>,
    limit: Option<KeyLimit>,
}

/// The refusals of one step.
#[derive(Debug, Clone)]
pub(crate) struct ProviderFailures {
    receiver: watch::Receiver<Seen>,
    /// Keeps the channel open, so that waiting means waiting.
    sender: Arc<watch::Sender<Seen>>,
}

impl FailureBoard {
    /// Writes a refusal down and wakes whoever executes the step, if it is fatal.
    pub(crate) fn post(&self, step: StepId, failure: Failure) {
        self.sender(step).send_modify(|seen| {
            if is_fatal(failure.class) && seen.fatal.is_none() {
                seen.fatal = Some(failure.clone());
            }
            seen.last = Some(failure);
        });
    }

    /// Writes a limit down that the step must wait for. Of several the one that ends last counts.
    pub(crate) fn hold(&self, step: StepId, limit: KeyLimit) {
        self.sender(step).send_modify(|seen| {
            if seen
                .limit
                .as_ref()
                .is_none_or(|known| known.resets_at < limit.resets_at)
            {
                seen.limit = Some(limit);
            }
        });
    }

    /// The refusals of a step from now on, and those before.
    pub(crate) fn of(&self, step: StepId) -> ProviderFailures {
        let sender = self.sender(step);
        ProviderFailures {
            receiver: sender.subscribe(),
            sender,
        }
    }

    /// Forgets a step that has ended.
    pub(crate) fn forget(&self, step: StepId) {
        self.steps.lock().remove(&step);
    }

    fn sender(&self, step: StepId) -> Arc<watch::Sender<Seen>> {
        Arc::clone(
            self.steps
                .lock()
                .entry(step)
                .or_insert_with(|| Arc::new(watch::channel(Seen::default()).0)),
        )
    }
}

impl ProviderFailures {
    /// Waits for a refusal after which nothing of the step can succeed.
    pub(crate) async fn fatal(&mut self) -> Failure {
        let fatal = match self.receiver.wait_for(|seen| seen.fatal.is_some()).await {
            Ok(seen) => seen.fatal.clone(),
            Err(_) => None,
        };
        match fatal {
            Some(failure) => failure,
            // Cannot come: this value holds a sender, and the condition asked for a refusal.
            None => std::future::pending().await,
        }
    }

    /// Waits for a limit that the step must wait for, and takes it.
    pub(crate) async fn limited(&mut self) -> KeyLimit {
        loop {
            // It holds a sender, so the channel is open.
            let _ = self.receiver.wait_for(|seen| seen.limit.is_some()).await;
            let mut taken = None;
            self.sender.send_modify(|seen| taken = seen.limit.take());
            if let Some(limit) = taken {
                return limit;
            }
        }
    }

    /// The refusal that explains a turn which failed: the fatal one, or else the newest.
    pub(crate) fn last(&self) -> Option<Failure> {
        let seen = self.receiver.borrow();
        seen.fatal.clone().or_else(|| seen.last.clone())
    }
}

/// Whether a refusal stays a refusal however often the agent asks. The others are left to the agent's own retries.
const fn is_fatal(class: FailureClass) -> bool {
    matches!(
        class,
        FailureClass::ProviderAuth
            | FailureClass::ProviderQuota
            | FailureClass::CassetteMismatch
            | FailureClass::Budget
    )
}

#[cfg(test)]
mod tests {
    use codecourier_domain::provider::ModelProvider;
    use codecourier_domain::time::Timestamp;
    use futures::FutureExt as _;
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn the_first_fatal_refusal_is_the_reason() {
        let board = FailureBoard::default();
        let step = StepId::from_uuid(Uuid::from_u128(1));
        board.post(step, Failure::new(FailureClass::ProviderOverload, "busy"));
        let mut failures = board.of(step);
        assert_eq!(failures.last().unwrap().message, "busy");
        board.post(step, Failure::new(FailureClass::ProviderAuth, "wrong key"));
        board.post(step, Failure::new(FailureClass::Budget, "no money"));
        assert_eq!(failures.fatal().await.message, "wrong key");
        board.forget(step);
        assert!(board.of(step).last().is_none());
    }
    #[tokio::test]
    async fn a_limit_is_taken_once_and_the_longest_counts() {
        let board = FailureBoard::default();
        let step = StepId::from_uuid(Uuid::from_u128(1));
        let limit = |resets_at| KeyLimit {
            provider: ModelProvider::Openai,
            last_four: None,
            message: String::new(),
            resets_at: Timestamp(resets_at),
            resumes_at: Timestamp(resets_at),
        };
        for resets_at in [5, 9, 7] {
            board.hold(step, limit(resets_at));
        }
        let mut failures = board.of(step);
        assert_eq!(failures.limited().await.resets_at, Timestamp(9));
        assert!(failures.limited().now_or_never().is_none());
    }
}
