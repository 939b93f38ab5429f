//! The one interface to every agent. The engine calls it; it never starts anything itself.

use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::Event;

use crate::acp::{Acp, AcpCommand};
use crate::capability::Capabilities;
use crate::claude::Claude;
use crate::codex::Codex;
use crate::launch::Launch;
use crate::opencode::Opencode;
use crate::parse::Parser;
use crate::path::SandboxPath;
use crate::pi::Pi;
use crate::session::{Prompt, SessionHandle, SessionSpec};

/// One coding CLI: what it can do, how its sessions start, and what goes over its standard streams.
pub trait Agent: Send + Sync {
    /// Which agent this is.
    fn kind(&self) -> AgentKind;

    /// The version of the program that this adapter was written and tested against.
    fn tested_version(&self) -> &'static str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// What to write and start for a session, and what to put on its standard input first.
    fn launch(&self, session: &SessionSpec) -> Launch;

    /// Reads the standard output from its start.
    fn parser(&self, session: &SessionSpec) -> Box<dyn Parser> {
        self.parser_at(session, 0)
    }

    /// Reads the standard output from an offset at which a line begins: gives the same events and replies for the rest as
    /// a parser that has read everything before it.
    fn parser_at(&self, session: &SessionSpec, offset: u64) -> Box<dyn Parser>;

    /// The bytes that give the agent a further message: a new turn when it waits, a steer when it works and can be
    /// steered. The agent's answer names `id`, where its protocol has answers.
    fn user_message(&self, session: &SessionHandle, prompt: &Prompt, id: &str) -> Vec<u8>;

    /// The bytes that end the current turn and leave the session alive; `None` while the agent has no turn, by all that
    /// the handle says. The agent's answer names `id`.
    fn interrupt(&self, session: &SessionHandle, id: &str) -> Option<Vec<u8>>;

    /// The files and directories that a later process needs to go on with the session, where they are there.
    fn state_paths(&self, session: &SessionSpec) -> Vec<SandboxPath>;

    /// Whether an event says that the session to resume does not exist. That is so when the process before was killed
    /// ahead of the model's first answer: the session is then started new, with the same id and the same prompt.
    fn is_unknown_session(&self, event: &Event) -> bool;

    /// How a process whose turn is over is ended.
    fn ending(&self) -> Ending;
}

/// How a process whose turn is over is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By closing its standard input: it finishes what it writes and exits by itself.
    CloseInput,
    /// By a signal: it would wait for ever.
    Terminate,
}

/// The adapter of an agent that is started by a command of one's own, or of one that needs none.
#[must_use]
pub fn adapter_with(kind: AgentKind, command: Option<&AcpCommand>) -> Option<Box<dyn Agent>> {
    match (kind, command) {
        (AgentKind::Acp, Some(command)) => Some(Box::new(Acp::with_command(command.clone()))),
        (kind, _) => adapter(kind),
    }
}

/// The adapter of an agent that is known by its name.
#[must_use]
pub fn adapter(kind: AgentKind) -> Option<Box<dyn Agent>> {
    match kind {
        AgentKind::Claude => Some(Box::new(Claude::default())),
        AgentKind::Codex => Some(Box::new(Codex::default())),
        AgentKind::Opencode => Some(Box::new(Opencode::default())),
        AgentKind::Pi => Some(Box::new(Pi::default())),
        // Known by its command: `adapter_with`.
        AgentKind::Acp => None,
    }
}
