//! A step's sandbox that stands still because a person paused it: kept so, through restarts, until a person lets it go on.
//!
//! Part of [`super`]. Invariants: what people want is in the store, and whoever executes the step brings the sandbox to it
//! whenever it takes the step up or is woken; so it holds wherever the server died, and whoever asked for it. Nobody pauses
//! a sandbox in which the platform is at work.

use codecourier_domain::event::Phase;
use codecourier_domain::stillness::{Holds, Stillness};
use codecourier_sandbox::{Sandbox, State};

use super::{StepContext, StepError};
use crate::error::chain;
use crate::runs::recorder::{hold, store_failure};

/// Brings the sandbox to what people want of it. Gives whether it stands still.
pub(super) async fn settle(context: &StepContext, sandbox: &dyn Sandbox) -> Result<bool, StepError> {
    let wanted = look(context).await?;
    // The platform is at work before its agent is, and after.
    let is_wanted = wanted.paused_by.is_some() && !context.recorder.look(|memo| memo.has_ended(Phase::AgentCli));
    match (sandbox.state().await?, is_wanted) {
        (State::Running, true) => match sandbox.pause().await {
            Ok(()) => Ok(true),
            Err(error) => {
                tracing::warn!(step = %context.step, "a sandbox cannot be paused: {}", chain(&error));
                forget(context, wanted).await?;
                Ok(false)
            }
        },
        (State::Paused, false) => {
            // It waited for a limit, or its server died when it was about to let it go on.
            sandbox.resume().await?;
            if wanted.since.is_some() {
                forget(context, wanted).await?;
            }
            Ok(false)
        }
        (State::Paused, true) => Ok(true),
        (State::Running | State::Ended(_), _) => Ok(false),
    }
}

/// Reads anew for how long the sandbox has stood still.
pub(super) async fn look(context: &StepContext) -> Result<Stillness, StepError> {
    let failed = |error: &codecourier_store::Error| store_failure("Reading whether the sandbox stands still", error);
    let mut reader = context.engine.store.read().await.map_err(|error| failed(&error))?;
    let found = reader.stillness(context.project, context.step).await;
    let found = found.map_err(|error| failed(&error))?;
    *context.still.lock() = found.clone();
    Ok(found)
}

/// It goes on, whatever was wanted: it cannot stand still here, or may not.
async fn forget(context: &StepContext, wanted: Stillness) -> Result<(), StepError> {
    let (fence, now) = (context.recorder.fence(), context.engine.clock.now());
    let (project, step) = (context.project, context.step);
    let ended = wanted.resumed(Holds::No, now);
    *context.still.lock() = ended.clone();
    let forgotten = context.engine.store.write(move |tx| {
        Box::pin(async move {
            hold(tx, fence, now).await?;
            tx.save_stillness(project, step, &ended).await
        })
    });
    forgotten
        .await
        .map_err(|error| store_failure("Letting the sandbox go on", &error))
}
