//! What the adapter wants written, started and sent.

use std::collections::{BTreeMap, HashSet};

use codecourier_agents::agent::{Ending, adapter};
use codecourier_agents::claude::Claude;
use codecourier_agents::session::{
    Executable, Image, ImageType, Knowledge, McpServer, Prompt, SessionStart, Skill, SkillFile,
};
use codecourier_agents::{Agent, Launch, SessionHandle, SessionSpec};
use codecourier_domain::agent::AgentKind;
use serde_json::{Value, json};

use crate::session::session_of;

fn session() -> SessionSpec {
    session_of(AgentKind::Claude)
}

fn handle() -> SessionHandle {
    SessionHandle::of(&session().session)
}

fn launch(session: &SessionSpec) -> Launch {
    Claude::default().launch(session)
}

fn file(launch: &Launch, path: &str) -> String {
    let file = launch.files.iter().find(|file| file.path.as_str() == path).unwrap();
    String::from_utf8(file.contents.clone()).unwrap()
}

fn value<'a>(launch: &'a Launch, name: &str) -> Option<&'a str> {
    launch
        .env
        .iter()
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.as_str())
}

#[test]
fn the_command_line_of_a_new_session() {
    insta::assert_snapshot!(launch(&session()).command.join("\n"), @r"
    /usr/local/bin/claude
    --print
    --input-format
    stream-json
    --output-format
    stream-json
    --verbose
    --include-partial-messages
    --dangerously-skip-permissions
    --setting-sources
    user
    --strict-mcp-config
    --mcp-config=/home/user/.claude/codecourier-mcp.json
    --disallowed-tools=ScheduleWakeup,Monitor,Workflow,EnterWorktree,ExitWorktree
    --model
    claude-opus-5-5
    --effort
    high
    --session-id
    11111111-1111-4111-8111-111111111111
    --max-turns
    80
    --append-system-prompt-file=/home/user/.claude/codecourier-system-prompt.md
    ");
}

#[test]
fn a_resumed_session_names_the_one_that_exists() {
    let resumed = SessionSpec {
        start: SessionStart::Resume(handle()),
        ..session()
    };
    let command = launch(&resumed).command;
    assert!(
        command
            .windows(2)
            .any(|pair| pair == ["--resume", "11111111-1111-4111-8111-111111111111"])
    );
    assert!(!command.contains(&"--session-id".to_owned()));
}

#[test]
fn what_is_not_asked_for_is_left_to_the_agent() {
    let plain = SessionSpec {
        effort: None,
        system_prompt: None,
        max_turns: None,
        ..session()
    };
    let command = launch(&plain).command.join(" ");
    for flag in ["--effort", "--append-system-prompt", "--max-turns"] {
        assert!(!command.contains(flag), "{flag}");
    }
}

#[test]
fn neither_prompt_nor_token_is_on_the_command_line() {
    let command = launch(&session()).command.join(" ");
    assert!(!command.contains("Fix the bug") && !command.contains("You are") && !command.contains("cc_step_secret"));
}

#[test]
fn the_prompt_is_one_line_on_standard_input() {
    let input = launch(&session()).initial_input;
    assert_eq!(input.iter().filter(|byte| **byte == b'\n').count(), 1);
    assert_eq!(input.last(), Some(&b'\n'));
    let line: Value = serde_json::from_slice(&input).unwrap();
    let expected = json!({"type": "user", "message": {"role": "user", "content": "Fix the bug.\nThen \"test\" it."}});
    assert_eq!(line, expected);
}

#[test]
fn pictures_come_before_the_text() {
    let image = Image {
        media_type: ImageType::Png,
        base64: "iVBORw0KGgo=".to_owned(),
    };
    let line = Claude::default().user_message(
        &handle(),
        &Prompt {
            text: "What is this?".to_owned(),
            images: vec![image],
        },
        "message-1",
    );
    let line: Value = serde_json::from_slice(&line).unwrap();
    let source = json!({"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="});
    let expected = json!([{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]);
    assert_eq!(line["message"]["content"], expected);
}

#[test]
fn an_interruption_is_a_control_request_of_that_id() {
    let line: Value = serde_json::from_slice(&Claude::default().interrupt(&handle(), "stop-1").unwrap()).unwrap();
    let expected = json!({"type": "control_request", "request_id": "stop-1", "request": {"subtype": "interrupt"}});
    assert_eq!(line, expected);
}

#[test]
fn the_model_is_reached_by_the_gateway_alone() {
    let mut session = session();
    for name in [
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_AUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
        "HOME",
        "HTTPS_PROXY",
    ] {
        session.env.insert(name.parse().unwrap(), "elsewhere".to_owned());
    }
    session
        .env
        .insert("DATABASE_URL".parse().unwrap(), "postgres://".to_owned());
    let launch = launch(&session);
    assert_eq!(
        value(&launch, "ANTHROPIC_BASE_URL"),
        Some("http://127.0.0.1:4180/gateway/anthropic")
    );
    assert_eq!(value(&launch, "ANTHROPIC_API_KEY"), Some("cc_step_secret"));
    assert_eq!(value(&launch, "HOME"), Some("/home/user"));
    assert_eq!(value(&launch, "DATABASE_URL"), Some("postgres://"));
    assert!(launch.env.iter().all(|(_, value)| value != "elsewhere"));
    let names: HashSet<&String> = launch.env.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), launch.env.len(), "a name is there twice");
}

