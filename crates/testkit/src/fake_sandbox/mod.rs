//! A sandbox backend in memory and a temporary directory, for tests and benchmarks of the engine.
//!
//! What runs for real: every process but the agent (git, sh), on the host, with the sandbox's paths replaced by those of
//! a directory of its own. The process with the tag `agent` is played by a [`crate::fake_agent`] script. Invariants:
//! sandboxes and what runs in them live on a runtime of the backend's own, so they outlive any engine that made them, as
//! real ones do; the contract of [`codecourier_sandbox::Backend`] is kept (create adopts, start is once by tag, input
//! is once by id, destroy is idempotent, a process that has ended is `NotFound` to signals and input), and every call is
//! counted; a call can be told never to return ([`FakeBackend::stop_at`]), which is how a test kills an engine there.

mod backend;
mod calls;
mod host;
mod journal;
mod look;
mod process;
mod room;
mod sandbox;

pub use backend::FakeBackend;
pub use calls::{Call, Moment};
pub use process::Input;

pub(crate) use journal::Journal;
pub(crate) use process::Process;
pub(crate) use room::Room;
