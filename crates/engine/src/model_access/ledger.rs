//! The ledger on the store: reserve before a request leaves, settle after its answer.

use async_trait::async_trait;

use codecourier_domain::event::Event;
use codecourier_domain::id::ReservationId;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::usage::Tokens;
use codecourier_gateway::{
    BudgetExceeded, Estimate, Ledger, ReserveRefused, SettleFailed, Settlement, StepGrant, Traffic,
};
use codecourier_store::events::EventAppend;
use codecourier_store::ledger::{NewReservation, Reserved, Settled, UsageRecord};
use codecourier_store::{Body, Error as StoreError};

use super::ModelAccess;
use crate::runs::advance::RunRecord;
use crate::runs::live::Notice;
use crate::runs::new_event;
use crate::runs::spec::RunSpec;

#[async_trait]
impl Ledger for ModelAccess {
    async fn reserve(&self, grant: &StepGrant, estimate: &Estimate) -> Result<ReservationId, ReserveRefused> {
        let unavailable = |error: StoreError| ReserveRefused::Unavailable(Box::new(error));
        // The reservation carries the request's own number, so that telling it twice is telling it once.
        let id = ReservationId::from_uuid(estimate.request.uuid());
        // An agent asks for far more output than it ever gets, so its ceiling would refuse requests long before the money
        // is spent. What is usual is held back instead; a request that goes beyond may pass the budget once, and the next
        // one is refused.
        let amount = charged(estimate.traffic, estimate.likely.amount);
        let (project, run, step, boot) = (grant.project, grant.run, grant.step, self.boot);
        let (request, at) = (estimate.request.to_string(), self.clock.now());
        let (reserved, budget) = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let missing = || StoreError::NotFound { entity: "run" };
                    let row = tx.read().run(project, run).await?.ok_or_else(missing)?;
                    let budget = match row.state.read::<RunRecord>()?.budget {
                        Some(raised) => raised,
                        None => {
                            let body = tx.read().run_body(project, run).await?.ok_or_else(missing)?;
                            body.read::<RunSpec>()?.budget
                        }
                    };
                    let new = NewReservation {
                        id,
                        request,
                        project,
                        run,
                        step,
                        boot,
                        amount,
                        run_budget: Some(budget),
                        at,
                    };
                    Ok((tx.reserve(&new).await?, budget))
                })
            })
            .await
            .map_err(unavailable)?;
        match reserved {
            Reserved::Held | Reserved::Ended => Ok(id),
            Reserved::OverBudget { spent, reserved } => Err(ReserveRefused::Budget(BudgetExceeded {
                scope: "this run".to_owned(),
                cap: budget,
                spent: spent + reserved,
                wanted: amount,
                resets_at: None,
            })),
        }
    }

    async fn settle(
        &self,
        grant: &StepGrant,
        _reservation: ReservationId,
        settlement: &Settlement,
    ) -> Result<(), SettleFailed> {
        let failed = |error: StoreError| SettleFailed(Box::new(error));
        let now = self.clock.now();
        let cost = charged(settlement.traffic, settlement.cost.amount);
        let duration_ms = u64::try_from(settlement.duration.as_millis()).unwrap_or(u64::MAX);
        let event = Event::ModelRequest {
            request: settlement.request.to_string(),
            model: settlement.model.clone(),
            tokens: settlement.tokens,
            cost,
            priced: settlement.cost.is_known(),
            duration_ms,
        };
        let event = new_event(&event, now).map_err(failed)?;
        let usage = UsageRecord {
            request: settlement.request.to_string(),
            project: grant.project,
            run: grant.run,
            step: grant.step,
            provider: grant.provider.as_str().to_owned(),
            model: settlement.model.clone(),
            at: now,
            tokens: settlement.tokens,
            cost,
            body: Body::of(&details(settlement)).map_err(failed)?,
        };
        count(settlement);
        let (project, run, step) = (grant.project, grant.run, grant.step);
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    if tx.settle(&usage).await? == Settled::Now {
                        let append = EventAppend {
                            project,
                            run,
                            step: Some(step),
                            cursor: None,
                            events: vec![event],
                        };
                        tx.append_events(append).await?;
                    }
                    Ok(())
                })
            })
            .await
            .map_err(failed)?;
        self.live.tell(run, Notice::EventsStored);
        Ok(())
    }
}

/// What is really charged: a replayed answer costs nothing.
const fn charged(traffic: Traffic, amount: MicroUsd) -> MicroUsd {
    match traffic {
        Traffic::Live => amount,
        Traffic::Replayed => MicroUsd::ZERO,
    }
}

/// Counts a request for `/metrics`.
fn count(settlement: &Settlement) {
    let traffic = match settlement.traffic {
        Traffic::Live => "live",
        Traffic::Replayed => "replayed",
    };
    let status = settlement
        .status
        .map_or_else(|| "none".to_owned(), |status| status.to_string());
    metrics::counter!("codecourier_gateway_requests_total", "traffic" => traffic, "status" => status).increment(1);
    let Tokens {
        input,
        output,
        cache_read,
        cache_write_5m,
        cache_write_1h,
    } = settlement.tokens;
    for (kind, tokens) in [
        ("input", input),
        ("output", output),
        ("cache_read", cache_read),
        ("cache_write", cache_write_5m.saturating_add(cache_write_1h)),
    ] {
        metrics::counter!("codecourier_gateway_tokens_total", "traffic" => traffic, "kind" => kind).increment(tokens);
    }
}

/// What else is worth knowing of a request.
fn details(settlement: &Settlement) -> serde_json::Value {
    serde_json::json!({
        "traffic": settlement.traffic,
        "outcome": settlement.outcome,
        "metering": settlement.metering,
        "status": settlement.status,
        "providerRequestId": settlement.provider_request_id,
        "priceBasis": settlement.cost.basis,
        "listCost": settlement.cost.amount,
        "webSearches": settlement.web_searches,
        "firstByteMs": settlement.first_byte.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        "durationMs": u64::try_from(settlement.duration.as_millis()).unwrap_or(u64::MAX),
        "profile": settlement.profile,
    })
}
