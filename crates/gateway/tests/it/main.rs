//! The gateway over real TCP, with the scripted model as the provider.

mod cassettes;
mod failures;
mod harness;
mod hostile;
mod metering;
mod passing;
mod secrets;
mod tokens;
