//! What is recorded of a step while it happens: the event log's bodies.
//!
//! Agents' adapters produce the first group from their output, the engine the second. Invariants: bodies are bounded
//! (long texts are cut, with the whole in blob storage or in the journal); an agent's line that nobody understands
//! becomes [`Event::Unknown`], never an error; no event holds a secret.

mod said;

use serde::{Deserialize, Serialize};

pub use said::{FileChange, PermissionAnswer, PlanEntry, PlanStatus, ToolImage};

use crate::check::CheckResult;
use crate::failure::Failure;
use crate::money::MicroUsd;
use crate::usage::Tokens;
use crate::verdict::Verdict;

/// One recorded thing in a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Event {
    /// The agent's session began, or went on.
    SessionStarted {
        /// The agent's own name for the session: what a resume needs.
        session: String,
        /// The model as the agent names it.
        model: String,
        /// The version that the agent's program states.
        agent_version: String,
        /// The tools it offers to the model.
        tools: Vec<String>,
    },
    /// A piece of text the agent said. Transient pieces are followed by the whole.
    Text {
        /// The text.
        text: String,
        /// True for a piece of a text that is still being written.
        #[serde(default, skip_serializing_if = "is_false")]
        partial: bool,
        /// The call that started the sub-agent which speaks, if one does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_call: Option<String>,
    },
    /// A piece of what the model thought, where the provider shows it.
    Thinking {
        /// The text, or a summary of it; may be empty.
        text: String,
        /// True for a piece of a thought that is still being written.
        #[serde(default, skip_serializing_if = "is_false")]
        partial: bool,
        /// The call that started the sub-agent which thinks, if one does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_call: Option<String>,
    },
    /// The agent calls a tool.
    ToolCall {
        /// Ties the result to the call.
        call: String,
        /// The tool's name.
        name: String,
        /// Its arguments, cut when very long.
        input: serde_json::Value,
        /// The call that started the sub-agent which calls, if one does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_call: Option<String>,
    },
    /// What a tool gave back.
    ToolResult {
        /// The call it answers.
        call: String,
        /// Whether the tool did what was asked.
        succeeded: bool,
        /// Its output, cut when long.
        output: String,
        /// True when `output` is not all of it.
        #[serde(default, skip_serializing_if = "is_false")]
        truncated: bool,
        /// The pictures among it, in their order. Their bytes are in blob storage.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        images: Vec<ToolImage>,
    },
    /// Tokens as the agent reports them: a cross-check only, the gateway's count is the bill.
    UsageReported {
        /// The agent's count since the last such report: of a turn, or of one call of its model.
        tokens: Tokens,
        /// The agent's own idea of the price, if it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<MicroUsd>,
    },
    /// The agent is asking its model again after an error.
    Retry {
        /// Which attempt comes next, from 1.
        attempt: u32,
        /// How long it waits first.
        delay_ms: u64,
        /// The HTTP status of the error, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// The error in the agent's words.
        message: String,
    },
    /// A tool call that the agent's own rules refused.
    PermissionDenied {
        /// The tool's name.
        tool: String,
    },
    /// The agent asks whether it may do something. Its sandbox is the wall, so the platform answers at once.
    PermissionAsked {
        /// Ties the answer to the question.
        request: String,
        /// The tool's name, or what is to be done.
        tool: String,
        /// Its arguments, cut when very long.
        input: serde_json::Value,
    },
    /// The platform's answer to a question of the agent.
    PermissionAnswered {
        /// The question it answers.
        request: String,
        /// What was answered.
        answer: PermissionAnswer,
    },
    /// The agent changed a file, by its own account: the commits tell what is true.
    FileChanged {
        /// The file, as the agent names it.
        path: String,
        /// What was done to it.
        change: FileChange,
        /// The change as a unified diff, cut when long, where the agent gives one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        diff: Option<String>,
    },
    /// The agent's plan as it stands now; it replaces the one before.
    Plan {
        /// Its entries in order.
        entries: Vec<PlanEntry>,
    },
    /// How full the model's context is.
    ContextUsed {
        /// Tokens in it.
        used: u64,
        /// Tokens that fit into it, where the agent knows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
    },
    /// The agent goes on with another model than it was told to use.
    ModelChanged {
        /// The model as the agent names it.
        model: String,
    },
    /// Something the agent says that is worth a line and has no kind of its own.
    Notice {
        /// The text.
        message: String,
    },
    /// The agent's turn is over.
    TurnEnded {
        /// How.
        outcome: TurnOutcome,
        /// The last thing it said.
        final_text: String,
        /// The error in its words, when there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// The HTTP status behind the error, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
    /// A line that the adapter does not understand.
    Unknown {
        /// The line, cut to a few kilobytes.
        raw: String,
        /// Why it is here: unknown type, no JSON, not UTF-8, too long.
        reason: String,
    },
    /// A line of the agent's standard error.
    AgentStderr {
        /// The line, cut when long.
        line: String,
    },

    /// A message from the platform to the agent.
    Prompt {
        /// The text as sent.
        text: String,
    },
    /// A person's message to the agent, where it was given to it.
    UserMessage {
        /// The text.
        text: String,
        /// Who said it.
        by: String,
    },
    /// A person interrupted the agent's turn.
    Interrupted {
        /// Who did.
        by: String,
    },
    /// A person has the agent go on with another model.
    ModelSwitched {
        /// The model.
        model: String,
        /// Who chose it.
        by: String,
    },
    /// A person ended the conversation: the work is taken over as it is.
    ConversationEnded {
        /// Who did.
        by: String,
    },
    /// A phase of the step began or ended.
    Phase {
        /// Which.
        phase: Phase,
        /// How it stands.
        state: PhaseState,
        /// Milliseconds it took, when it has ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration_ms: Option<u64>,
        /// What is worth knowing of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// A request to the model, as the gateway metered it.
    ModelRequest {
        /// The gateway's name for the request.
        request: String,
        /// The model that answered.
        model: String,
        /// What it used.
        tokens: Tokens,
        /// What it cost.
        cost: MicroUsd,
        /// False when the price list does not know the model: then `cost` is a floor.
        priced: bool,
        /// Milliseconds from the request to the end of the answer.
        duration_ms: u64,
    },
    /// A program in the sandbox asked for a connection past the gateway. What passed through it is nobody's to know.
    Egress {
        /// The host as it was asked for; empty when none could be read.
        host: String,
        /// The port; 0 when none could be read.
        port: u16,
        /// What became of it.
        outcome: EgressOutcome,
    },
    /// A check ended.
    Check {
        /// Its result.
        result: CheckResult,
    },
    /// A checker's verdict was read and is valid.
    Verdict {
        /// The verdict.
        verdict: Verdict,
        /// Where it was found.
        source: ResultSource,
    },
    /// The step's structured result was wrong, and the agent is asked again.
    AskedAgain {
        /// Which time, from 1.
        attempt: u32,
        /// What was wrong, as told to the agent.
        problem: String,
    },
    /// The platform took over the step's commits.
    Collected {
        /// The commit the run's branch is at now.
        commit: String,
        /// How many commits came with this step.
        commits: u32,
        /// Files changed.
        files: u32,
        /// Lines added.
        insertions: u64,
        /// Lines removed.
        deletions: u64,
    },
    /// The step's processes were killed and what is left was counted.
    Killed {
        /// Processes that were killed.
        killed: u32,
        /// Processes that were still there afterwards. Zero, or there is a fault to report.
        survivors: u32,
    },
    /// The step, or the run, failed.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// How an agent's turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnOutcome {
    /// The agent says it is done.
    Completed,
    /// The platform interrupted it.
    Interrupted,
    /// It used all the turns it may.
    TurnLimit,
    /// It used all the money it may.
    BudgetLimit,
    /// The conversation no longer fits the model.
    ContextOverflow,
    /// The model's provider answered with an error.
    ProviderError,
    /// The model refused.
    Refused,
    /// The agent's program ended without a word, or gave up with an error of its own.
    Crashed,
}

/// A phase of a step, in the order they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The sandbox is made.
    SandboxCreate,
    /// The repository is put into it.
    Clone,
    /// Instructions, skills and settings are written.
    Install,
    /// The project's setup script runs.
    SetupScript,
    /// The agent works.
    AgentCli,
    /// Its result and its commits are taken over.
    Collect,
    /// The platform runs the checks.
    Checks,
    /// The sandbox is destroyed.
    Teardown,
}

