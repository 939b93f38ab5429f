//! What the gateway tells while requests go by: classed, put on the step's board, and logged.

use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_gateway::{GatewayEvent, Observer, StepGrant};

use super::ModelAccess;

impl Observer for ModelAccess {
    fn observe(&self, grant: &StepGrant, event: GatewayEvent) {
        let step = grant.step;
        match event {
            GatewayEvent::RequestFailed(failure) => {
                self.failures.post(step, Failure::new(failure.class(), failure.message));
            }
            GatewayEvent::BudgetRefused { budget, .. } => {
                let message = format!("{budget}. Raise the run's budget to let it go on.");
                self.failures.post(
                    step,
                    Failure::new(FailureClass::Budget, crate::runs::sentence(&message)),
                );
            }
            GatewayEvent::Diverged { divergence, .. } => {
                if divergence.answered.is_some() {
                    tracing::info!(%step, "a replayed step asks something else than was recorded: {divergence}");
                    return;
                }
                let message = format!("The replay cannot go on: {divergence}.");
                self.failures
                    .post(step, Failure::new(FailureClass::CassetteMismatch, message));
            }
            GatewayEvent::RecordingFailed { path, message } => {
                tracing::error!(%step, "an exchange is missing from the cassette {}: {message}", path.display());
            }
            GatewayEvent::SettlementLost { reservation, .. } => {
                tracing::error!(%step, %reservation, "a settlement could not be written; its reservation stays open");
            }
        }
    }
}
