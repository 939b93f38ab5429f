//! One request from reservation to settlement.
//!
//! Invariant: an [`Exchange`] that has a reservation settles it once: by [`Exchange::finish`], or when it is dropped,
//! which is how a client's going shows. What a client that went has cost is what the provider had said by then, the rest
//! estimated from the bytes seen; the provider's connection is closed at once and not drained, since what is not
//! generated is not charged, and a stopped agent must stop spending.

use std::sync::Arc;
use std::time::{Duration, Instant};

use codecourier_domain::id::ReservationId;
use codecourier_domain::usage::Tokens;
use http::HeaderMap;

use super::key_limits::KeyName;
use super::open_steps::OpenExchange;
use super::{Core, Tasks};
use crate::cassette::Taping;
use crate::grant::{Mode, StepGrant, StepToken};
use crate::keys::ProviderKey;
use crate::ledger::{Estimate, Metering, Outcome, RequestId, ReserveRefused, Settlement, Traffic};
use crate::meter::{MeteredUsage, UsageTap};
use crate::observer::{Complaint, GatewayEvent, RequestFailure};
use crate::pricing::{Cost, Extras, PriceBasis};
use crate::profile::{RequestHead, RequestProfile};
use crate::provider::{self, Operation};
use crate::scrub::Scrubber;

/// Settlements are tried this often, each time after twice the wait: ten seconds in all.
const SETTLE_ATTEMPTS: u32 = 9;
/// Output of a request that writes a big file. Few answers are longer.
const LONG_ANSWER_TOKENS: u64 = 8_000;

const FIRST_SETTLE_WAIT: Duration = Duration::from_millis(20);

/// A request under way.
pub(super) struct Exchange {
    pub(super) core: Arc<Core>,
    pub(super) grant: Arc<StepGrant>,
    pub(super) request: RequestId,
    pub(super) scrubber: Scrubber,
    /// The key it left with.
    pub(super) key: Option<KeyName>,
    /// That key's last four characters.
    pub(super) key_end: Option<String>,
    /// The cassette that records it.
    pub(super) taping: Option<Taping>,
    pub(super) status: Option<u16>,
    pub(super) answer_headers: HeaderMap,
    pub(super) provider_request_id: Option<String>,
    tasks: Tasks,
    open: Option<Arc<OpenExchange>>,
    operation: Operation,
    model: String,
    max_tokens: u64,
    profile: RequestProfile,
    traffic: Traffic,
    reservation: Option<ReservationId>,
    started: Instant,
    first_byte: Option<Duration>,
    sent: bool,
    tap: Option<UsageTap>,
    finished: bool,
}

/// A request that may go on: its token, its body and its step are all right.
pub(super) struct Admitted {
    pub(super) core: Arc<Core>,
    pub(super) grant: Arc<StepGrant>,
    pub(super) request: RequestId,
    pub(super) operation: Operation,
    pub(super) head: RequestHead,
    pub(super) open: OpenExchange,
    pub(super) tasks: Tasks,
    pub(super) started: Instant,
}

/// What an exchange that ended is charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charge {
    /// Nothing: the provider did no work.
    Nothing,
    /// What the meter says, estimated where it says nothing.
    Metered,
}

impl Exchange {
    pub(super) fn new(admitted: Admitted) -> Self {
        let Admitted {
            core,
            grant,
            request,
            operation,
            head,
            open,
            tasks,
            started,
        } = admitted;
        let traffic = match &grant.mode {
            Mode::Live | Mode::Record(_) => Traffic::Live,
            Mode::Replay(_) => Traffic::Replayed,
        };
        Self {
            core,
            grant,
            request,
            scrubber: Scrubber::default(),
            key: None,
            key_end: None,
            taping: None,
            status: None,
            answer_headers: HeaderMap::new(),
            provider_request_id: None,
            tasks,
            open: Some(Arc::new(open)),
            operation,
            model: head.model,
            max_tokens: head.max_tokens,
            profile: head.profile,
            traffic,
            reservation: None,
            started,
            first_byte: None,
            sent: false,
            tap: None,
            finished: false,
        }
    }

    /// From now on it is of this key: what is said of it names that one, and shows neither it nor the step's token.
    pub(super) fn leave_with(&mut self, key: &ProviderKey, token: &StepToken) {
        self.key = Some(KeyName::of(self.grant.provider, key));
        self.key_end = key.last_four();
        self.scrubber = Scrubber::new([key.expose(), token.expose()]);
    }

