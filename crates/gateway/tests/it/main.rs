//! The gateway over real TCP, with the scripted model as the provider.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cassettes;
mod check_key;
mod egress;
mod failures;
mod harness;
mod heard;
mod hostile;
mod languages;
mod metering;
mod outbound_proxy;
mod passing;
mod secrets;
mod server_names;
mod tokens;
mod ways;
