//! Outside services: tokens that stand for people, sign-in through a real provider of OpenID Connect and through GitHub,
//! and mail through a real mail server.

#![expect(clippy::unwrap_used, reason = "in a test, and in its helpers, a panic is the answer")]

mod forged;
mod github;
mod oidc;
mod real_tokens;
mod smtp;
mod tokens;

use std::sync::Arc;

use codecourier_domain::time::Timestamp;
use codecourier_identity::outbound::{Outbound, PlainHttp};
use codecourier_testkit::clock::FakeClock;

/// The moment of the test. The clock of the machine, since the real provider has no other.
fn now() -> Timestamp {
    use codecourier_domain::time::Clock as _;

    FakeClock::default().now()
}

/// The way to the providers of a test, which are on this machine.
fn outbound() -> Arc<Outbound> {
    Arc::new(Outbound::new(PlainHttp::ToLoopback, None).unwrap())
}
