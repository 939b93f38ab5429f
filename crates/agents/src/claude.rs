//! Claude Code, driven by stream-json both ways. Built for and tested with [`TESTED_VERSION`].
//!
//! The engine reaches it as a [`crate::Agent`]. Invariants: the repository's own hooks, settings and MCP servers are
//! off; nothing is written into the repository; whatever the CLI prints on standard output is understood line by line
//! in [`parser`].

mod changes;
mod control;
mod knowledge;
mod launch;
mod message;
pub mod parser;
pub mod subscription;
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
pub const TESTED_VERSION: &str = agent_pin::CLAUDE.version;

/// Where templates install the CLI's own binary. Not npm's wrapper: signals and exit codes must be the CLI's own.
pub const PROGRAM: &str = "/usr/local/bin/claude";

/// What it can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    partial_text: Support::Yes,
    thinking: Support::Yes,
    steer: Support::Yes,
    interrupt: Support::Yes,
    follow_up: Support::Yes,
    resume: Support::Yes,
    efforts: &Effort::ALL,
    turn_limit: Support::Yes,
    mcp: Support::Yes,
    skills: Support::Yes,
    commands: Support::Yes,
    images: Support::Yes,
    cost: Support::Yes,
    sub_agents: Support::Yes,
};

/// The adapter of Claude Code.
#[derive(Debug, Clone)]
pub struct Claude {
    program: String,
}

impl Default for Claude {
    fn default() -> Self {
        Self::with_program(PROGRAM)
    }
}

impl Claude {
    /// An adapter that starts the CLI from another place.
    #[must_use]
    pub fn with_program(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
        }
    }
}

impl Agent for Claude {
    fn kind(&self) -> AgentKind {
        AgentKind::Claude
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
        Box::new(LineParser::at(offset, LineLimits::default(), parser::ClaudeReader))
    }

    fn user_message(&self, _: &SessionHandle, prompt: &Prompt, _: &str) -> Vec<u8> {
        control::user_message(prompt)
    }

    fn interrupt(&self, _: &SessionHandle, request: &str) -> Option<Vec<u8>> {
        Some(control::interrupt(request))
    }

    fn state_paths(&self, session: &SessionSpec) -> Vec<SandboxPath> {
        let below = [".claude/projects", ".claude.json"].map(RelativePath::of);
        below.iter().map(|path| session.home.join(path)).collect()
    }

    fn is_unknown_session(&self, event: &Event) -> bool {
        turn::is_unknown_session(event)
    }

    fn ending(&self) -> Ending {
        Ending::CloseInput
    }
}
