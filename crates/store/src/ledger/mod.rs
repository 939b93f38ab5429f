//! The ledger: who may ask a model, what each request may cost, and what it did cost.
//!
//! The gateway reaches it through traits of its own that the engine implements. Invariants: of a step's token only the
//! SHA-256 is kept; what is reserved and what is spent of a run are changed in the same transaction as the rows they
//! sum up; a request is reserved once and settled once, however often it is told.

mod reservations;
mod tokens;

pub use reservations::{HeldReservation, NewReservation, Reserved, Settled, StepUsage, UsageRecord};
pub use tokens::{NewStepToken, StepToken, TokenHash};
