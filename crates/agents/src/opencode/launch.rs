//! The command line, environment and files of an OpenCode session.

use codecourier_domain::provider::ModelProvider;
use serde_json::{Value, json};

use crate::common::{commands, environment, file, private_file, skills, words};
use crate::launch::{FileToWrite, Launch};
use crate::path::{RelativePath, SandboxPath};
use crate::session::SessionSpec;

/// The environment variable that holds the step's token.
const TOKEN: &str = "OPENCODE_GATEWAY_TOKEN";

/// What leaves the sandbox for no model is off, and so is what the repository would configure.
const SWITCHES: [&str; 5] = [
    "OPENCODE_DISABLE_AUTOUPDATE",
    "OPENCODE_DISABLE_MODELS_FETCH",
    "OPENCODE_DISABLE_LSP_DOWNLOAD",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS",
    "OPENCODE_DISABLE_PROJECT_CONFIG",
];

pub(super) fn launch(program: &str, session: &SessionSpec) -> Launch {
    let directory = session.home.join(&RelativePath::of(".config/opencode"));
    let own = SWITCHES
        .map(|name| (name, "1".to_owned()))
        .into_iter()
        .chain([(TOKEN, session.gateway.token.reveal().to_owned())]);
    let is_reserved = |name: &str| {
        let others = ["ANTHROPIC_", "OPENAI_", "OPENROUTER_", "XDG_"];
        name.starts_with("OPENCODE_") || others.iter().any(|other| name.starts_with(other))
    };
    Launch {
        files: files(&directory, session),
        command: words(&[program, "acp"]),
        env: environment(session, own, is_reserved),
        directory: session.workspace.clone(),
        initial_input: crate::acp::opening(),
    }
}

fn files(directory: &SandboxPath, session: &SessionSpec) -> Vec<FileToWrite> {
    let at = |name| directory.join(&RelativePath::of(name));
    let mut files = vec![private_file(
        at("opencode.json"),
        config(directory, session).to_string(),
    )];
    if let Some(rules) = &session.system_prompt {
        files.push(file(rules_path(directory), rules.clone()));
    }
    if let Some(instructions) = &session.knowledge.instructions {
        files.push(file(at("AGENTS.md"), instructions.clone()));
    }
    files.extend(skills(directory, session));
    files.extend(commands(directory, "command", session));
    files
}

fn config(directory: &SandboxPath, session: &SessionSpec) -> Value {
    let (provider, version) = match session.gateway.provider {
        ModelProvider::Anthropic => ("anthropic", "v1"),
        ModelProvider::Openai => ("openai", "v1"),
        ModelProvider::Openrouter => ("openrouter", "api/v1"),
    };
    let model = format!("{provider}/{}", session.model);
    // The repository's own instructions are text that its people wrote for agents; with its configuration off they are
    // named here. A file that is not there is passed over.
    let mut instructions: Vec<String> = ["AGENTS.md", "CLAUDE.md"]
        .map(|name| format!("{}/{name}", session.workspace))
        .to_vec();
    if session.system_prompt.is_some() {
        instructions.push(rules_path(directory).to_string());
    }
    let name = session.model.as_str();
    json!({
        "$schema": "https://opencode.ai/config.json",
        "model": model,
        "small_model": model,
        "enabled_providers": [provider],
        "autoupdate": false,
        "share": "disabled",
        "permission": "allow",
        "instructions": instructions,
        // The title of a session that nobody lists would be one more request to the model.
        "agent": {"title": {"disable": true}},
        "provider": {provider: {
            "options": {
                "baseURL": format!("{}/{version}", session.gateway.base_url),
                "apiKey": format!("{{env:{TOKEN}}}"),
            },
            // Known models keep what is known of them; another one exists by this.
            "models": {name: {"name": name}},
        }},
    })
}

fn rules_path(directory: &SandboxPath) -> SandboxPath {
    directory.join(&RelativePath::of("codecourier-system-prompt.md"))
}
