//! The pictures of a run in a step: shown to the agent with its first message, and put into files beside the repository.

use bytes::Bytes;
use codecourier_agents::session::Image;
use codecourier_sandbox::{FileOwner, Sandbox};

use super::{StepContext, StepError, internal};
use crate::runs::images::{for_agent, load};

/// The pictures of a step.
pub(super) struct Pictures {
    bytes: Vec<Bytes>,
}

impl Pictures {
    /// Reads them from where they are kept.
    pub(super) async fn of(context: &StepContext) -> Result<Self, StepError> {
        let loaded = load(&context.engine.blobs, &context.spec.images).await;
        Ok(Self {
            bytes: loaded.map_err(|error| internal("Reading a picture of the run", &error))?,
        })
    }

    /// As the agent is given them.
    pub(super) fn for_agent(&self, context: &StepContext) -> Vec<Image> {
        let images = context.spec.images.iter().zip(&self.bytes);
        images.map(|(image, bytes)| for_agent(image, bytes)).collect()
    }

    /// Writes them to the files that the prompt names.
    pub(super) async fn write(&self, context: &StepContext, sandbox: &dyn Sandbox) -> Result<(), StepError> {
        for (index, (image, bytes)) in context.spec.images.iter().zip(&self.bytes).enumerate() {
            let path = image.path(index + 1);
            sandbox.write_file(&path, bytes.clone(), 0o644, FileOwner::User).await?;
        }
        Ok(())
    }
}
