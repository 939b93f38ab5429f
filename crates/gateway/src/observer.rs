//! What the gateway tells the engine while requests go by.
//!
//! The engine implements [`Observer`]. The gateway decides nothing itself: retries belong to the agent, waiting and
//! pausing to the engine, which says what becomes of a request whose key must wait. Invariant: no event holds a key or a token; texts of providers are scrubbed and cut.

use std::path::PathBuf;
use std::time::Duration;

use codecourier_domain::failure::FailureClass;
use codecourier_domain::id::ReservationId;
use codecourier_domain::time::Timestamp;

use crate::cassette::Divergence;
use crate::grant::StepGrant;
use crate::ledger::{BudgetExceeded, RequestId, Settlement};

/// What went wrong with a request, finer than its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Complaint {
    /// The provider refuses the key (401, 403).
    Authentication,
    /// No key is configured.
    KeyMissing,
    /// The account has used up what it may use: credit, spending limit, or a window of hours or days.
    Quota,
    /// Too many requests or tokens in a short time.
    RateLimit,
    /// The provider is overloaded or broken.
    Overload,
    /// The conversation no longer fits the model.
    ContextLength,
    /// The provider refuses the content.
    ContentPolicy,
    /// The provider does not understand the request, or does not have the model.
    BadRequest,
    /// The provider could not be reached, or did not answer in time.
    Unreachable,
    /// The answer broke off in the middle.
    CutShort,
    /// A budget forbids the request.
    Budget,
    /// No recorded exchange matches.
    CassetteMismatch,
    /// The gateway's own fault: the store or the recording.
    Internal,
}

impl Complaint {
    /// The class in the domain's words.
    #[must_use]
    pub const fn class(self) -> FailureClass {
        match self {
            Self::Authentication | Self::KeyMissing => FailureClass::ProviderAuth,
            Self::Quota => FailureClass::ProviderQuota,
            Self::RateLimit => FailureClass::ProviderRateLimit,
            Self::Overload => FailureClass::ProviderOverload,
            Self::ContextLength | Self::ContentPolicy | Self::BadRequest => FailureClass::ProviderRequest,
            Self::Unreachable | Self::CutShort => FailureClass::ProviderUnreachable,
            Self::Budget => FailureClass::Budget,
            Self::CassetteMismatch => FailureClass::CassetteMismatch,
            Self::Internal => FailureClass::Internal,
        }
    }
}

/// A request that did not get a whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFailure {
    /// The request.
    pub request: RequestId,
    /// What went wrong.
    pub complaint: Complaint,
    /// The provider's status, if it answered.
    pub status: Option<u16>,
    /// One or two sentences for people: what happened and what to do. Scrubbed, at most a kilobyte.
    pub message: String,
    /// The last four characters of the key it left with.
    pub key: Option<String>,
    /// How long the provider asks to wait.
    pub retry_after: Option<Duration>,
    /// When the limit that was hit starts anew, if the provider says so.
    pub resets_at: Option<Timestamp>,
    /// The provider's name for the request.
    pub provider_request_id: Option<String>,
}

impl RequestFailure {
    /// The class in the domain's words.
    #[must_use]
    pub const fn class(&self) -> FailureClass {
        self.complaint.class()
    }
}

/// A key that its provider has told to wait longer than agents wait of themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLimited {
    /// The request that was told, or that asks with a key which was.
    pub request: RequestId,
    /// The last four characters of the key.
    pub key: Option<String>,
    /// A short-time limit or a quota.
    pub complaint: Complaint,
    /// The provider's words. Scrubbed, at most a kilobyte; empty of a request that was held before it left.
    pub message: String,
    /// How long the provider asks to wait.
    pub wait: Duration,
}

/// What is done with a request whose key must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meanwhile {
    /// The agent has the provider's answer, and may try again by itself.
    TellAgent,
    /// The agent is told nothing: the request stays open, and leaves again once the limit starts anew, if it is still
    /// there then.
    Hold,
}

/// Something the engine may want to act on or record.
#[derive(Debug, Clone)]
pub enum GatewayEvent {
    /// A request failed. The agent has the provider's own answer and may try again by itself.
    RequestFailed(RequestFailure),
    /// A budget refused a request: nothing left. `RequestFailed` is not sent in addition.
    BudgetRefused {
        /// The request.
        request: RequestId,
        /// Which budget, and by how much.
        budget: BudgetExceeded,
    },
    /// A request waits before it leaves: its key's provider has said when to come back.
    Held {
        /// The request.
        request: RequestId,
        /// How long it will wait.
        wait: Duration,
    },
    /// A replayed step asked something else than the recording. When `divergence.answered` is none, the agent got an
    /// error; else it got the exchange at the same position.
    Diverged {
        /// The request.
        request: RequestId,
        /// Where the two part.
        divergence: Box<Divergence>,
    },
    /// A whole exchange could not be appended to the cassette that records this step.
    RecordingFailed {
        /// The cassette.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// The ledger refused a settlement until the gateway gave up. The numbers are here; the reservation is open.
    SettlementLost {
        /// What stays open.
        reservation: ReservationId,
        /// What it should have become.
        settlement: Box<Settlement>,
    },
}

/// Whoever wants to know. Called on the request's path: must return at once and must not block.
pub trait Observer: Send + Sync {
    /// Takes an event of a step.
    fn observe(&self, grant: &StepGrant, event: GatewayEvent);

    /// A key must wait for longer than agents wait of themselves. Must return at once, too.
    fn limited(&self, _grant: &StepGrant, _limit: KeyLimited) -> Meanwhile {
        Meanwhile::TellAgent
    }
}

/// Nobody wants to know.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observe(&self, _grant: &StepGrant, _event: GatewayEvent) {}
}
