//! The Agent Client Protocol with agents that are not OpenCode: what they say is written by hand, after the protocol.

use codecourier_agents::acp::Acp;
use codecourier_agents::session::{Prompt, SessionHandle, SessionStart};
use codecourier_agents::{Agent as _, ParsedLine, SessionSpec};
use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::{Event, FileChange, PermissionAnswer, PlanStatus, TurnOutcome};
use serde_json::{Value, json};

use crate::session::session_of;

fn agent() -> Acp {
    let words = vec!["/usr/bin/some-agent".to_owned(), "--acp".to_owned()];
    Acp::with_command(words.try_into().unwrap())
}

fn session() -> SessionSpec {
    session_of(AgentKind::Acp)
}

fn resumed() -> SessionSpec {
    SessionSpec {
        start: SessionStart::Resume(handle()),
        ..session()
    }
}

fn handle() -> SessionHandle {
    SessionHandle {
        session: "s1".to_owned(),
        turn: None,
    }
}

fn read(session: &SessionSpec, lines: &[Value]) -> Vec<ParsedLine> {
    let mut parser = agent().parser(session);
    let bytes: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let mut parsed = parser.feed(bytes.as_bytes());
    parsed.extend(parser.finish());
    parsed
}

fn events(lines: &[Value]) -> Vec<Event> {
    read(&session(), lines)
        .into_iter()
        .flat_map(|line| line.events)
        .collect()
}

fn replies(lines: &[ParsedLine]) -> Vec<Value> {
    let replies = lines.iter().flat_map(|line| &line.replies);
    replies
        .map(|reply| serde_json::from_slice(&reply.bytes).unwrap())
        .collect()
}

fn answer(id: &str, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

fn update(update: &Value) -> Value {
    json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "s1", "update": update}})
}

