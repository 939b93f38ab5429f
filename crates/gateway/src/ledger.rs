//! The ledger as the gateway wants it: reserve before a request leaves, settle after its answer.
//!
//! The engine implements [`Ledger`] on the store. The contract that makes a hard budget and exact books possible:
//!
//! - `reserve` is idempotent by [`Estimate::request`]: asked again with the same request it returns the same
//!   reservation. It refuses when settled spending plus open reservations plus the estimate's ceiling pass a cap.
//! - `settle` is idempotent by reservation: the first call counts, later ones return `Ok` and change nothing. The
//!   gateway calls it at least once for every reservation it was given, also when the client has gone, and again after
//!   an error of the ledger.
//! - A `kill -9` can leave reservations open. Whoever starts the server again settles those of the dead process at
//!   their ceiling, or with zero if the estimate's request never left; the gateway cannot know.

use std::time::Duration;

use async_trait::async_trait;
use codecourier_domain::failure::FailureClass;
use codecourier_domain::id::ReservationId;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::time::Timestamp;
use codecourier_domain::usage::Tokens;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::grant::StepGrant;
use crate::pricing::Cost;
use crate::profile::RequestProfile;

/// The gateway's name for one request of an agent: `req_…`. A retry by the agent is a new request, since the provider
/// charges for it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(Uuid);

impl RequestId {
    /// A new one.
    pub(crate) fn mint() -> Self {
        Self(Uuid::now_v7())
    }

    /// The UUID inside.
    #[must_use]
    pub const fn uuid(&self) -> Uuid {
        self.0
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "req_{}", self.0.simple())
    }
}

/// Where the answer comes from. The ledger decides what a replayed answer costs; the gateway only says what the same
/// tokens would cost live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// From the provider: real money.
    Live,
    /// From a cassette: nothing is spent.
    Replayed,
}

/// What a request may cost, before it leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The request; the idempotency key of the reservation.
    pub request: RequestId,
    /// The model asked for.
    pub model: String,
    /// Input tokens at the most (a third of the body's bytes: measured requests stay below it).
    pub input_tokens: u64,
    /// Output tokens at the most: the request's own `max_tokens`.
    pub output_tokens: u64,
    /// The price of both together, every input token taken as written to the dearer cache. A ledger that holds this much
    /// back never overspends; but agents ask for far more output than they get (128,000 tokens and more), so it refuses
    /// while dollars are left.
    pub ceiling: Cost,
    /// What such a request usually comes to: the input at its plain price and a long answer, but no novel. A ledger that
    /// holds this much back may overspend by what is open beyond it, once.
    pub likely: Cost,
    /// Whether money is at stake.
    pub traffic: Traffic,
}

/// A budget that the request would break.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the budget of {scope} is used up: {spent} of {cap} are spent or reserved, and this request may cost {wanted}")]
pub struct BudgetExceeded {
    /// Whose budget, for people: `project acme, this month`.
    pub scope: String,
    /// The cap.
    pub cap: MicroUsd,
    /// Settled spending plus open reservations.
    pub spent: MicroUsd,
    /// The ceiling of the refused request.
    pub wanted: MicroUsd,
    /// When the budget starts anew, if it does by itself.
    pub resets_at: Option<Timestamp>,
}

/// Why nothing was reserved.
#[derive(Debug, thiserror::Error)]
pub enum ReserveRefused {
    /// A budget forbids the request.
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
    /// The ledger cannot be written: then no request leaves.
    #[error("the ledger cannot be written")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The ledger could not write a settlement.
#[derive(Debug, thiserror::Error)]
#[error("the ledger cannot write the settlement")]
pub struct SettleFailed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "class")]
pub enum Outcome {
    /// The whole answer went to the agent.
    Complete,
    /// The provider answered with an error, or none came.
    Failed(FailureClass),
    /// The answer broke off, or an error came in its middle.
    Cut(FailureClass),
    /// The agent went away. The gateway closes the provider's connection at once: whatever is not generated is not
    /// charged.
    ClientGone,
    /// The platform ended the step while the answer was under way.
    StepClosed,
}

/// How far the token counts can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metering {
    /// The provider's own final numbers, or zero because nothing was charged.
    Exact,
    /// The exchange ended early: what the provider had said by then, the rest estimated from the bytes seen.
    Estimated,
}

/// What a request came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The request that was reserved for.
    pub request: RequestId,
    /// The model that answered, or was asked for when none answered.
    pub model: String,
    /// Tokens by kind.
    pub tokens: Tokens,
    /// Searches that the provider ran by itself and charges for each.
    pub web_searches: u64,
    /// Their price.
    pub cost: Cost,
    /// Whether money was spent.
    pub traffic: Traffic,
    /// How it ended.
    pub outcome: Outcome,
    /// How exact `tokens` is.
    pub metering: Metering,
    /// The status the agent saw, if it saw one.
    pub status: Option<u16>,
    /// The provider's name for the request, for its support.
    pub provider_request_id: Option<String>,
    /// From the request's arrival to the first byte of the answer's body.
    pub first_byte: Option<Duration>,
    /// From the request's arrival to the end.
    pub duration: Duration,
    /// What the request was made of: where its input tokens went.
    pub profile: RequestProfile,
}

/// The books. See the module for the contract.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Sets the estimate's ceiling aside, or refuses.
    async fn reserve(&self, grant: &StepGrant, estimate: &Estimate) -> Result<ReservationId, ReserveRefused>;

    /// Replaces a reservation by what it came to.
    async fn settle(
        &self,
        grant: &StepGrant,
        reservation: ReservationId,
        settlement: &Settlement,
    ) -> Result<(), SettleFailed>;
}
