//! `docs/agents.md`, made of what the adapters say and of what the suite proves.
//!
//! `cargo xtask codegen` writes the page; a test compares. Invariant: nothing stands on it that is only claimed: versions,
//! commands and variables are the adapters' own, rows are judged by the suite, and so is what is asked beside the model.

use std::fmt::Write as _;

use codecourier_agents::{Agent, adapter};
use codecourier_domain::agent::AgentKind;
use codecourier_domain::model_route::{default_model, providers};

use super::{AGENTS, Behaviour, Expected, expected};
use crate::compare::{Fault, any_session};

/// What an agent asks of the gateway beside the model's answers to its own work: method and path.
#[must_use]
pub const fn background_requests(agent: AgentKind) -> &'static [&'static str] {
    match agent {
        AgentKind::Claude | AgentKind::Codex | AgentKind::Opencode | AgentKind::Pi | AgentKind::Acp => &[],
    }
}

/// The names that an agent looks up: no way leads there, and it goes on without.
#[must_use]
pub const fn names_looked_up(agent: AgentKind) -> &'static [&'static str] {
    match agent {
        AgentKind::Opencode => &["registry.npmjs.org"],
        AgentKind::Claude | AgentKind::Codex | AgentKind::Pi | AgentKind::Acp => &[],
    }
}

/// What is worth knowing of an agent and in no row: what was switched off, and what remains.
const fn remarks(agent: AgentKind) -> &'static [&'static str] {
    match agent {
        AgentKind::Claude => &[
            "Off: telemetry, update checks and feature flags (`CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC`), background tasks, \
             cron, its own memory, and tools that would outlive the turn. Hooks, settings and MCP servers of the repository \
             are not read.",
            "Remains: after a stream that broke off it may ask once more without streaming, which is metered like any \
             request.",
        ],
        AgentKind::Codex => &[
            "Off: analytics, plugins, connectors, update checks, hooks, goals and sub-agents. Settings of the repository are \
             not read.",
            "Remains: it writes its own skills (1.2 MB) into its directory in the sandbox.",
        ],
        AgentKind::Opencode => &[
            "Off: updates, the list of models from the network, downloads of language servers, default plugins, sharing, the \
             request for a title. Configuration of the repository is not read; its `AGENTS.md` and `CLAUDE.md` are.",
            "Remains: a start takes about four seconds and 600 MB of memory, and asks for the npm registry to install the \
             package for plugins, which no switch turns off; there is no way there, and nothing waits for it.",
            "Beware: it waits two minutes for a command that itself died by a signal, and then takes it for one that did well.",
        ],
        AgentKind::Pi => &[
            "Off: telemetry and every request of its own (`PI_OFFLINE`). Settings, skills and extensions of the repository are \
             not read.",
            "Remains: it knows the prices of no model here; what a request costs is the gateway's word, as with every agent.",
        ],
        AgentKind::Acp => &[],
    }
}

/// The name that people know.
const fn name(agent: AgentKind) -> &'static str {
    match agent {
        AgentKind::Claude => "Claude Code",
        AgentKind::Codex => "Codex",
        AgentKind::Opencode => "OpenCode",
        AgentKind::Pi => "Pi",
        AgentKind::Acp => "any ACP agent",
    }
}

const fn interface(agent: AgentKind) -> &'static str {
    match agent {
        AgentKind::Claude => "stream-json on its standard streams",
        AgentKind::Codex => "its app server: JSON-RPC on its standard streams",
        AgentKind::Opencode | AgentKind::Acp => "the Agent Client Protocol on its standard streams",
        AgentKind::Pi => "its RPC mode: JSON on its standard streams",
    }
}

