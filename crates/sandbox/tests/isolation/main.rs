//! Attacks from inside, with what each must give. A probe passes if the *output* is right, not if the command fails.
//!
//! Every probe has a number and a name, so that a failure says which wall is down.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests: helpers outside of test functions count as code"
)]

#[path = "../common/mod.rs"]
mod common;
mod files;
mod kernel;
mod limits;
mod network;
mod probe;
mod processes;