    /// Sets the request's worst price aside. Counting tokens is free.
    pub(super) async fn reserve(&mut self) -> Result<(), ReserveRefused> {
        if !self.operation.is_charged() {
            return Ok(());
        }
        let input_tokens = self.profile.body_bytes.div_ceil(3);
        let price = |tokens: Tokens| {
            let prices = &self.core.config.prices;
            prices.cost(self.grant.provider, &self.model, &tokens, Extras::default())
        };
        let ceiling = price(Tokens {
            output: self.max_tokens,
            cache_write_1h: input_tokens,
            ..Tokens::default()
        });
        let likely = price(Tokens {
            input: self.profile.body_bytes.div_ceil(4),
            output: self.max_tokens.min(LONG_ANSWER_TOKENS),
            ..Tokens::default()
        });
        let estimate = Estimate {
            request: self.request,
            model: self.model.clone(),
            input_tokens,
            output_tokens: self.max_tokens,
            ceiling,
            likely,
            traffic: self.traffic,
        };
        self.reservation = Some(self.core.ledger.reserve(&self.grant, &estimate).await?);
        Ok(())
    }

    /// Where tasks go that must end before the listener does.
    pub(super) const fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// From now on the provider may charge.
    pub(super) const fn mark_sent(&mut self) {
        self.sent = true;
    }

    /// The provider has turned it away: it charges nothing, and the request may leave again.
    pub(super) const fn mark_turned_away(&mut self) {
        self.sent = false;
    }

    /// The answer comes, in this form. It is metered if it is charged for.
    pub(super) fn start_metering(&mut self, is_stream: bool) {
        if let Operation::Answer(dialect) = self.operation {
            self.tap = Some(if is_stream {
                UsageTap::of_stream(dialect)
            } else {
                UsageTap::of_json(dialect)
            });
        }
    }

    /// A piece of the answer passes.
    pub(super) fn take(&mut self, piece: &bytes::Bytes) {
        self.first_byte.get_or_insert_with(|| self.started.elapsed());
        if let Some(tap) = &mut self.tap {
            tap.feed(piece);
        }
        if let Some(taping) = &mut self.taping {
            taping.take(piece);
        }
    }

    /// The provider has closed the answer: finds out whether it was whole.
    pub(super) fn end_of_answer(&mut self) {
        let Some(tap) = &mut self.tap else {
            self.finish(Outcome::Complete, Charge::Nothing);
            return;
        };
        tap.end();
        if tap.usage().ended {
            self.record();
            self.finish(Outcome::Complete, Charge::Metered);
            return;
        }
        let (complaint, message) = match &tap.usage().fault {
            Some(fault) => (
                provider::classify_stream_error(self.grant.provider, &fault.kind, &fault.message),
                format!("the provider broke its answer off: {}", fault.message),
            ),
            None => (
                Complaint::CutShort,
                "the provider closed its answer before the end".to_owned(),
            ),
        };
        self.cut(complaint, &message);
    }

    /// The answer broke off.
    pub(super) fn cut(&mut self, complaint: Complaint, message: &str) {
        self.report(complaint, message);
        self.finish(Outcome::Cut(complaint.class()), Charge::Metered);
    }

    /// No answer, or an error instead of one.
    pub(super) fn fail(&mut self, failure: RequestFailure, charge: Charge) {
        let class = failure.class();
        self.core
            .observer
            .observe(&self.grant, GatewayEvent::RequestFailed(failure));
        self.finish(Outcome::Failed(class), charge);
    }

    /// Tells the engine of a failure that has no more to it than its words.
    pub(super) fn report(&self, complaint: Complaint, message: &str) {
        let failure = self.failure(complaint, message);
        self.core
            .observer
            .observe(&self.grant, GatewayEvent::RequestFailed(failure));
    }

    pub(super) fn failure(&self, complaint: Complaint, message: &str) -> RequestFailure {
        RequestFailure {
            request: self.request,
            complaint,
            status: self.status,
            message: self.scrubber.presentable(message),
            key: self.key_end.clone(),
            retry_after: None,
            resets_at: None,
            provider_request_id: self.provider_request_id.clone(),
        }
    }

    /// Appends the exchange to the cassette that records the step, if one does. Off the path of the answer.
    pub(super) fn record(&mut self) {
        let Some(taping) = self.taping.take() else { return };
        let status = self.status.unwrap_or_default();
        let Some((path, exchange)) = taping.finish(status, &self.answer_headers, &self.scrubber) else {
            return;
        };
        let core = Arc::clone(&self.core);
        let grant = Arc::clone(&self.grant);
        let open = self.open.clone();
        self.tasks.spawn_blocking(move || {
            if let Err(error) = core.recorders.append(&path, &exchange) {
                let message = format!("{error}: {}", super::upstream::innermost(&error));
                core.observer
                    .observe(&grant, GatewayEvent::RecordingFailed { path, message });
            }
            drop(open);
        });
    }

