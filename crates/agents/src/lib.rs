//! The agents crate: what to write, what to start, and how to read it, for each coding CLI.
//!
//! The engine is its caller. An adapter turns a [`SessionSpec`] into a [`Launch`] (files, command, environment, first
//! input) and turns the bytes the agent prints into `domain::event` events. Invariants: no I/O, no clock, no
//! randomness, no spawning; every function is pure or owns only its parser's buffer; a prompt never goes into the
//! command line; nothing the agent prints can make a parser panic, grow without bound or lose an offset.

pub mod acp;
pub mod agent;
pub mod capability;
pub mod claude;
pub mod codex;
mod common;
pub mod fuzz;
pub mod launch;
pub mod opencode;
pub mod parse;
pub mod path;
pub mod pi;
pub mod session;

pub use acp::AcpCommand;
pub use agent::{Agent, Ending, adapter, adapter_with};
pub use capability::{Ability, Capabilities, Support};
pub use launch::{FileToWrite, Launch};
pub use parse::{ParsedLine, Parser, RawLine, Reply};
pub use path::{RelativePath, SandboxPath};
pub use session::{SessionHandle, SessionId, SessionSpec};
