//! Which steps have something under way, so that a step can be closed and its books waited for.

use std::collections::HashMap;
use std::sync::Arc;

use codecourier_domain::id::StepId;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::grant::StepGrant;

/// The exchanges under way, by step.
#[derive(Debug, Default, Clone)]
pub(crate) struct OpenSteps(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    steps: HashMap<StepId, OpenStep>,
    /// How many times any step was closed. Whoever looked a token up before a closing must look again.
    closings: u64,
}

#[derive(Debug, Default)]
struct OpenStep {
    exchanges: usize,
    closing: CancellationToken,
    idle: Arc<Notify>,
}

/// A place in time, before a token is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BeforeLookUp(u64);

/// Some step was closed since; the token may be dead by now.
#[derive(Debug)]
pub(crate) struct LookUpAgain;

/// An exchange under way. Lives until it is settled.
#[derive(Debug)]
pub(crate) struct OpenExchange {
    steps: OpenSteps,
    step: StepId,
    closing: CancellationToken,
}

impl OpenSteps {
    pub(crate) fn before_look_up(&self) -> BeforeLookUp {
        BeforeLookUp(self.0.lock().closings)
    }

    pub(crate) fn enter(&self, step: &StepId, before: BeforeLookUp) -> Result<OpenExchange, LookUpAgain> {
        let mut state = self.0.lock();
        if state.closings != before.0 {
            return Err(LookUpAgain);
        }
        let open = state.steps.entry(*step).or_default();
        open.exchanges += 1;
        Ok(OpenExchange {
            steps: self.clone(),
            step: *step,
            closing: open.closing.clone(),
        })
    }

    /// Enters the step that a token is found to be for. When some step was closed between the two, the token may be dead, and
    /// is looked up again.
    pub(crate) async fn look_up_and_enter<F, E>(&self, look_up: impl Fn() -> F) -> Result<(StepGrant, OpenExchange), E>
    where
        F: Future<Output = Result<StepGrant, E>>,
    {
        loop {
            let before = self.before_look_up();
            let grant = look_up().await?;
            if let Ok(open) = self.enter(&grant.step, before) {
                return Ok((grant, open));
            }
        }
    }

    pub(crate) async fn close(&self, step: &StepId) {
        {
            let mut state = self.0.lock();
            state.closings += 1;
            if let Some(open) = state.steps.get(step) {
                open.closing.cancel();
            }
        }
        self.settled(step).await;
    }

    pub(crate) async fn settled(&self, step: &StepId) {
        let idle = self
            .0
            .lock()
            .steps
            .get(step)
            .map(|open| Arc::clone(&open.idle).notified_owned());
        if let Some(idle) = idle {
            idle.await;
        }
    }
}

impl OpenExchange {
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.closing
    }
}

impl Drop for OpenExchange {
    fn drop(&mut self) {
        let mut state = self.steps.0.lock();
        let Some(open) = state.steps.get_mut(&self.step) else {
            return;
        };
        open.exchanges -= 1;
        if open.exchanges == 0 {
            open.idle.notify_waiters();
            state.steps.remove(&self.step);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn closing_waits_for_what_is_under_way_and_makes_others_look_again() {
        let steps = OpenSteps::default();
        let step = StepId::from_uuid(Uuid::from_u128(1));
        let before = steps.before_look_up();
        let exchange = steps.enter(&step, before).unwrap();
        let mut closed = pin!(steps.close(&step));
        assert!(
            closed
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        assert!(exchange.closing().is_cancelled());
        assert!(
            steps.enter(&step, before).is_err(),
            "entered with a look-up from before the closing"
        );
        drop(exchange);
        closed.await;
        assert!(
            !steps
                .enter(&step, steps.before_look_up())
                .unwrap()
                .closing()
                .is_cancelled()
        );
        steps.settled(&step).await;
    }
}
