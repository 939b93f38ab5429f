//! The task `close`: what a failed run left is gone before the run counts as failed.

use codecourier_domain::id::SandboxId;

use super::step::{StepError, internal};
use super::worker::TaskContext;

/// Destroys every sandbox of the run that may still be there.
pub(super) async fn close(context: &TaskContext) -> Result<(), StepError> {
    let engine = &context.engine;
    let mut reader = engine
        .store
        .read()
        .await
        .map_err(|error| internal("Reading the run", &error))?;
    let steps = reader
        .steps(context.project, context.run)
        .await
        .map_err(|error| internal("Reading the run", &error))?;
    drop(reader);
    for step in steps {
        if step.sandbox.is_some() {
            engine.backend.destroy(&SandboxId::of_step(&step.id)).await?;
        }
    }
    Ok(())
}