#[test]
fn it_is_started_by_its_command_with_the_gateway_in_the_providers_variables() {
    let launch = agent().launch(&session());
    assert_eq!(launch.command, ["/usr/bin/some-agent", "--acp"]);
    let value = |name: &str| {
        let found = launch.env.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(
        value("ANTHROPIC_BASE_URL"),
        Some("http://127.0.0.1:4180/gateway/anthropic")
    );
    assert_eq!(value("ANTHROPIC_API_KEY"), Some("cc_step_secret"));
    let first: Value = serde_json::from_slice(&launch.initial_input).unwrap();
    assert_eq!(first["method"], "initialize");
    assert_eq!(first["params"]["protocolVersion"], 1);
}

#[test]
fn the_handshake_goes_from_answer_to_answer() {
    let options = |model: &str, effort: &str| {
        json!({"sessionId": "s1", "configOptions": [
            {"id": "model", "category": "model", "currentValue": model,
             "options": [{"value": "small"}, {"value": "claude-opus-5-5"}]},
            {"id": "effort", "category": "thought_level", "currentValue": effort,
             "options": [{"value": "low"}, {"value": "high"}]},
        ]})
    };
    let lines = read(
        &session(),
        &[
            answer(
                "initialize",
                &json!({"protocolVersion": 1, "agentInfo": {"version": "3.2"}}),
            ),
            answer("session:3.2", &options("small", "low")),
            answer("model:s1", &options("claude-opus-5-5", "low")),
            answer("effort:s1", &options("claude-opus-5-5", "high")),
        ],
    );
    let replies = replies(&lines);
    let methods: Vec<&str> = replies.iter().map(|reply| reply["method"].as_str().unwrap()).collect();
    assert_eq!(
        methods,
        [
            "session/new",
            "session/set_config_option",
            "session/set_config_option",
            "session/prompt"
        ]
    );
    assert_eq!(
        replies[0]["params"],
        json!({"cwd": "/home/user/project", "mcpServers": []})
    );
    assert_eq!(replies[1]["params"]["value"], "claude-opus-5-5");
    assert_eq!(replies[2]["params"]["value"], "high");
    let prompt = &replies[3]["params"];
    assert_eq!(prompt["sessionId"], "s1");
    assert_eq!(prompt["prompt"][0]["text"], "--You are the designer.");
    assert_eq!(prompt["prompt"][1]["text"], "Fix the bug.\nThen \"test\" it.");
    assert_eq!(lines[1].handle, Some(handle()));
    let started = &lines[1].events[0];
    assert!(
        matches!(started, Event::SessionStarted { session, agent_version, .. } if session == "s1" && agent_version == "3.2")
    );
}

#[test]
fn an_agent_without_options_is_given_the_first_message_at_once() {
    let lines = read(&session(), &[answer("session:", &json!({"sessionId": "s1"}))]);
    assert_eq!(replies(&lines)[0]["method"], "session/prompt");
}

#[test]
fn an_agent_that_does_not_have_the_model_says_which_it_goes_on_with() {
    let result = json!({"sessionId": "s1", "configOptions": [
        {"id": "m", "category": "model", "currentValue": "other", "options": [{"value": "other"}]}]});
    let lines = read(&session(), &[answer("session:", &result)]);
    assert!(lines[0].events.contains(&Event::ModelChanged {
        model: "other".to_owned()
    }));
    assert_eq!(replies(&lines)[0]["method"], "session/prompt");
}

#[test]
fn a_session_is_resumed_where_that_can_be_done_and_else_loaded_without_telling_it_again() {
    let can_resume = json!({"agentCapabilities": {"loadSession": true, "sessionCapabilities": {"resume": {}}}});
    let lines = read(&resumed(), &[answer("initialize", &can_resume)]);
    assert_eq!(replies(&lines)[0]["method"], "session/resume");
    assert_eq!(replies(&lines)[0]["params"]["sessionId"], "s1");

    let old = json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "old"}});
    let new = json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "new"}});
    let lines = read(
        &resumed(),
        &[
            answer("initialize", &json!({"agentCapabilities": {"loadSession": true}})),
            update(&old),
            answer("session:", &json!({})),
            update(&new),
            answer("message:first", &json!({"stopReason": "end_turn"})),
        ],
    );
    assert_eq!(replies(&lines)[0]["method"], "session/load");
    let texts: Vec<String> = lines
        .iter()
        .flat_map(|line| &line.events)
        .filter_map(|event| match event {
            Event::Text { text, .. } => Some(text.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["new", "new"], "a piece, and the whole");

    let lines = read(&resumed(), &[answer("initialize", &json!({"agentCapabilities": {}}))]);
    assert!(matches!(
        &lines[0].events[..],
        [Event::TurnEnded {
            outcome: TurnOutcome::Crashed,
            ..
        }]
    ));
}

#[test]
fn a_question_for_permission_is_answered_with_an_option_that_allows() {
    let ask = |options: Value| {
        json!({"jsonrpc": "2.0", "id": 7, "method": "session/request_permission", "params": {
            "sessionId": "s1", "options": options,
            "toolCall": {"toolCallId": "t", "title": "Run", "rawInput": {"command": "ls"}}}})
    };
    let options = json!([{"optionId": "n", "kind": "reject_once"}, {"optionId": "y", "kind": "allow_once"}]);
    let lines = read(&session(), &[ask(options)]);
    assert_eq!(
        replies(&lines)[0],
        json!({"jsonrpc": "2.0", "id": 7, "result": {"outcome": {"outcome": "selected", "optionId": "y"}}})
    );
    assert_eq!(lines[0].events.len(), 2);

    let lines = read(&session(), &[ask(json!([{"optionId": "n", "kind": "reject_once"}]))]);
    assert_eq!(replies(&lines)[0]["result"]["outcome"]["outcome"], "cancelled");
    assert!(lines[0].events.iter().any(|event| matches!(
        event,
        Event::PermissionAnswered {
            answer: PermissionAnswer::Refused,
            ..
        }
    )));
}

#[test]
fn a_request_for_what_was_not_offered_is_refused() {
    let lines = read(
        &session(),
        &[json!({"jsonrpc": "2.0", "id": "a", "method": "fs/read_text_file", "params": {}})],
    );
    assert_eq!(replies(&lines)[0]["error"]["code"], -32_601);
    assert!(matches!(&lines[0].events[..], [Event::Unknown { .. }]));
}

#[test]
fn plans_diffs_and_whole_calls_are_told() {
    let found = events(&[
        update(&json!({"sessionUpdate": "plan", "entries": [
            {"content": "Look", "priority": "high", "status": "completed"},
            {"content": "Write", "priority": "low", "status": "in_progress"}]})),
        update(
            &json!({"sessionUpdate": "tool_call", "toolCallId": "1", "title": "Edit a", "status": "completed",
            "rawInput": {"path": "a"}, "content": [
                {"type": "content", "content": {"type": "text", "text": "edited"}},
                {"type": "diff", "path": "/home/user/project/a", "oldText": "x", "newText": "y"}]}),
        ),
        update(&json!({"sessionUpdate": "brand_new"})),
    ]);
    let Event::Plan { entries } = &found[0] else {
        panic!("{found:?}")
    };
    assert_eq!(entries[1].status, PlanStatus::InProgress);
    assert!(matches!(&found[1], Event::ToolCall { name, .. } if name == "Edit a"));
    assert!(matches!(&found[2], Event::ToolResult { output, succeeded: true, .. } if output == "edited"));
    assert!(matches!(
        &found[3],
        Event::FileChanged {
            change: FileChange::Modified,
            ..
        }
    ));
    assert!(matches!(&found[4], Event::Unknown { reason, .. } if reason == "unknown update `brand_new`"));
}

#[test]
fn usage_of_the_turn_and_its_last_words_are_in_its_end() {
    let found = events(&[
        update(&json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "All "}})),
        update(&json!({"sessionUpdate": "usage_update", "used": 5, "size": 10})),
        update(&json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "done."}})),
        answer(
            "message:first",
            &json!({"stopReason": "end_turn", "usage": {"inputTokens": 3, "outputTokens": 5, "cachedReadTokens": 7}}),
        ),
    ]);
    let kinds: Vec<&str> = found.iter().map(Event::kind).collect();
    assert_eq!(
        kinds,
        ["text", "text", "text", "context_used", "usage_reported", "turn_ended"]
    );
    assert!(matches!(found.last(), Some(Event::TurnEnded { final_text, .. }) if final_text == "All done."));
}

#[test]
fn further_messages_and_interruptions_name_the_session() {
    let message: Value =
        serde_json::from_slice(&agent().user_message(&handle(), &Prompt::text("More."), "ask-again-1")).unwrap();
    assert_eq!(message["id"], "message:ask-again-1");
    assert_eq!(message["params"]["sessionId"], "s1");
    let cancel: Value = serde_json::from_slice(&agent().interrupt(&handle(), "stop").unwrap()).unwrap();
    assert_eq!(
        cancel,
        json!({"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": "s1"}})
    );
}
