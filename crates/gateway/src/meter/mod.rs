//! The meter: reads what a provider charges for from the answer while it passes, without holding it back.
//!
//! [`EventReader`] takes a stream of server-sent events in pieces of any size; [`UsageTap`] reads the usage of each
//! [`Dialect`](crate::provider::Dialect) from them, or from a JSON answer. Invariants: the count does not depend on how
//! the bytes were cut into pieces; memory is bounded whatever the provider sends; nothing in a stream can make the tap
//! fail.

mod anthropic;
mod chat;
mod responses;
mod sse;
mod tap;

pub use sse::{EventReader, ServerSentEvent};
pub use tap::{MeteredUsage, StreamFault, UsageTap};
