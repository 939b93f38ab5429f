//! Pi, driven as `pi --mode rpc`: JSON, one message a line. Built for and tested with [`TESTED_VERSION`].
//!
//! The engine reaches it as a [`crate::Agent`]. Invariants: its settings are the user's own, so that nothing the
//! repository brings is run; nothing is written into the repository; a turn is over when Pi says that it is settled,
//! because after the end of a run it may compact the conversation and go on by itself.

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
pub const TESTED_VERSION: &str = agent_pin::PI.version;

/// Where templates install the CLI.
pub const PROGRAM: &str = "/usr/local/bin/pi";

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
    commands: Support::Yes,
    images: Support::Yes,
    cost: Support::No,
    sub_agents: Support::No,
};

/// The adapter of Pi.
#[derive(Debug, Clone)]
pub struct Pi {
    program: String,
}

impl Default for Pi {
    fn default() -> Self {
        Self::with_program(PROGRAM)
    }
}

impl Pi {
    /// An adapter that starts the CLI from another place.
    #[must_use]
    pub fn with_program(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
        }
    }
}

impl Agent for Pi {
    fn kind(&self) -> AgentKind {
        AgentKind::Pi
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

    fn parser_at(&self, _: &SessionSpec, offset: u64) -> Box<dyn Parser> {
        Box::new(LineParser::at(offset, LineLimits::default(), parser::PiReader))
    }

    fn user_message(&self, _: &SessionHandle, prompt: &Prompt, id: &str) -> Vec<u8> {
        protocol::prompt(&format!("message:{id}"), prompt)
    }

    fn interrupt(&self, _: &SessionHandle, id: &str) -> Option<Vec<u8>> {
        Some(protocol::abort(&format!("interrupt:{id}")))
    }

    fn state_paths(&self, session: &SessionSpec) -> Vec<SandboxPath> {
        vec![session.home.join(&RelativePath::of(".pi/agent/sessions"))]
    }

    fn is_unknown_session(&self, _: &Event) -> bool {
        // It makes a session of that id when there is none.
        false
    }

    fn ending(&self) -> Ending {
        Ending::CloseInput
    }
}
