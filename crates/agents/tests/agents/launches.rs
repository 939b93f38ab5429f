//! What the adapters of Codex, OpenCode and Pi want written, started and sent.

use std::collections::{BTreeMap, HashSet};

use codecourier_agents::session::{
    Executable, Image, ImageType, Knowledge, McpServer, Prompt, SessionHandle, SessionStart, Skill, SkillFile,
};
use codecourier_agents::{Launch, SessionSpec, adapter};
use codecourier_domain::agent::AgentKind;
use codecourier_domain::model_route;
use serde_json::Value;

use crate::session::session_of;

const AGENTS: [AgentKind; 3] = [AgentKind::Codex, AgentKind::Opencode, AgentKind::Pi];

/// A session with everything.
fn full(agent: AgentKind) -> SessionSpec {
    let skill = Skill {
        files: BTreeMap::from([(
            "SKILL.md".parse().unwrap(),
            SkillFile {
                contents: b"---\nname: review\n---\n".to_vec(),
                executable: Executable::No,
            },
        )]),
    };
    let server = McpServer::Stdio {
        command: "/usr/bin/tool".to_owned(),
        args: vec!["serve".to_owned()],
        env: BTreeMap::from([("MODE".parse().unwrap(), "x\"y".to_owned())]),
    };
    SessionSpec {
        knowledge: Knowledge {
            instructions: Some("Keep changes small.".to_owned()),
            skills: BTreeMap::from([("review".parse().unwrap(), skill)]),
            commands: BTreeMap::from([("ship".parse().unwrap(), "Ship $ARGUMENTS".to_owned())]),
        },
        mcp: BTreeMap::from([("platform".parse().unwrap(), server)]),
        ..session_of(agent)
    }
}

fn launch(session: &SessionSpec, agent: AgentKind) -> Launch {
    adapter(agent).unwrap().launch(session)
}

/// The same with another model.
fn with_model(agent: AgentKind, model: &str) -> SessionSpec {
    let route = model_route::route(agent, &model.parse().unwrap()).unwrap();
    let mut session = full(agent);
    session.model = route.name;
    session.gateway.provider = route.provider;
    session.gateway.base_url = format!("http://127.0.0.1:4180/gateway/{}", route.provider);
    session
}

fn file(launch: &Launch, path: &str) -> String {
    let file = launch.files.iter().find(|file| file.path.as_str() == path);
    String::from_utf8(file.unwrap_or_else(|| panic!("no {path}")).contents.clone()).unwrap()
}

/// Everything that a launch is, to be read in review.
#[test]
fn what_is_written_started_and_sent() {
    for agent in AGENTS {
        let launch = launch(&full(agent), agent);
        let mut shown = vec![launch.command.join(" ")];
        shown.extend(launch.env.iter().map(|(name, value)| format!("{name}={value}")));
        for file in &launch.files {
            let contents = String::from_utf8_lossy(&file.contents);
            shown.push(format!("--- {:o} {}\n{contents}", file.mode, file.path));
        }
        shown.push(format!("--- input\n{}", String::from_utf8_lossy(&launch.initial_input)));
        insta::with_settings!({snapshot_suffix => agent.as_str(), prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!("launch", shown.join("\n"));
        });
    }
}

#[test]
fn neither_prompt_nor_token_nor_rules_are_on_the_command_line() {
    for agent in AGENTS {
        let command = launch(&full(agent), agent).command.join(" ");
        for secret in ["Fix the bug", "You are", "cc_step_secret"] {
            assert!(!command.contains(secret), "{agent}: {secret}");
        }
    }
}

#[test]
fn the_token_is_in_the_environment_alone() {
    for agent in AGENTS {
        let launch = launch(&full(agent), agent);
        assert_eq!(
            launch.env.iter().filter(|(_, value)| value == "cc_step_secret").count(),
            1,
            "{agent}"
        );
        for file in &launch.files {
            let contents = String::from_utf8_lossy(&file.contents);
            assert!(!contents.contains("cc_step_secret"), "{agent}: {}", file.path);
        }
    }
}

#[test]
fn nothing_is_written_into_the_repository() {
    for agent in AGENTS {
        for file in launch(&full(agent), agent).files {
            assert!(
                !file.path.as_str().starts_with("/home/user/project"),
                "{agent}: {}",
                file.path
            );
        }
    }
}

