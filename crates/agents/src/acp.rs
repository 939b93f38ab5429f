//! Any agent that speaks the Agent Client Protocol, version 1, on its standard streams.
//!
//! The engine reaches it as a [`crate::Agent`]; other adapters build on it. The ten messages that are used are written
//! by hand: the protocol's own crates change with a breaking release a month, and what is read here is read field by field
//! anyway. Invariants: the agent gets no access to anything through the protocol, its sandbox is the wall; ids of our
//! requests say what they ask and of which session, so that an answer is understood by itself.

mod command;
mod config;
mod launch;
pub mod parser;
mod protocol;
mod tool;
mod turn;

use codecourier_domain::agent::{AgentKind, Effort};
use codecourier_domain::event::Event;

use crate::agent::{Agent, Ending};
use crate::capability::{Capabilities, Support};
use crate::launch::Launch;
use crate::parse::{LineLimits, LineParser, Parser};
use crate::path::SandboxPath;
use crate::session::{Prompt, SessionHandle, SessionSpec};

pub use command::{AcpCommand, InvalidAcpCommand};
pub(crate) use protocol::{interrupt, opening, user_message};
pub(crate) use turn::is_unknown_session;

/// The version of the protocol.
pub const PROTOCOL_VERSION: u32 = 1;

/// What it can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    partial_text: Support::Yes,
    thinking: Support::Yes,
    // The protocol has no message in the middle of a turn.
    steer: Support::No,
    interrupt: Support::Yes,
    follow_up: Support::Yes,
    resume: Support::Yes,
    efforts: &Effort::ALL,
    turn_limit: Support::No,
    mcp: Support::Yes,
    // Where an agent looks for these is not the protocol's to say.
    skills: Support::No,
    commands: Support::No,
    images: Support::Yes,
    cost: Support::No,
    sub_agents: Support::No,
};

/// The adapter of an agent that is started by a command of its own.
#[derive(Debug, Clone)]
pub struct Acp {
    command: AcpCommand,
}

impl Acp {
    /// An adapter that starts an agent by this command.
    #[must_use]
    pub fn with_command(command: AcpCommand) -> Self {
        Self { command }
    }
}

impl Agent for Acp {
    fn kind(&self) -> AgentKind {
        AgentKind::Acp
    }

    fn tested_version(&self) -> &'static str {
        "1"
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn launch(&self, session: &SessionSpec) -> Launch {
        launch::launch(&self.command, session)
    }

    fn parser_at(&self, session: &SessionSpec, offset: u64) -> Box<dyn Parser> {
        let reader = parser::AcpReader::of(session, parser::Rules::InFirstMessage);
        Box::new(LineParser::at(offset, LineLimits::default(), reader))
    }

    fn user_message(&self, session: &SessionHandle, prompt: &Prompt, id: &str) -> Vec<u8> {
        user_message(session, prompt, id)
    }

    fn interrupt(&self, session: &SessionHandle, _: &str) -> Option<Vec<u8>> {
        Some(interrupt(session))
    }

    fn state_paths(&self, session: &SessionSpec) -> Vec<SandboxPath> {
        // Nobody knows where it keeps what it keeps.
        vec![session.home.clone()]
    }

    fn is_unknown_session(&self, event: &Event) -> bool {
        is_unknown_session(event)
    }

    fn ending(&self) -> Ending {
        // Some adapters of agents to the protocol do not end with their input.
        Ending::Terminate
    }
}
