//! Codex, driven as `codex app-server`: JSON-RPC, one message a line. Built for and tested with [`TESTED_VERSION`].
//!
//! The engine reaches it as a [`crate::Agent`]. Not `codex exec`: that gives neither pieces of a text nor usage of a
//! call, and takes no message while it works. Invariants: every setting is in the user's own `config.toml`, so that the
//! repository's is not read; nothing is written into the repository; ids of our requests say what they ask, so that an
//! answer is understood by itself.

mod item;
mod launch;
pub mod parser;
mod protocol;
mod turn;

use codecourier_domain::agent::{AgentKind, Effort};
use codecourier_domain::agent_pin;
use codecourier_domain::event::Event;

use crate::agent::{Agent, Ending};
use crate::capability::{Capabilities, Support};
use crate::launch::Launch;
use crate::parse::{LineLimits, LineParser, Parser};
use crate::path::{RelativePath, SandboxPath};
use crate::session::{Prompt, SessionHandle, SessionSpec};

/// The version of the CLI that this adapter was written and tested against.
pub const TESTED_VERSION: &str = agent_pin::CODEX.version;

/// Where templates install the CLI's own binary. What it needs beside itself lies beside it.
pub const PROGRAM: &str = "/usr/local/bin/codex";

/// What it can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    partial_text: Support::Yes,
    thinking: Support::Yes,
    steer: Support::Yes,
    interrupt: Support::Yes,
    follow_up: Support::Yes,
    resume: Support::Yes,
    efforts: &Effort::ALL,
    turn_limit: Support::No,
    mcp: Support::Yes,
    skills: Support::Yes,
    // It knows prompts in files, but its server takes none by name.
    commands: Support::No,
    images: Support::Yes,
    cost: Support::No,
    // It can, but what they do cannot be told from what it does itself: switched off.
    sub_agents: Support::No,
};

/// The adapter of Codex.
#[derive(Debug, Clone)]
pub struct Codex {
    program: String,
}

impl Default for Codex {
    fn default() -> Self {
        Self::with_program(PROGRAM)
    }
}

impl Codex {
    /// An adapter that starts the CLI from another place.
    #[must_use]
    pub fn with_program(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
        }
    }
}

impl Agent for Codex {
    fn kind(&self) -> AgentKind {
        AgentKind::Codex
    }

    fn tested_version(&self) -> &'static str {
        TESTED_VERSION
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn launch(&self, session: &SessionSpec) -> Launch {
        launch::launch(&self.program, session)
    }

    fn parser_at(&self, session: &SessionSpec, offset: u64) -> Box<dyn Parser> {
        let reader = parser::CodexReader::of(session);
        Box::new(LineParser::at(offset, LineLimits::default(), reader))
    }

    fn user_message(&self, session: &SessionHandle, prompt: &Prompt, id: &str) -> Vec<u8> {
        protocol::turn(&format!("message:{id}"), &session.session, prompt, None)
    }

    fn interrupt(&self, session: &SessionHandle, id: &str) -> Option<Vec<u8>> {
        let turn = session.turn.as_ref()?;
        Some(protocol::interrupt(&format!("interrupt:{id}"), &session.session, turn))
    }

    fn state_paths(&self, session: &SessionSpec) -> Vec<SandboxPath> {
        vec![session.home.join(&RelativePath::of(".codex/sessions"))]
    }

    fn is_unknown_session(&self, event: &Event) -> bool {
        turn::is_unknown_session(event)
    }

    fn ending(&self) -> Ending {
        Ending::CloseInput
    }
}
