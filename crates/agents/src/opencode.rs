//! OpenCode, driven as `opencode acp`. Built for and tested with [`TESTED_VERSION`].
//!
//! The engine reaches it as a [`crate::Agent`]. What goes over its standard streams is the Agent Client Protocol of
//! [`crate::acp`]; its own are the configuration, the places of its files and what it can. Not `opencode serve`: see
//! decision 0010. Invariant: nothing is written into the repository, and no configuration of the repository is read.

mod launch;

use codecourier_domain::agent::{AgentKind, Effort};
use codecourier_domain::agent_pin;
use codecourier_domain::event::Event;

use crate::acp::parser::{AcpReader, Rules};
use crate::agent::{Agent, Ending};
use crate::capability::{Capabilities, Support};
use crate::launch::Launch;
use crate::parse::{LineLimits, LineParser, Parser};
use crate::path::{RelativePath, SandboxPath};
use crate::session::{Prompt, SessionHandle, SessionSpec};

/// The version of the CLI that this adapter was written and tested against.
pub const TESTED_VERSION: &str = agent_pin::OPENCODE.version;

/// Where templates install the CLI's own binary.
pub const PROGRAM: &str = "/usr/local/bin/opencode";

/// What it can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    partial_text: Support::Yes,
    thinking: Support::Yes,
    steer: Support::No,
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
    sub_agents: Support::Yes,
};

/// The adapter of OpenCode.
#[derive(Debug, Clone)]
pub struct Opencode {
    program: String,
}

impl Default for Opencode {
    fn default() -> Self {
        Self::with_program(PROGRAM)
    }
}

impl Opencode {
    /// An adapter that starts the CLI from another place.
    #[must_use]
    pub fn with_program(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
        }
    }
}

impl Agent for Opencode {
    fn kind(&self) -> AgentKind {
        AgentKind::Opencode
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
        let reader = AcpReader::of(session, Rules::InFile).without_usage();
        Box::new(LineParser::at(offset, LineLimits::default(), reader))
    }

    fn user_message(&self, session: &SessionHandle, prompt: &Prompt, id: &str) -> Vec<u8> {
        crate::acp::user_message(session, prompt, id)
    }

    fn interrupt(&self, session: &SessionHandle, _: &str) -> Option<Vec<u8>> {
        Some(crate::acp::interrupt(session))
    }

    fn state_paths(&self, session: &SessionSpec) -> Vec<SandboxPath> {
        vec![session.home.join(&RelativePath::of(".local/share/opencode"))]
    }

    fn is_unknown_session(&self, event: &Event) -> bool {
        crate::acp::is_unknown_session(event)
    }

    fn ending(&self) -> Ending {
        Ending::CloseInput
    }
}
