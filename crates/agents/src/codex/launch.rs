//! The command line, environment and files of a Codex session.

use serde_json::{Value, json};

use super::protocol;
use crate::common::{environment, file, private_file, skills, words};
use crate::launch::{FileToWrite, Launch};
use crate::path::{RelativePath, SandboxPath};
use crate::session::{McpServer, SessionSpec};

/// The environment variable that holds the step's token.
const TOKEN: &str = "CODEX_GATEWAY_TOKEN";

/// What is the same for every session. Retries: the waits double from 0.2 s, so that seven outlast a gateway that is away
/// for half a minute; without the last switch it would wait for the network for ever.
///
/// Switched off: telemetry, plugins, connectors and update checks, which leave the sandbox; hooks, which a repository
/// could bring; goals, which go on with a turn that has ended; sub-agents, whose lines cannot be told from its own.
const SETTINGS: &str = r#"model_provider = "gateway"
model_reasoning_summary = "auto"
check_for_update_on_startup = false
project_doc_fallback_filenames = ["CLAUDE.md"]

[agents]
enabled = false

[analytics]
enabled = false

[features]
apps = false
goals = false
hooks = false
plugins = false
remote_plugin = false
skill_mcp_dependency_install = false
tool_suggest = false
unbounded_connection_retries = false
"#;

pub(super) fn launch(program: &str, session: &SessionSpec) -> Launch {
    let directory = session.home.join(&RelativePath::of(".codex"));
    Launch {
        files: files(&directory, session),
        command: words(&[program, "app-server"]),
        env: environment(
            session,
            [
                ("CODEX_HOME", directory.to_string()),
                (TOKEN, session.gateway.token.reveal().to_owned()),
            ],
            |name| name.starts_with("CODEX_") || name.starts_with("OPENAI_"),
        ),
        directory: session.workspace.clone(),
        initial_input: protocol::opening(session),
    }
}

fn files(directory: &SandboxPath, session: &SessionSpec) -> Vec<FileToWrite> {
    let config = directory.join(&RelativePath::of("config.toml"));
    let mut files = vec![private_file(config, settings(session))];
    if let Some(instructions) = &session.knowledge.instructions {
        let path = directory.join(&RelativePath::of("AGENTS.md"));
        files.push(file(path, instructions.clone()));
    }
    files.extend(skills(directory, session));
    files
}

fn settings(session: &SessionSpec) -> String {
    let base_url = format!("{}/v1", session.gateway.base_url);
    let mut settings = format!(
        "{SETTINGS}\n[model_providers.gateway]\nname = \"gateway\"\nbase_url = {}\nenv_key = {}\nwire_api = \
         \"responses\"\nstream_max_retries = 7\n",
        toml(&json!(base_url)),
        toml(&json!(TOKEN)),
    );
    for (name, server) in &session.mcp {
        settings.push_str(&format!("\n[mcp_servers.{}]\n", toml(&json!(name.as_str()))));
        let table = |values: &std::collections::BTreeMap<String, String>| {
            let pairs = values
                .iter()
                .map(|(key, value)| format!("{} = {}", toml(&json!(key)), toml(&json!(value))));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        };
        match server {
            McpServer::Stdio { command, args, env } => {
                let env = env.iter().map(|(key, value)| (key.as_str().to_owned(), value.clone()));
                settings.push_str(&format!(
                    "command = {}\nargs = {}\nenv = {}\n",
                    toml(&json!(command)),
                    toml(&json!(args)),
                    table(&env.collect())
                ));
            }
            McpServer::Http { url, headers } => {
                settings.push_str(&format!(
                    "url = {}\nhttp_headers = {}\n",
                    toml(&json!(url)),
                    table(headers)
                ));
            }
        }
    }
    settings
}

/// A text or a list of texts in TOML: as in JSON, but for the one character that TOML wants escaped and JSON does not.
fn toml(value: &Value) -> String {
    value.to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_can_never_leave_its_quotes() {
        assert_eq!(toml(&json!("a\"\n[x]\u{7f}\\")), r#""a\"\n[x]\u007f\\""#);
        assert_eq!(toml(&json!(["a", "b\""])), r#"["a","b\""]"#);
    }
}
