//! `codecourier agents`: the coding agents, what each can do, and whether it can work here.

use std::collections::BTreeMap;

use clap::Args;
use codecourier_api::agents::agent as as_clients_see_it;
use codecourier_domain::agent::AgentKind;
use codecourier_domain::provider::ModelProvider;
use codecourier_engine::agents::{KeyPresence, Surroundings, describe, known_models};
use codecourier_wire::agents::{Agent, AgentCapabilities, KeyHolder};

use super::answer::{self, Listing};
use crate::client::place::{Place, PlaceChoice};
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::templates;
use crate::terminal::Tone;
use crate::watch::Output;

/// The arguments of `agents`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Show everything about one agent: claude, opencode, codex, pi or acp
    agent: Option<AgentKind>,
    #[command(flatten)]
    place: PlaceChoice,
}

/// Does it.
pub(crate) async fn agents(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let agents = match arguments.place.decide(config)? {
        Place::Remote(remote) => remote.client.get(&remote.path("/agents")).await?,
        Place::Local => of_this_machine(config)?,
    };
    let Some(one) = arguments.agent else {
        let listing = Listing {
            kind: "agent",
            nothing: "The server knows no agents.",
        };
        return Ok(listing.show(&agents, row, config, output));
    };
    let found = agents.into_iter().find(|agent| word(agent) == one.as_str());
    let agent = found.ok_or_else(|| Problem::usage(format!("The server does not know the agent `{one}`.")))?;
    Ok(answer::show("agent", &agent, rows(&agent), config, output))
}

/// The agents as a run on this machine finds them.
fn of_this_machine(config: &Config) -> Result<Vec<Agent>, Problem> {
    let keys = config.model_keys()?;
    let presence = |provider: ModelProvider| match keys.of(provider.into()) {
        Some(_) => KeyPresence::Server,
        None => KeyPresence::Missing,
    };
    let models = known_models(&config.gateway()?.prices);
    let acp = config.acp()?;
    let keys: BTreeMap<_, _> = ModelProvider::ALL
        .into_iter()
        .map(|provider| (provider, presence(provider)))
        .collect();
    let surroundings = Surroundings {
        acp: acp.as_ref(),
        keys,
        models: &models,
        version: &templates::version,
    };
    let all = AgentKind::ALL.into_iter();
    Ok(all
        .map(|agent| as_clients_see_it(describe(agent, &surroundings)))
        .collect())
}

fn row(agent: &Agent) -> Vec<(Tone, String)> {
    let state = match &agent.problem {
        None => (Tone::Good, "ready".to_owned()),
        Some(problem) => (Tone::Warning, problem.clone()),
    };
    vec![
        (Tone::Usable, word(agent)),
        (Tone::Plain, agent.name.clone()),
        (Tone::Quiet, agent.version.clone().unwrap_or_default()),
        (Tone::Plain, agent.default_model.clone()),
        state,
    ]
}

fn rows(agent: &Agent) -> Vec<Vec<(Tone, String)>> {
    let list = |words: Vec<String>| words.join(", ");
    let (can, cannot): (Vec<_>, Vec<_>) = abilities(&agent.capabilities).into_iter().partition(|(_, can)| *can);
    let names = |abilities: Vec<(&str, bool)>| list(abilities.into_iter().map(|(name, _)| name.to_owned()).collect());
    let providers = agent.providers.iter().map(|provider| {
        let key = match provider.key {
            KeyHolder::Project => "key of the project",
            KeyHolder::Server => "key present",
            KeyHolder::None => "no key",
        };
        format!("{} ({key})", json_word(&provider.provider))
    });
    let models = agent.models.iter().map(|model| model.name.clone());
    let mut rows = vec![
        answer::pair("agent", format!("{} ({})", agent.name, word(agent))),
        answer::pair("state", agent.problem.clone().unwrap_or_else(|| "ready".to_owned())),
        answer::pair("version", agent.version.clone().unwrap_or_else(|| "none".to_owned())),
        answer::pair("template", json_word(&agent.template)),
        answer::pair("default model", agent.default_model.clone()),
        answer::pair("providers", list(providers.collect())),
        answer::pair("efforts", list(agent.efforts.iter().map(json_word).collect())),
        answer::pair("can", names(can)),
        answer::pair("cannot", names(cannot)),
    ];
    rows.push(answer::pair("known models", list(models.collect())));
    rows
}

fn abilities(capabilities: &AgentCapabilities) -> Vec<(&'static str, bool)> {
    let AgentCapabilities {
        partial_text,
        thinking,
        steer,
        interrupt,
        follow_up,
        resume,
        turn_limit,
        mcp,
        skills,
        commands,
        images,
        sub_agents,
        cost,
    } = *capabilities;
    vec![
        ("stream its text", partial_text),
        ("show its thinking", thinking),
        ("be steered in a turn", steer),
        ("be interrupted", interrupt),
        ("take a follow-up", follow_up),
        ("resume", resume),
        ("limit its turns", turn_limit),
        ("use MCP servers", mcp),
        ("use skills", skills),
        ("use commands", commands),
        ("look at pictures", images),
        ("start sub-agents", sub_agents),
        ("state its cost", cost),
    ]
}

fn word(agent: &Agent) -> String {
    json_word(&agent.id)
}

/// The word that a value is in data.
fn json_word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