impl Phase {
    /// The word for the phase, as in data and on the screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SandboxCreate => "sandbox-create",
            Self::Clone => "clone",
            Self::Install => "install",
            Self::SetupScript => "setup-script",
            Self::AgentCli => "agent-cli",
            Self::Collect => "collect",
            Self::Checks => "checks",
            Self::Teardown => "teardown",
        }
    }
}

/// How a phase stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseState {
    /// It began.
    Started,
    /// It ended well.
    Finished,
    /// It ended badly.
    Failed,
}

/// What became of a connection that a program in a sandbox asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EgressOutcome {
    /// It was opened.
    Allowed,
    /// It may be opened, and could not be.
    Unreachable,
    /// The host and port are none that this sandbox may reach.
    NotListed,
    /// It is no host's name and port: an address, a name that can be read in two ways, a head that is none.
    Malformed,
    /// The name stands for an address inside: of this machine, its network or its cloud.
    PrivateAddress,
    /// It was not asked for with the step's own token.
    WrongToken,
    /// It was no request for a connection.
    NotATunnel,
    /// It was opened, and what was said on it first was no TLS for that host: nothing of it went on.
    NotForHost,
}

impl EgressOutcome {
    /// The word for it, as in data.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Unreachable => "unreachable",
            Self::NotListed => "not_listed",
            Self::Malformed => "malformed",
            Self::PrivateAddress => "private_address",
            Self::WrongToken => "wrong_token",
            Self::NotATunnel => "not_a_tunnel",
            Self::NotForHost => "not_for_host",
        }
    }
}

/// Where a structured result was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultSource {
    /// In the file that the agent was told to write.
    File,
    /// In the last JSON block of its answer.
    FinalText,
}