    /// Settles, once.
    pub(super) fn finish(&mut self, outcome: Outcome, charge: Charge) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let open = self.open.take();
        let Some(reservation) = self.reservation.take() else {
            return;
        };
        let settlement = self.settlement(outcome, charge);
        tracing::debug!(
            request = %settlement.request, step = %self.grant.step, model = settlement.model, status = settlement.status,
            outcome = ?settlement.outcome, input = settlement.tokens.input, output = settlement.tokens.output,
            cost = %settlement.cost.amount, "a model request ended"
        );
        let core = Arc::clone(&self.core);
        let grant = Arc::clone(&self.grant);
        self.tasks.spawn(async move {
            settle(&core, &grant, reservation, settlement).await;
            drop(open);
        });
    }

    fn settlement(&mut self, outcome: Outcome, charge: Charge) -> Settlement {
        let usage = self.tap.take().map(|tap| tap.usage().clone()).unwrap_or_default();
        let is_charged = charge == Charge::Metered && self.sent;
        let (tokens, metering) = if is_charged {
            self.metered(&usage)
        } else {
            (Tokens::default(), Metering::Exact)
        };
        let model = usage.model.clone().unwrap_or_else(|| self.model.clone());
        let extras = Extras {
            web_searches: usage.web_searches,
            fast: usage.fast,
        };
        let cost = if is_charged {
            let listed = self
                .core
                .config
                .prices
                .cost(self.grant.provider, &model, &tokens, extras);
            charged(&usage, listed, &model)
        } else {
            Cost::NOTHING
        };
        Settlement {
            request: self.request,
            model,
            tokens,
            web_searches: usage.web_searches,
            cost,
            traffic: self.traffic,
            outcome,
            metering,
            status: self.status,
            provider_request_id: self.provider_request_id.clone(),
            first_byte: self.first_byte,
            duration: self.started.elapsed(),
            profile: std::mem::take(&mut self.profile),
        }
    }

    fn metered(&self, usage: &MeteredUsage) -> (Tokens, Metering) {
        let mut tokens = usage.tokens;
        tokens.output = usage.output_at_least();
        if usage.is_exact() {
            return (tokens, Metering::Exact);
        }
        if !usage.input_known {
            tokens.input = self.profile.body_bytes.div_ceil(4);
        }
        (tokens, Metering::Estimated)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let is_closing = self.open.as_ref().is_some_and(|open| open.closing().is_cancelled());
        let is_whole = self.tap.as_mut().is_some_and(|tap| {
            tap.end();
            tap.usage().ended
        });
        let outcome = match (is_whole, is_closing) {
            // Agents hang up after the last event without waiting for the end of the body.
            (true, _) => Outcome::Complete,
            (false, true) => Outcome::StepClosed,
            (false, false) => Outcome::ClientGone,
        };
        if is_whole {
            self.record();
        }
        self.finish(outcome, Charge::Metered);
    }
}

/// What the provider says it charged, where it says so of the whole answer; else the list's price. A provider that
/// charges something else than the list says is worth a look: one of the two is wrong.
fn charged(usage: &MeteredUsage, listed: Cost, model: &str) -> Cost {
    let Some(stated) = usage.stated_cost.filter(|_| usage.is_exact()) else {
        return listed;
    };
    let difference = stated.0.abs_diff(listed.amount.0);
    if listed.basis == PriceBasis::List && difference > 10 && difference.saturating_mul(10) > stated.0.unsigned_abs() {
        tracing::warn!(model, %stated, listed = %listed.amount, "the provider charges something else than the price list says");
    }
    Cost {
        amount: stated,
        basis: PriceBasis::Provider,
    }
}

async fn settle(core: &Core, grant: &StepGrant, reservation: ReservationId, settlement: Settlement) {
    let mut wait = FIRST_SETTLE_WAIT;
    for attempt in 1..=SETTLE_ATTEMPTS {
        match core.ledger.settle(grant, reservation, &settlement).await {
            Ok(()) => return,
            Err(error) if attempt < SETTLE_ATTEMPTS => {
                tracing::warn!(%reservation, attempt, error = super::upstream::innermost(&error), "a settlement failed");
            }
            Err(error) => {
                tracing::error!(%reservation, error = super::upstream::innermost(&error), "a settlement is lost");
            }
        }
        if attempt < SETTLE_ATTEMPTS {
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
    }
    let settlement = Box::new(settlement);
    core.observer.observe(
        grant,
        GatewayEvent::SettlementLost {
            reservation,
            settlement,
        },
    );
}
