//! The command line, environment and files of a Pi session.

use codecourier_domain::provider::ModelProvider;
use serde_json::{Value, json};

use super::protocol;
use crate::common::{commands, environment, file, private_file, skills, words};
use crate::launch::{FileToWrite, Launch};
use crate::path::{RelativePath, SandboxPath};
use crate::session::{McpServer, SessionSpec};

/// The environment variable that holds the step's token.
const TOKEN: &str = "PI_GATEWAY_TOKEN";
/// How often Pi asks the model again. Its waits double from 1 s, so that six outlast a gateway that is away for half a
/// minute.
const MAX_RETRIES: u32 = 6;
/// What Pi is told of a model that it knows nothing of: the size of its context, and the most it may answer.
const CONTEXT: u32 = 200_000;
const ANSWER: u32 = 32_000;

pub(super) fn launch(program: &str, session: &SessionSpec) -> Launch {
    let directory = session.home.join(&RelativePath::of(".pi/agent"));
    let mut command = words(&[
        program,
        "--mode",
        "rpc",
        "--model",
        &format!("gateway/{}", session.model),
        "--session-id",
        session.session.as_str(),
    ]);
    if let Some(effort) = session.effort {
        command.extend(words(&["--thinking", effort.as_str()]));
    }
    if session.system_prompt.is_some() {
        let path = system_prompt_path(&directory);
        command.extend(words(&["--append-system-prompt", path.as_str()]));
    }
    Launch {
        files: files(&directory, session),
        command,
        env: environment(
            session,
            [
                ("PI_CODING_AGENT_DIR", directory.to_string()),
                ("PI_OFFLINE", "1".to_owned()),
                ("PI_TELEMETRY", "0".to_owned()),
                (TOKEN, session.gateway.token.reveal().to_owned()),
            ],
            |name| name.starts_with("PI_"),
        ),
        directory: session.workspace.clone(),
        initial_input: protocol::opening(&session.prompt),
    }
}

fn files(directory: &SandboxPath, session: &SessionSpec) -> Vec<FileToWrite> {
    let at = |name| directory.join(&RelativePath::of(name));
    let settings = json!({
        "enableInstallTelemetry": false,
        // What it would resize pictures with is no part of its bundle: it would leave them out.
        "images": {"autoResize": false},
        "retry": {"enabled": true, "maxRetries": MAX_RETRIES, "baseDelayMs": 1000},
    });
    let mut files = vec![
        file(at("models.json"), models(session).to_string()),
        file(at("settings.json"), settings.to_string()),
    ];
    if !session.mcp.is_empty() {
        files.push(private_file(at("mcp.json"), mcp(session).to_string()));
    }
    if let Some(rules) = &session.system_prompt {
        files.push(file(system_prompt_path(directory), rules.clone()));
    }
    if let Some(instructions) = &session.knowledge.instructions {
        files.push(file(at("AGENTS.md"), instructions.clone()));
    }
    files.extend(skills(directory, session));
    files.extend(commands(directory, "prompts", session));
    files
}

/// The one provider that Pi knows: the gateway, by the interface that the model speaks.
fn models(session: &SessionSpec) -> Value {
    let base_url = &session.gateway.base_url;
    let (api, base_url) = match session.gateway.provider {
        ModelProvider::Anthropic => ("anthropic-messages", base_url.clone()),
        ModelProvider::Openai => ("openai-responses", format!("{base_url}/v1")),
        ModelProvider::Openrouter => ("openai-completions", format!("{base_url}/api/v1")),
    };
    let model = json!({
        "id": session.model.as_str(),
        "reasoning": true,
        "input": ["text", "image"],
        "contextWindow": CONTEXT,
        "maxTokens": ANSWER,
    });
    json!({"providers": {"gateway": {
        "baseUrl": base_url,
        "apiKey": format!("${TOKEN}"),
        "api": api,
        "models": [model],
    }}})
}

fn mcp(session: &SessionSpec) -> Value {
    let server = |server: &McpServer| match server {
        McpServer::Stdio { command, args, env } => {
            let env: serde_json::Map<String, Value> = env
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), json!(value)))
                .collect();
            json!({"command": command, "args": args, "env": env, "exposure": "direct"})
        }
        McpServer::Http { url, headers } => json!({"url": url, "headers": headers, "exposure": "direct"}),
    };
    let servers: serde_json::Map<String, Value> = session
        .mcp
        .iter()
        .map(|(name, of)| (name.as_str().to_owned(), server(of)))
        .collect();
    json!({"mcpServers": servers})
}

fn system_prompt_path(directory: &SandboxPath) -> SandboxPath {
    directory.join(&RelativePath::of("codecourier-system-prompt.md"))
}
