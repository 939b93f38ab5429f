//! The gateway of a session without a run: a real one, with one token, one key, and nobody who reads its books.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use codecourier_domain::id::{ProjectId, ReservationId, RunId, StepId};
use codecourier_gateway as gateway;
use codecourier_testkit::scripted_model::ScriptedModel;
use gateway::{Gateway, GatewayConfig, GatewayEvent, Observer, ReserveRefused, SettleFailed, StepGrant};
use uuid::Uuid;

use crate::compare::Fault;
use crate::project::REAL_KEY;

pub(crate) fn grant(step: StepId, provider: gateway::Provider) -> StepGrant {
    StepGrant {
        project: ProjectId::from_uuid(Uuid::now_v7()),
        run: RunId::from_uuid(Uuid::now_v7()),
        step,
        provider,
        mode: gateway::Mode::Live,
        lane: gateway::Lane::new("session"),
    }
}

pub(crate) fn gateway_to(
    model: &ScriptedModel,
    tokens: gateway::MemoryStepTokens,
    complaints: Arc<Complaints>,
) -> Result<Gateway, Fault> {
    let mut config = GatewayConfig::new()?;
    config.anthropic_base_url = model.base_url();
    config.services.openai = model.base_url();
    config.services.openrouter = model.base_url();
    config.timeouts.first_byte = Duration::from_secs(2);
    config.timeouts.idle = Duration::from_secs(2);
    let key = gateway::SingleKey(Some(gateway::ProviderKey::api_key(REAL_KEY)));
    Ok(Gateway::new(
        config,
        Arc::new(key),
        Arc::new(NoBooks),
        Arc::new(tokens),
        complaints,
    )?)
}

/// Books that nobody reads: what is booked is tested with runs.
struct NoBooks;

#[async_trait]
impl gateway::Ledger for NoBooks {
    async fn reserve(&self, _: &StepGrant, _: &gateway::Estimate) -> Result<ReservationId, ReserveRefused> {
        Ok(ReservationId::from_uuid(Uuid::now_v7()))
    }

    async fn settle(&self, _: &StepGrant, _: ReservationId, _: &gateway::Settlement) -> Result<(), SettleFailed> {
        Ok(())
    }
}

/// What the gateway complained of.
#[derive(Default)]
pub struct Complaints(Mutex<Vec<gateway::Complaint>>);

impl Complaints {
    /// All of it, in order.
    #[must_use]
    pub fn all(&self) -> Vec<gateway::Complaint> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Complaints {
    fn observe(&self, _: &StepGrant, event: GatewayEvent) {
        if let GatewayEvent::RequestFailed(failure) = event {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(failure.complaint);
        }
    }
}
