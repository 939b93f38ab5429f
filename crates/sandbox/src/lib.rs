//! Sandboxes: one interface ([`Backend`], [`Sandbox`]) over isolated, disposable Linux environments. The engine calls it.
//!
//! Invariants: this crate knows nothing of agents, runs or models; what a sandbox says (files, output, exit) is input
//! and never trusted; a guarantee that the host cannot give is refused, or, when the caller allows it, written down in
//! [`Isolation::degraded`]; [`Backend::destroy`] leaves no process, mount, control group or temporary file.

mod backend;
mod envd_client;
mod error;
mod isolation;
pub mod ns;
mod process;
mod spec;
mod tasks;
pub mod templates;

pub use backend::{
    Backend, Destroyed, DirectoryEntry, DirectoryPage, Ended, EndedBecause, FileBeginning, FileKind, Killed,
    LinkTarget, Sandbox, State, Usage,
};
pub use error::Error;
pub use isolation::{Check, CheckState, Degradation, Guarantee, Isolation, Support, Tier};
pub use process::{Exit, ExitStatus, FileOwner, JournalStream, Output, ProcessSpec, Signal, Stdin};
pub use spec::{Degraded, LayerManifest, LayerRef, Network, SandboxSpec};

/// The port of the model gateway inside every sandbox: `http://127.0.0.1:4180`.
pub const GATEWAY_PORT: u16 = 4180;

/// The home directory of the sandbox's ordinary user.
pub const HOME: &str = "/home/user";

/// Where the repository lies in a sandbox.
pub const PROJECT_DIRECTORY: &str = "/home/user/project";
