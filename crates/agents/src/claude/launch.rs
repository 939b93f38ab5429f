//! The command line, environment and files of a Claude Code session.

use serde_json::{Value, json};

use super::{control, knowledge};
use crate::common::{environment, file, private_file, words};
use crate::launch::{FileToWrite, Launch};
use crate::path::{RelativePath, SandboxPath};
use crate::session::{McpServer, SessionSpec, SessionStart};

/// How often the CLI asks the model again. Its waits are about 0.5, 1, 2, 4, 9, 17 and 38 seconds, so that seven outlast
/// a gateway that is away for half a minute, while the default of ten would sit three minutes before a fault that lasts.
/// It would wait as long before a refused key: the gateway marks an error that never passes with `x-should-retry: false`,
/// and the CLI then fails at once.
const MAX_RETRIES: &str = "7";

/// Switches of the CLI that are the same for every session. Each exists in the tested version.
const ENVIRONMENT: [(&str, &str); 10] = [
    // Allows the permission switch for root, and says that there is a sandbox around.
    ("IS_SANDBOX", "1"),
    // No telemetry, no update check, no feature flags: only model requests leave.
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    ("DISABLE_AUTOUPDATER", "1"),
    ("CLAUDE_CODE_MAX_RETRIES", MAX_RETRIES),
    // A turn ends when its work ends. With background tasks a `result` line comes while sub-agents still work, further
    // turns follow by themselves, and one forgotten `sleep` keeps the process alive after its input is closed.
    ("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "1"),
    ("CLAUDE_CODE_DISABLE_CRON", "1"),
    // A plan that people can read: the whole list at each change. Without a terminal the CLI offers its model no such tool,
    // and its other one, of single tasks, never says the whole list.
    ("CLAUDE_CODE_ENABLE_TODO_TOOLS", "1"),
    ("CLAUDE_CODE_ENABLE_TASKS", "0"),
    // A terminal's title has no place in a pipe.
    ("CLAUDE_CODE_DISABLE_TERMINAL_TITLE", "1"),
    // Notes that the CLI keeps for itself between sessions would die with the sandbox; learnings are the platform's.
    ("CLAUDE_CODE_DISABLE_AUTO_MEMORY", "1"),
];

/// Tools that promise the model what a step cannot keep: to be woken after the turn has ended, and a worktree beside
/// the branch that the platform collects.
const DISALLOWED_TOOLS: &str = "ScheduleWakeup,Monitor,Workflow,EnterWorktree,ExitWorktree";

pub(super) fn launch(program: &str, session: &SessionSpec) -> Launch {
    let mut files = knowledge::files(session);
    files.push(mcp_file(session));
    files.extend(system_prompt_file(session));
    Launch {
        files,
        command: command(program, session),
        env: own_environment(session),
        directory: session.workspace.clone(),
        initial_input: control::user_message(&session.prompt),
    }
}

fn command(program: &str, session: &SessionSpec) -> Vec<String> {
    let mut command = words(&[
        program,
        "--print",
        "--input-format",
        "stream-json",
        "--output-format",
        "stream-json",
        "--verbose",
        "--include-partial-messages",
        "--dangerously-skip-permissions",
        "--setting-sources",
        "user",
        "--strict-mcp-config",
    ]);
    // With `=`, because these flags would take the words after them too.
    command.push(format!("--mcp-config={}", mcp_path(session)));
    command.push(format!("--disallowed-tools={DISALLOWED_TOOLS}"));
    command.extend(words(&["--model", session.model.as_str()]));
    if let Some(effort) = session.effort {
        command.extend(words(&["--effort", effort.as_str()]));
    }
    let start = match &session.start {
        SessionStart::New => "--session-id",
        SessionStart::Resume(_) => "--resume",
    };
    command.extend(words(&[start, session.session.as_str()]));
    if let Some(turns) = session.max_turns {
        command.extend(words(&["--max-turns", &turns.to_string()]));
    }
    if session.system_prompt.is_some() {
        command.push(format!("--append-system-prompt-file={}", system_prompt_path(session)));
    }
    command
}

fn own_environment(session: &SessionSpec) -> Vec<(String, String)> {
    let own = ENVIRONMENT
        .map(|(name, value)| (name, value.to_owned()))
        .into_iter()
        .chain([
            ("ANTHROPIC_BASE_URL", session.gateway.base_url.clone()),
            ("ANTHROPIC_API_KEY", session.gateway.token.reveal().to_owned()),
        ]);
    // These would change what the CLI prints, or for how long it waits.
    let is_reserved =
        |name: &str| name == "API_TIMEOUT_MS" || name.starts_with("ANTHROPIC_") || name.starts_with("CLAUDE_");
    environment(session, own, is_reserved)
}

/// Written even when there is no server: with `--strict-mcp-config` it is what keeps every other source out.
fn mcp_file(session: &SessionSpec) -> FileToWrite {
    let servers: serde_json::Map<String, Value> = session
        .mcp
        .iter()
        .map(|(name, server)| (name.as_str().to_owned(), mcp_server(server)))
        .collect();
    private_file(mcp_path(session), json!({"mcpServers": servers}).to_string())
}

/// In a file, because one argument of a command line ends at 128 KiB.
fn system_prompt_file(session: &SessionSpec) -> Option<FileToWrite> {
    let system_prompt = session.system_prompt.as_ref()?;
    Some(file(system_prompt_path(session), system_prompt.clone()))
}

fn mcp_path(session: &SessionSpec) -> SandboxPath {
    session.home.join(&RelativePath::of(".claude/codecourier-mcp.json"))
}

fn system_prompt_path(session: &SessionSpec) -> SandboxPath {
    session
        .home
        .join(&RelativePath::of(".claude/codecourier-system-prompt.md"))
}

fn mcp_server(server: &McpServer) -> Value {
    match server {
        McpServer::Stdio { command, args, env } => {
            let env: serde_json::Map<String, Value> = env
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), json!(value)))
                .collect();
            json!({"type": "stdio", "command": command, "args": args, "env": env})
        }
        McpServer::Http { url, headers } => json!({"type": "http", "url": url, "headers": headers}),
    }
}
