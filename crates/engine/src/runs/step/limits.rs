//! What becomes of a step whose key must wait: its agent, its sandbox and its place among the workers.
//!
//! Invariants: an agent that waits does not run, so that its patience does not run out meanwhile; what it has written is
//! committed before; whatever is cut off in here, by a crash too, leads to the same refusal of the provider again and
//! from there to the same wait.

use codecourier_domain::event::Phase;
use codecourier_domain::run::KeyLimit;
use codecourier_domain::time::Timestamp;
use codecourier_sandbox::Sandbox;

use super::{StepContext, StepError};
use crate::error::chain;
use crate::runs::live::Notice;

/// How long a sandbox must have left after the wait, or waiting in it is of no use.
const LEAST_TIME_LEFT: i64 = 60_000;
/// The longest wait that a request at the gateway and its agent sit out as they are.
const LONGEST_HOLD: i64 = 3 * 60_000;

/// Lets the step wait in the way that loses the least. Returns when the agent sits the wait out by itself.
pub(super) async fn wait(context: &StepContext, sandbox: &dyn Sandbox, limit: KeyLimit) -> Result<(), StepError> {
    let now = context.engine.clock.now();
    if has_time_for(context, now, &limit) {
        match sandbox.pause().await {
            Ok(()) => {
                // What was only noted would be lost with this recorder.
                context.recorder.record(Vec::new(), |_| {}).await?;
                context.engine.model_access.forget(context.step);
                return Err(StepError::Held(
                    (context.plan.ordinal, context.plan.attempt),
                    Box::new(limit),
                ));
            }
            Err(error) => {
                tracing::warn!(step = %context.step, "a sandbox cannot be paused for a limit: {}", chain(&error));
            }
        }
    }
    if limit.resets_at.since(now) <= LONGEST_HOLD {
        // The gateway lets the request go when the limit starts anew.
        let reason = limit.message;
        context.engine.live.tell(context.run, Notice::Waiting { reason });
        return Ok(());
    }
    Err(StepError::Limited(Box::new(limit)))
}

/// Whether the wait is worth the memory that the sandbox keeps meanwhile, and the sandbox then has time left to work: its
/// time limit does not go on while it is paused, but bounds how long it may wait.
fn has_time_for(context: &StepContext, now: Timestamp, limit: &KeyLimit) -> bool {
    let memo = context.recorder.memo();
    let made_at = memo
        .phases
        .get(&Phase::SandboxCreate)
        .map_or(now, |times| times.started_at);
    let life = i64::from(context.spec.limits.timeout_seconds()).saturating_mul(1_000);
    let passed = now.since(made_at) - context.still.lock().total(now);
    limit.resumes_at.since(now) <= life && life - passed >= LEAST_TIME_LEFT
}