#[test]
fn the_projects_environment_cannot_lead_past_the_gateway() {
    for agent in AGENTS {
        let mut session = full(agent);
        for name in [
            "HOME",
            "HTTPS_PROXY",
            "CODEX_HOME",
            "CODEX_GATEWAY_TOKEN",
            "OPENCODE_CONFIG_CONTENT",
            "OPENCODE_GATEWAY_TOKEN",
            "PI_CODING_AGENT_DIR",
            "PI_GATEWAY_TOKEN",
        ] {
            session.env.insert(name.parse().unwrap(), "elsewhere".to_owned());
        }
        session
            .env
            .insert("DATABASE_URL".parse().unwrap(), "postgres://".to_owned());
        let launch = launch(&session, agent);
        let own = match agent {
            AgentKind::Codex => "CODEX_",
            AgentKind::Opencode => "OPENCODE_",
            _ => "PI_",
        };
        let hostile = |(name, value): &&(String, String)| {
            value == "elsewhere" && (name.starts_with(own) || name == "HOME" || name.ends_with("PROXY"))
        };
        assert_eq!(launch.env.iter().find(hostile), None, "{agent}");
        assert!(launch.env.iter().any(|(name, _)| name == "DATABASE_URL"), "{agent}");
        let names: HashSet<&String> = launch.env.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), launch.env.len(), "{agent}: a name is there twice");
    }
}

#[test]
fn each_provider_is_reached_by_its_own_interface() {
    let pi = |model: &str| {
        let launch = launch(&with_model(AgentKind::Pi, model), AgentKind::Pi);
        let models: Value = serde_json::from_str(&file(&launch, "/home/user/.pi/agent/models.json")).unwrap();
        let gateway = &models["providers"]["gateway"];
        let words = ["api", "baseUrl"].map(|name| gateway[name].as_str().unwrap().to_owned());
        (words.join(" "), gateway["models"][0]["id"].as_str().unwrap().to_owned())
    };
    let at = |path: &str| format!("http://127.0.0.1:4180/gateway/{path}");
    assert_eq!(
        pi("claude-opus-5-5"),
        (
            format!("anthropic-messages {}", at("anthropic")),
            "claude-opus-5-5".to_owned()
        )
    );
    assert_eq!(
        pi("openai/gpt-5.5"),
        (format!("openai-responses {}", at("openai/v1")), "gpt-5.5".to_owned())
    );
    assert_eq!(
        pi("z/some"),
        (
            format!("openai-completions {}", at("openrouter/api/v1")),
            "z/some".to_owned()
        )
    );

    let opencode = |model: &str| {
        let launch = launch(&with_model(AgentKind::Opencode, model), AgentKind::Opencode);
        let path = "/home/user/.config/opencode/opencode.json";
        let config: Value = serde_json::from_str(&file(&launch, path)).unwrap();
        let provider = config["enabled_providers"][0].as_str().unwrap();
        let base = config["provider"][provider]["options"]["baseURL"].as_str().unwrap();
        format!("{} {base}", config["model"].as_str().unwrap())
    };
    assert_eq!(
        opencode("claude-opus-5-5"),
        format!("anthropic/claude-opus-5-5 {}", at("anthropic/v1"))
    );
    assert_eq!(opencode("gpt-5.5"), format!("openai/gpt-5.5 {}", at("openai/v1")));
    assert_eq!(
        opencode("z/some"),
        format!("openrouter/z/some {}", at("openrouter/api/v1"))
    );
}

#[test]
fn codex_takes_up_a_conversation_by_its_own_name_for_it() {
    let mut session = full(AgentKind::Codex);
    session.start = SessionStart::Resume(SessionHandle {
        session: "the-thread".to_owned(),
        turn: None,
    });
    let input = String::from_utf8(launch(&session, AgentKind::Codex).initial_input).unwrap();
    let thread: Value = serde_json::from_str(input.lines().last().unwrap()).unwrap();
    assert_eq!(thread["method"], "thread/resume");
    assert_eq!(thread["params"]["threadId"], "the-thread");
}

#[test]
fn further_messages_and_interruptions() {
    let handle = SessionHandle {
        session: "s".to_owned(),
        turn: Some("t".to_owned()),
    };
    let prompt = Prompt {
        text: "More.".to_owned(),
        images: vec![Image {
            media_type: ImageType::Png,
            base64: "iVBORw0KGgo=".to_owned(),
        }],
    };
    let line = |bytes: Vec<u8>| -> Value { serde_json::from_slice(&bytes).unwrap() };
    let codex = adapter(AgentKind::Codex).unwrap();
    let message = line(codex.user_message(&handle, &prompt, "m"));
    assert_eq!(message["params"]["threadId"], "s");
    assert_eq!(
        message["params"]["input"][0]["url"],
        "data:image/png;base64,iVBORw0KGgo="
    );
    assert_eq!(message["params"]["input"][1]["text"], "More.");
    let stop = line(codex.interrupt(&handle, "i").unwrap());
    assert_eq!(stop["params"], serde_json::json!({"threadId": "s", "turnId": "t"}));
    let waits = SessionHandle {
        turn: None,
        ..handle.clone()
    };
    assert_eq!(codex.interrupt(&waits, "i"), None, "there is no turn to interrupt");

    let pi = adapter(AgentKind::Pi).unwrap();
    let message = line(pi.user_message(&handle, &prompt, "m"));
    assert_eq!(message["message"], "More.");
    assert_eq!(message["images"][0]["mimeType"], "image/png");
    assert_eq!(message["streamingBehavior"], "steer");
    assert_eq!(line(pi.interrupt(&handle, "i").unwrap())["type"], "abort");
}
