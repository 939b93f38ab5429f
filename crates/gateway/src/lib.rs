//! The model gateway: the only thing that holds model keys.
//!
//! An agent in a sandbox gets a step token instead of a key and the gateway's address instead of the provider's. The
//! gateway checks the token, reserves the request's worst price in the ledger, swaps the real key in, passes the answer
//! through as it comes and settles what it came to; or it answers from a cassette with no network at all.
//!
//! Who may call it: the engine, which implements [`StepTokens`], [`KeySource`], [`Ledger`] and [`Observer`] on the
//! store, calls [`Gateway::serve_step`] with the listener that each sandbox's network namespace holds, and
//! [`Gateway::close_step`] when a step ends. A sandbox whose agent was handed a login that must not be proxied gets
//! [`egress`] on its listener in the gateway's place. What comes over such a connection is hostile input.
//!
//! Invariants:
//!
//! - Nothing secret comes back: no answer, header, error, log line, event or cassette holds a key or a token.
//! - Every reservation is settled once, whatever the agent, the provider or the cassette does.
//! - An answer is never held back: what the provider has sent is with the agent at once. Only error answers, which are
//!   small and whole, are read before they are passed on.
//! - Only the paths and methods in `provider` leave the machine, and what [`egress`] lists; no redirect is followed.
//! - The gateway tries nothing again that a provider worked on. Retries belong to the agent, pausing belongs to the
//!   engine, which is told the class of every failure. A key that its provider told to wait a moment waits here: what
//!   agents ask with it meanwhile does not leave before the moment is over, and what was turned away for it leaves again
//!   then if the engine wishes.

pub mod cassette;
pub mod config;
pub mod egress;
pub mod error;
pub mod fuzz;
pub mod grant;
pub mod keys;
pub mod ledger;
pub mod meter;
pub mod observer;
pub mod pricing;
pub mod profile;
pub mod provider;
mod scrub;
mod server;

pub use cassette::{Cassette, Divergence};
pub use config::{GatewayConfig, Limits, ReplayPacing, ServiceUrls, Timeouts};
pub use egress::{
    Connection, ConnectionLog, Destination, EgressConfig, EgressLimits, EgressScope, NotAProxy, NotRecorded,
    OutboundProxy,
};
pub use error::Error;
pub use grant::{Lane, MemoryStepTokens, Mode, StepGrant, StepToken, StepTokens, TokenHash, TokenRefused};
pub use keys::{KeyRefused, KeySource, KeysByProvider, ProviderKey, SingleKey};
pub use ledger::{
    BudgetExceeded, Estimate, Ledger, Metering, Outcome, RequestId, ReserveRefused, SettleFailed, Settlement, Traffic,
};
pub use observer::{Complaint, GatewayEvent, KeyLimited, Meanwhile, Observer, RequestFailure, Unobserved};
pub use pricing::{Cost, PriceBasis, PriceTable};
pub use profile::RequestProfile;
pub use provider::{Dialect, Provider};
pub use server::{Gateway, GatewayBody, KeyCheck};
