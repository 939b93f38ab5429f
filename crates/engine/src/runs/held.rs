//! Steps that wait for the limit of a key: put off with everything they have, and taken up again.
//!
//! Called by the worker. Invariant: the task of such a step is the only timer there is, so a wait outlives every server,
//! and the run says what it waits for exactly as long as that task is put off.

use codecourier_domain::id::StepId;
use codecourier_domain::run::{KeyLimit, RunEvent};
use codecourier_domain::time::Timestamp;
use codecourier_store::Result as StoreResult;
use codecourier_store::tasks::TaskRetry;

use super::advance::{ENGINE_ACTOR, Move, advance};
use super::hold;
use super::live::Notice;
use super::other_key;
use super::worker::TaskContext;

/// The step waits for a limit with everything it has: its task is the timer, and the run says what it waits for.
pub(super) async fn hold_back(
    context: &TaskContext,
    step: StepId,
    (ordinal, attempt): (u32, u32),
    limit: Box<KeyLimit>,
) -> StoreResult<()> {
    let (fence, now) = (context.fence, context.engine.clock.now());
    let (project, run) = (context.project, context.run);
    let held = context.engine.store.write(move |tx| {
        Box::pin(async move {
            let limit = other_key::present(tx, (project, run), *limit, now).await?;
            let retry = TaskRetry {
                due: limit.resumes_at,
                failure: limit.message.clone(),
            };
            tx.retry_task(fence, &retry).await?;
            let still = tx.read().stillness(project, step).await?;
            tx.save_stillness(project, step, &still.held(now)).await?;
            let event = RunEvent::StepHeld {
                ordinal,
                attempt,
                limit: Box::new(limit),
            };
            advance(tx, project, run, told(event, now)).await.map(drop)
        })
    });
    held.await?;
    context.engine.live.tell(run, Notice::Changed);
    Ok(())
}

/// The time that a step waited for has come.
pub(super) async fn release(context: &TaskContext, step: StepId, (ordinal, attempt): (u32, u32)) -> StoreResult<()> {
    let (fence, now) = (context.fence, context.engine.clock.now());
    let (project, run) = (context.project, context.run);
    let event = RunEvent::StepReleased { ordinal, attempt };
    let released = context.engine.store.write(move |tx| {
        Box::pin(async move {
            hold(tx, fence, now).await?;
            let still = tx.read().stillness(project, step).await?;
            tx.save_stillness(project, step, &still.released(now)).await?;
            advance(tx, project, run, told(event, now)).await.map(drop)
        })
    });
    released.await?;
    context.engine.live.tell(run, Notice::Changed);
    Ok(())
}

const fn told(event: RunEvent, now: Timestamp) -> Move<'static> {
    Move {
        event,
        pinned: None,
        budget: None,
        actor: ENGINE_ACTOR,
        now,
    }
}
