//! Executing a pipeline: the state of a run and the one function that moves it.
//!
//! The engine keeps a [`RunState`] in the store, tells [`next`] what happened, and turns the effects it gets back into
//! durable tasks, all in one transaction. Invariants: `next` is pure and total (an event that does not apply changes
//! nothing); a run that has not ended and is not paused always waits for exactly one effect, and one that is paused for a
//! limit for the task that lets it go on; an ended run never moves again, but for a failed one that a person takes up again; what a loop decides depends on recorded verdicts and checks alone.

mod feedback;
mod key_limit;
mod next;
mod state;

pub use feedback::Feedback;
pub use key_limit::{KeyLimit, resumes_at};
pub use next::{Effect, RunEvent, Transition, next};
pub use state::{PauseReason, Progress, RetryFrom, RunState, RunStatus, StepPlan, StepRecord, StepResult};

#[cfg(test)]
mod tests;
