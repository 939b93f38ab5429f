//! Runs: started, executed step by step, cancelled, read. The heart of the engine.
//!
//! Who may call: the binary and, later, the API, through [`Runs`]. The walk of one run: [`start`] pins everything and
//! orders the preparation; a [`worker`] claims each task and does it; `advance` steps the state machine in the
//! transaction that completes the task; at the end the result is delivered. Invariants: a decision is a pure function of
//! what is stored; an effect is a task whose repetition is harmless; nothing is told before it is committed.

pub(crate) mod advance;
pub(crate) mod cancel;
mod close;
mod deliver;
pub(crate) mod failures;
pub mod follow;
mod held;
pub mod images;
pub mod live;
pub mod memo;
pub(crate) mod other_key;
mod outcome;
pub mod pinned;
pub(crate) mod place;
mod prepare;
pub mod prompt;
mod recorder;
pub mod request;
mod resume;
mod retry;
pub mod sample;
pub mod search;
pub mod spec;
mod start;
pub(crate) mod step;
pub mod talk;
pub(crate) mod under_way;
pub mod view;
pub(crate) mod worker;

use std::sync::Arc;

use crate::Inner;

pub(crate) use recorder::{hold, new_event};

/// The use cases of runs.
#[derive(Clone)]
pub struct Runs {
    pub(crate) engine: Arc<Inner>,
}