/// The whole page.
pub fn page() -> Result<String, Fault> {
    let mut page = String::from(
        "# Agents\n\n<!-- Made by `cargo xtask codegen`; the rows are judged by tests/it/tests/it/conformance. -->\n\n\
         Four coding agents ship, each as the unmodified CLI of its maker, pinned by version and integrity. What a row \
         says is tested: by the real CLI, in a real sandbox, behind the gateway, against a model with a script. A row \
         that says no says why, and its test fails on the day it works.\n\n",
    );
    page.push_str("## At a glance\n\n| | ");
    let names: Vec<&str> = AGENTS.into_iter().map(name).collect();
    writeln!(page, "{} |\n|---|{}", names.join(" | "), "---|".repeat(AGENTS.len()))?;
    row(&mut page, "name in data and API", |agent| Ok(format!("`{agent}`")))?;
    row(&mut page, "version", |agent| {
        Ok(the(agent)?.tested_version().to_owned())
    })?;
    row(&mut page, "interface", |agent| Ok(interface(agent).to_owned()))?;
    row(&mut page, "models of", |agent| {
        let spoken = providers(agent).iter().map(ToString::to_string);
        Ok(spoken.collect::<Vec<_>>().join(", "))
    })?;
    row(&mut page, "model unless another is named", |agent| {
        Ok(format!("`{}`", default_model(agent)))
    })?;
    page.push_str("\n## What each can do\n\n");
    let mut lacks = Vec::new();
    writeln!(
        page,
        "| | {} |\n|---|{}",
        names.join(" | "),
        "---|".repeat(AGENTS.len())
    )?;
    for behaviour in Behaviour::ALL {
        row(&mut page, behaviour.words(), |agent| {
            Ok(match expected(agent, *behaviour) {
                Expected::Works => "yes".to_owned(),
                Expected::Lacks(why) => {
                    lacks.push(format!(
                        "{}, \u{201c}{}\u{201d}: {why}.",
                        name(agent),
                        behaviour.words()
                    ));
                    format!("no ({})", lacks.len())
                }
            })
        })?;
    }
    page.push('\n');
    for (number, why) in lacks.iter().enumerate() {
        writeln!(page, "{}. {why}", number + 1)?;
    }
    page.push_str(
        "\nAny agent as designer works with any agent as checker: all sixteen pairs run the same workflow in the tests, and \
         the tokens and the cost in the books are those that the model stated, to the token.\n\n\
         ## How each is started\n\nThe prompt goes in by standard input, never by the command line. Where a key belongs, \
         each gets the token of its own step, which is good at the gateway only.\n\n",
    );
    for agent in AGENTS {
        start(&mut page, agent)?;
    }
    page.push_str(
        "## What leaves a sandbox\n\nOnly requests to the gateway: there is no other network. The tests watch each CLI \
         from its start through two turns, with a name server in the sandbox and the kernel's count of connections that \
         had no way: none tries an address, and the names are these.\n\n\
         | | asks the gateway beside its model's answers | looks up |\n|---|---|---|\n",
    );
    for agent in AGENTS {
        let [requests, names] = [background_requests(agent), names_looked_up(agent)].map(listed);
        writeln!(page, "| {} | {requests} | {names} |", name(agent))?;
    }
    Ok(page)
}

fn listed(words: &[&str]) -> String {
    if words.is_empty() {
        return "nothing".to_owned();
    }
    let words = words.iter().map(|word| format!("`{word}`"));
    words.collect::<Vec<_>>().join(", ")
}

fn start(page: &mut String, agent: AgentKind) -> Result<(), Fault> {
    let launch = the(agent)?.launch(&any_session()?);
    writeln!(page, "### {}\n\n```\n{}\n```\n", name(agent), launch.command.join(" "))?;
    let variables = launch.env.iter().map(|(name, value)| match value.as_str() {
        "none" => format!("`{name}` (the step's token)"),
        "" => format!("`{name}` (the gateway)"),
        value => format!("`{name}={value}`"),
    });
    writeln!(page, "Environment: {}.\n", variables.collect::<Vec<_>>().join(", "))?;
    let files: Vec<String> = launch
        .files
        .iter()
        .map(|file| format!("`{}`", file.path.as_str()))
        .collect();
    if !files.is_empty() {
        writeln!(page, "Files: {}.\n", files.join(", "))?;
    }
    for remark in remarks(agent) {
        writeln!(page, "- {remark}")?;
    }
    page.push('\n');
    Ok(())
}

fn row(page: &mut String, title: &str, mut cell: impl FnMut(AgentKind) -> Result<String, Fault>) -> Result<(), Fault> {
    write!(page, "| {title} |")?;
    for agent in AGENTS {
        write!(page, " {} |", cell(agent)?)?;
    }
    page.push('\n');
    Ok(())
}

fn the(agent: AgentKind) -> Result<Box<dyn Agent>, Fault> {
    adapter(agent).ok_or_else(|| format!("no adapter for {agent}").into())
}
