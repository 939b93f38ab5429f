//! Templates for real: a Debian base (built once, in `target/testdata`), and small layers on it.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod layers;
mod ordinary_user;
mod setup_script;
mod support;