/// Who says what an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The agent, on its standard output: its word, not the platform's.
    Agent,
    /// The platform.
    Platform,
    /// A person.
    Person,
}

/// Whether an event is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Written to the event log.
    Durable,
    /// Shown to whoever watches now, then gone: what it says comes again, whole.
    Transient,
}

impl Event {
    /// Whether the event is kept: all are but pieces of what comes again as a whole.
    #[must_use]
    pub const fn durability(&self) -> Durability {
        match self {
            Self::Text { partial: true, .. } | Self::Thinking { partial: true, .. } => Durability::Transient,
            _ => Durability::Durable,
        }
    }

    /// Who says it.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        match self {
            Self::SessionStarted { .. }
            | Self::Text { .. }
            | Self::Thinking { .. }
            | Self::ToolCall { .. }
            | Self::ToolResult { .. }
            | Self::UsageReported { .. }
            | Self::Retry { .. }
            | Self::PermissionDenied { .. }
            | Self::PermissionAsked { .. }
            | Self::PermissionAnswered { .. }
            | Self::FileChanged { .. }
            | Self::Plan { .. }
            | Self::ContextUsed { .. }
            | Self::ModelChanged { .. }
            | Self::Notice { .. }
            | Self::TurnEnded { .. }
            | Self::Unknown { .. } => Origin::Agent,
            Self::AgentStderr { .. }
            | Self::Prompt { .. }
            | Self::Phase { .. }
            | Self::ModelRequest { .. }
            | Self::Egress { .. }
            | Self::Check { .. }
            | Self::Verdict { .. }
            | Self::AskedAgain { .. }
            | Self::Collected { .. }
            | Self::Killed { .. }
            | Self::Failed { .. } => Origin::Platform,
            Self::UserMessage { .. }
            | Self::Interrupted { .. }
            | Self::ModelSwitched { .. }
            | Self::ConversationEnded { .. } => Origin::Person,
        }
    }

    /// The name of the kind, as in the `kind` field.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SessionStarted { .. } => "session_started",
            Self::Text { .. } => "text",
            Self::Thinking { .. } => "thinking",
            Self::ToolCall { .. } => "tool_call",
            Self::ToolResult { .. } => "tool_result",
            Self::UsageReported { .. } => "usage_reported",
            Self::Retry { .. } => "retry",
            Self::PermissionDenied { .. } => "permission_denied",
            Self::PermissionAsked { .. } => "permission_asked",
            Self::PermissionAnswered { .. } => "permission_answered",
            Self::FileChanged { .. } => "file_changed",
            Self::Plan { .. } => "plan",
            Self::ContextUsed { .. } => "context_used",
            Self::ModelChanged { .. } => "model_changed",
            Self::Notice { .. } => "notice",
            Self::TurnEnded { .. } => "turn_ended",
            Self::Unknown { .. } => "unknown",
            Self::AgentStderr { .. } => "agent_stderr",
            Self::Prompt { .. } => "prompt",
            Self::UserMessage { .. } => "user_message",
            Self::Interrupted { .. } => "interrupted",
            Self::ModelSwitched { .. } => "model_switched",
            Self::ConversationEnded { .. } => "conversation_ended",
            Self::Phase { .. } => "phase",
            Self::ModelRequest { .. } => "model_request",
            Self::Egress { .. } => "egress",
            Self::Check { .. } => "check",
            Self::Verdict { .. } => "verdict",
            Self::AskedAgain { .. } => "asked_again",
            Self::Collected { .. } => "collected",
            Self::Killed { .. } => "killed",
            Self::Failed { .. } => "failed",
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_the_tag_in_data() {
        let event = Event::Phase {
            phase: Phase::SandboxCreate,
            state: PhaseState::Started,
            duration_ms: None,
            detail: None,
        };
        let value = serde_json::to_value(&event).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"kind": "phase", "phase": "sandbox-create", "state": "started"})
        );
        assert_eq!(event.kind(), "phase");
    }

    #[test]
    fn a_tools_result_names_its_pictures_and_one_from_before_there_were_any_is_read() {
        let older = serde_json::json!({"kind": "tool_result", "call": "1", "succeeded": true, "output": "a"});
        let mut event: Event = serde_json::from_value(older.clone()).unwrap();
        assert_eq!(serde_json::to_value(&event).unwrap(), older);
        let Event::ToolResult { images, .. } = &mut event else {
            panic!("another kind: {event:?}");
        };
        images.push(ToolImage {
            image: "00ff".to_owned(),
            media_type: crate::image::ImageType::Png,
            size: 70,
        });
        let written = serde_json::to_value(&event).unwrap();
        assert_eq!(
            written["images"],
            serde_json::json!([{"image": "00ff", "mediaType": "image/png", "size": 70}])
        );
        assert_eq!(serde_json::from_value::<Event>(written).unwrap(), event);
    }

    #[test]
    fn pieces_are_transient_and_wholes_are_kept() {
        let text = |partial| Event::Text {
            text: "a".into(),
            partial,
            parent_call: None,
        };
        assert_eq!(text(true).durability(), Durability::Transient);
        assert_eq!(text(false).durability(), Durability::Durable);
    }
}