#[test]
fn the_switches_of_the_cli() {
    let launch = launch(&session());
    for (name, expected) in [
        ("IS_SANDBOX", "1"),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "1"),
        ("CLAUDE_CODE_MAX_RETRIES", "7"),
    ] {
        assert_eq!(value(&launch, name), Some(expected), "{name}");
    }
}

#[test]
fn nothing_is_written_into_the_repository() {
    let mut session = session();
    session.knowledge = knowledge();
    for file in launch(&session).files {
        assert!(file.path.as_str().starts_with("/home/user/.claude/"), "{}", file.path);
    }
}

fn knowledge() -> Knowledge {
    let skill = Skill {
        files: BTreeMap::from([
            (
                "SKILL.md".parse().unwrap(),
                SkillFile {
                    contents: b"---\nname: review\n---\n".to_vec(),
                    executable: Executable::No,
                },
            ),
            (
                "scripts/run.sh".parse().unwrap(),
                SkillFile {
                    contents: b"#!/bin/sh\n".to_vec(),
                    executable: Executable::Yes,
                },
            ),
        ]),
    };
    Knowledge {
        instructions: Some("Keep changes small.".to_owned()),
        skills: BTreeMap::from([("review".parse().unwrap(), skill)]),
        commands: BTreeMap::from([("ship".parse().unwrap(), "Ship $ARGUMENTS".to_owned())]),
    }
}

#[test]
fn instructions_skills_and_commands_are_where_the_agent_looks() {
    let session = SessionSpec {
        knowledge: knowledge(),
        ..session()
    };
    let launch = launch(&session);
    let files: Vec<String> = launch
        .files
        .iter()
        .map(|file| format!("{:o} {}", file.mode, file.path))
        .collect();
    insta::assert_snapshot!(files.join("\n"), @r"
    644 /home/user/.claude/CLAUDE.md
    644 /home/user/.claude/settings.json
    644 /home/user/.claude/skills/review/SKILL.md
    755 /home/user/.claude/skills/review/scripts/run.sh
    644 /home/user/.claude/commands/ship.md
    600 /home/user/.claude/codecourier-mcp.json
    644 /home/user/.claude/codecourier-system-prompt.md
    ");
    insta::assert_snapshot!(file(&launch, "/home/user/.claude/CLAUDE.md"), @r"
    Keep changes small.

    @/home/user/project/CLAUDE.md
    @/home/user/project/AGENTS.md
    ");
    assert_eq!(
        file(&launch, "/home/user/.claude/codecourier-system-prompt.md"),
        "--You are the designer."
    );
}

#[test]
fn mcp_servers_are_the_runs_own_and_none_is_an_empty_list() {
    let path = "/home/user/.claude/codecourier-mcp.json";
    assert_eq!(file(&launch(&session()), path), r#"{"mcpServers":{}}"#);
    let mut with_servers = session();
    with_servers.mcp.insert(
        "platform".parse().unwrap(),
        McpServer::Stdio {
            command: "/usr/bin/tool".to_owned(),
            args: vec!["serve".to_owned()],
            env: BTreeMap::from([("MODE".parse().unwrap(), "x".to_owned())]),
        },
    );
    let written: Value = serde_json::from_str(&file(&launch(&with_servers), path)).unwrap();
    let server = json!({"type": "stdio", "command": "/usr/bin/tool", "args": ["serve"], "env": {"MODE": "x"}});
    assert_eq!(written, json!({"mcpServers": {"platform": server}}));
}

#[test]
fn debug_output_of_a_launch_shows_no_secret() {
    let shown = format!("{:?}", launch(&session()));
    assert!(shown.contains("ANTHROPIC_API_KEY") && !shown.contains("cc_step_secret") && !shown.contains("Fix the bug"));
}

#[test]
fn agents_without_an_adapter_are_told_apart_from_those_with_one() {
    let claude = adapter(AgentKind::Claude).unwrap();
    let pinned = codecourier_domain::agent_pin::CLAUDE.version;
    assert_eq!((claude.kind(), claude.tested_version()), (AgentKind::Claude, pinned));
    assert_eq!(claude.ending(), Ending::CloseInput);
    assert!(adapter(AgentKind::Acp).is_none(), "no setting names its command yet");
}
