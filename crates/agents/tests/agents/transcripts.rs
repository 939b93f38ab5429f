//! What the adapters of Codex, OpenCode and Pi make of transcripts that the real CLIs wrote. `testdata/README.md` says how
//! they were recorded.

use std::path::PathBuf;

use codecourier_agents::adapter;
use codecourier_agents::fuzz::check_parser;
use codecourier_agents::session::{SessionHandle, SessionStart};
use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::{Durability, Event, FileChange, ToolImage, TurnOutcome};
use codecourier_domain::verdict::{Verdict, VerdictResult};
use serde_json::json;

use crate::claude_transcripts::proved;
use crate::session::session_of;

const AGENTS: [AgentKind; 3] = [AgentKind::Codex, AgentKind::Opencode, AgentKind::Pi];

/// The transcripts of the newest version that was recorded, which may be older than the one that is pinned.
fn directory(agent: AgentKind) -> PathBuf {
    let testdata = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let versions = std::fs::read_dir(testdata.join(agent.as_str())).unwrap();
    let number = |path: &PathBuf| {
        let version = path.file_name().unwrap().to_str().unwrap();
        let parts = version.split('.').map(|part| part.parse::<u64>().unwrap());
        parts.collect::<Vec<_>>()
    };
    versions.map(|entry| entry.unwrap().path()).max_by_key(number).unwrap()
}

/// Every transcript of an agent, by name.
fn names(agent: AgentKind) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory(agent))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.strip_suffix(".jsonl").unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn transcript(agent: AgentKind, name: &str) -> Vec<u8> {
    std::fs::read(directory(agent).join(format!("{name}.jsonl"))).unwrap()
}

fn parsed(agent: AgentKind, name: &str) -> Vec<codecourier_agents::ParsedLine> {
    let mut session = session_of(agent);
    if name == "resume-2" || name == "resume-unknown" {
        session.start = SessionStart::Resume(SessionHandle {
            session: "the-one-before".to_owned(),
            turn: None,
        });
    }
    let mut parser = adapter(agent).unwrap().parser(&session);
    let mut lines = parser.feed(&transcript(agent, name));
    lines.extend(parser.finish());
    lines
}

fn events(agent: AgentKind, name: &str) -> Vec<Event> {
    parsed(agent, name).into_iter().flat_map(|line| line.events).collect()
}

fn kept(agent: AgentKind, name: &str) -> Vec<Event> {
    let durable = |event: &Event| event.durability() == Durability::Durable;
    events(agent, name).into_iter().filter(durable).collect()
}

/// Outcome, final text, error and status of every turn.
fn turns(agent: AgentKind, name: &str) -> Vec<(TurnOutcome, String, Option<String>, Option<u16>)> {
    let ended = |event| match event {
        Event::TurnEnded {
            outcome,
            final_text,
            error,
            status,
        } => Some((outcome, final_text, error, status)),
        _ => None,
    };
    kept(agent, name).into_iter().filter_map(ended).collect()
}

fn texts(agent: AgentKind, name: &str) -> Vec<String> {
    turns(agent, name).into_iter().map(|turn| turn.1).collect()
}

fn count(agent: AgentKind, name: &str, kind: &str) -> usize {
    kept(agent, name).iter().filter(|event| event.kind() == kind).count()
}

/// The whole picture, to be read in review. One line for each event, long texts shortened here only.
#[test]
fn what_is_read_from_each_transcript() {
    for agent in AGENTS {
        for name in names(agent) {
            let shown: Vec<String> = events(agent, &name).iter().map(shown).collect();
            insta::with_settings!({snapshot_suffix => name, prepend_module_to_snapshot => false}, {
                insta::assert_snapshot!(agent.as_str(), shown.join("\n"));
            });
        }
    }
}

fn shown(event: &Event) -> String {
    let json = serde_json::to_string(event).unwrap();
    let mut text: String = json.chars().take(400).collect();
    if text.len() < json.len() {
        text.push_str(" …");
    }
    match event.durability() {
        Durability::Durable => format!("  {text}"),
        Durability::Transient => format!("~ {text}"),
    }
}

#[test]
fn every_agent_is_recorded_in_the_same_situations() {
    for agent in AGENTS {
        let names = names(agent);
        for situation in [
            "context-overflow",
            "error-401",
            "follow-up",
            "interrupt",
            "long-output",
            "mcp",
            "parallel-tools",
            "resume-1",
            "resume-2",
            "retry-429-then-ok",
            "stream-cut",
            "thinking",
            "tool-error",
            "unicode-ansi",
            "write-and-run",
        ] {
            assert!(names.iter().any(|name| name == situation), "{agent} {situation}");
        }
        for name in names {
            assert!(transcript(agent, &name).len() < 200_000, "{agent} {name} is too large");
        }
    }
}

#[test]
fn nothing_the_real_clis_print_is_unknown_and_none_holds_the_token() {
    for agent in AGENTS {
        for name in names(agent) {
            let unknown: Vec<Event> = kept(agent, &name)
                .into_iter()
                .filter(|event| matches!(event, Event::Unknown { .. }))
                .collect();
            assert_eq!(unknown, [], "in {agent} {name}");
            let bytes = transcript(agent, &name);
            assert!(
                !String::from_utf8_lossy(&bytes).contains("cc_step_"),
                "in {agent} {name}"
            );
        }
    }
}

#[test]
fn every_transcript_reads_the_same_however_it_is_cut() {
    for agent in AGENTS {
        for name in names(agent) {
            let recorded = transcript(agent, &name);
            // Each is read a dozen times; what the long ones have more is more of the same.
            if recorded.len() > 25_000 {
                continue;
            }
            let mut data = vec![u8::try_from(name.len()).unwrap()];
            data.extend(recorded);
            assert_eq!(check_parser(agent, &data), Ok(()), "{agent} {name}");
        }
    }
}

#[test]
fn a_turn_that_went_well_ends_with_what_was_said_last() {
    for agent in AGENTS {
        let turns = turns(agent, "write-and-run");
        let [(outcome, final_text, None, None)] = turns.as_slice() else {
            panic!("{agent}: {turns:?}")
        };
        assert_eq!(*outcome, TurnOutcome::Completed, "{agent}");
        let verdict = Verdict::find_last(final_text).unwrap().verdict;
        assert_eq!(verdict, VerdictResult::Pass, "{agent}");
        assert_eq!(count(agent, "write-and-run", "tool_call"), 3, "{agent}");
        assert_eq!(count(agent, "write-and-run", "tool_result"), 3, "{agent}");
        assert_eq!(count(agent, "write-and-run", "session_started"), 1, "{agent}");
    }
}

#[test]
fn the_handshake_asks_for_the_first_message_once_and_says_what_it_goes_by() {
    for agent in [AgentKind::Codex, AgentKind::Opencode] {
        let lines = parsed(agent, "write-and-run");
        let replies: Vec<String> = lines
            .iter()
            .flat_map(|line| &line.replies)
            .map(|reply| String::from_utf8(reply.bytes.clone()).unwrap())
            .collect();
        let given: Vec<&String> = replies.iter().filter(|reply| reply.contains("Fix the bug.")).collect();
        assert_eq!(given.len(), 1, "{agent}");
        let handle = lines.iter().find_map(|line| line.handle.clone()).unwrap();
        assert!(given[0].contains(&handle.session), "{agent}");
        assert!(replies.concat().contains("high"), "{agent} is told the effort");
    }
    // Pi names its session by ours, and waits for nothing.
    assert!(
        parsed(AgentKind::Pi, "write-and-run")
            .iter()
            .all(|line| line.replies.is_empty())
    );
}

#[test]
fn how_each_kind_of_turn_ended() {
    use TurnOutcome::{Completed, ContextOverflow, ProviderError};
    for agent in AGENTS {
        for (name, expected) in [
            ("error-401", ProviderError),
            ("retry-429-then-ok", Completed),
            ("stream-cut", Completed),
            ("tool-error", Completed),
        ] {
            let turns = turns(agent, name);
            let [(outcome, _, error, _)] = turns.as_slice() else {
                panic!("{agent} {name}: {turns:?}")
            };
            assert_eq!(*outcome, expected, "{agent} {name}: {error:?}");
            let explained = *outcome == Completed || error.as_ref().is_some_and(|error| !error.is_empty());
            assert!(explained, "{agent} {name} failed without a reason");
        }
    }
    // OpenCode makes the conversation shorter by itself and goes on.
    assert_eq!(turns(AgentKind::Opencode, "context-overflow")[0].0, Completed);
    for agent in [AgentKind::Codex, AgentKind::Pi] {
        assert_eq!(turns(agent, "context-overflow")[0].0, ContextOverflow, "{agent}");
        assert_eq!(turns(agent, "error-401")[0].3, Some(401), "{agent}");
        assert_eq!(turns(agent, "error-500")[0].3, Some(500), "{agent}");
    }
    assert_eq!(turns(AgentKind::Codex, "error-429")[0].3, Some(429));
}

#[test]
fn retries_are_told_where_the_agent_tells_them() {
    for agent in [AgentKind::Codex, AgentKind::Pi] {
        let retries = kept(agent, "retry-429-then-ok")
            .into_iter()
            .filter_map(|event| match event {
                Event::Retry { attempt, message, .. } => Some((attempt, message.is_empty())),
                _ => None,
            });
        assert_eq!(retries.collect::<Vec<_>>(), [(1, false), (2, false)], "{agent}");
    }
    assert_eq!(count(AgentKind::Opencode, "retry-429-then-ok", "retry"), 0);
}

#[test]
fn a_further_message_is_a_further_turn() {
    for agent in AGENTS {
        assert_eq!(
            texts(agent, "follow-up"),
            ["First answer.", "Second answer."],
            "{agent}"
        );
    }
}

#[test]
fn a_message_in_the_middle_of_a_turn_makes_no_turn_of_its_own() {
    for agent in [AgentKind::Codex, AgentKind::Pi] {
        assert_eq!(texts(agent, "steer"), ["Done with the steer."], "{agent}");
    }
}

#[test]
fn after_an_interruption_the_session_goes_on() {
    for agent in AGENTS {
        let outcomes: Vec<TurnOutcome> = turns(agent, "interrupt").into_iter().map(|turn| turn.0).collect();
        assert_eq!(outcomes, [TurnOutcome::Interrupted, TurnOutcome::Completed], "{agent}");
        assert_eq!(texts(agent, "interrupt")[1], "Going on.", "{agent}");
    }
}

#[test]
fn an_interruption_while_pi_waits_to_ask_again_ends_the_turn_once() {
    let said = json!({"role": "assistant", "content": [], "stopReason": "error", "errorMessage": "Connection error."});
    let lines = [
        json!({"type": "agent_end", "messages": [said], "willRetry": true}),
        json!({"type": "auto_retry_start", "attempt": 1, "delayMs": 1_000, "errorMessage": "Connection error."}),
        json!({"type": "auto_retry_end", "success": false, "attempt": 1, "finalError": "Retry cancelled"}),
        json!({"type": "agent_settled", "aborted": true}),
    ];
    let mut parser = adapter(AgentKind::Pi).unwrap().parser(&session_of(AgentKind::Pi));
    let lines = lines
        .iter()
        .flat_map(|line| parser.feed(format!("{line}\n").as_bytes()));
    let ends: Vec<Event> = lines
        .flat_map(|line| line.events)
        .filter(|event| matches!(event, Event::TurnEnded { .. }))
        .collect();
    assert!(
        matches!(
            ends.as_slice(),
            [Event::TurnEnded {
                outcome: TurnOutcome::Interrupted,
                error: None,
                ..
            }]
        ),
        "{ends:?}"
    );
}

#[test]
fn a_process_that_takes_a_session_up_tells_nothing_of_it_again() {
    for agent in AGENTS {
        assert_eq!(texts(agent, "resume-2"), ["Second process."], "{agent}");
        let reported = usize::from(agent != AgentKind::Opencode);
        assert_eq!(count(agent, "resume-2", "usage_reported"), reported, "{agent}");
    }
}

#[test]
fn a_resume_of_a_session_that_is_not_there_is_told_from_other_ends() {
    for agent in [AgentKind::Codex, AgentKind::Opencode] {
        for name in names(agent) {
            let unknown = kept(agent, &name)
                .iter()
                .any(|event| adapter(agent).unwrap().is_unknown_session(event));
            assert_eq!(unknown, name == "resume-unknown", "{agent} {name}");
        }
    }
}

#[test]
fn pieces_add_up_to_the_whole_text() {
    for agent in AGENTS {
        for name in ["write-and-run", "unicode-ansi", "thinking"] {
            let (mut pieces, mut wholes) = (String::new(), String::new());
            for event in events(agent, name) {
                if let Event::Text { text, partial, .. } | Event::Thinking { text, partial, .. } = event {
                    if partial { &mut pieces } else { &mut wholes }.push_str(&text);
                }
            }
            assert_eq!(pieces, wholes, "{agent} {name}");
            assert!(!wholes.is_empty(), "{agent} {name}");
        }
    }
}

#[test]
fn every_call_has_its_arguments_and_every_result_a_call() {
    for agent in AGENTS {
        for name in names(agent) {
            let mut calls = Vec::new();
            for event in kept(agent, &name) {
                match event {
                    Event::ToolCall { call, input, .. } => {
                        let named = input.as_object().is_some_and(|input| !input.is_empty());
                        assert!(named, "{call} in {agent} {name}: {input}");
                        calls.push(call);
                    }
                    Event::ToolResult { call, .. } => assert!(calls.contains(&call), "{call} in {agent} {name}"),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn a_failed_tool_is_told_from_one_that_worked() {
    for agent in AGENTS {
        let results: Vec<bool> = kept(agent, "parallel-tools")
            .into_iter()
            .filter_map(|event| match event {
                Event::ToolResult { succeeded, .. } => Some(succeeded),
                _ => None,
            })
            .collect();
        assert_eq!(results.len(), 3, "{agent}");
        assert_eq!(results.iter().filter(|succeeded| **succeeded).count(), 2, "{agent}");
    }
}

#[test]
fn a_tool_of_an_mcp_server_is_called() {
    for agent in AGENTS {
        let outputs: Vec<String> = kept(agent, "mcp")
            .into_iter()
            .filter_map(|event| match event {
                Event::ToolResult { output, .. } => Some(output),
                _ => None,
            })
            .collect();
        assert_eq!(outputs, ["pong x"], "{agent}");
    }
}

#[test]
fn usage_of_every_call_is_counted_once() {
    // One call a step: 1020 in, 200 of them from the cache, and 50 out.
    for agent in [AgentKind::Codex, AgentKind::Pi] {
        let mut calls = 0;
        for event in kept(agent, "write-and-run") {
            if let Event::UsageReported { tokens, .. } = event {
                assert_eq!(
                    (tokens.input, tokens.cache_read, tokens.output),
                    (820, 200, 50),
                    "{agent}"
                );
                calls += 1;
            }
        }
        assert_eq!(calls, 4, "{agent}");
    }
}

#[test]
fn changed_files_are_named_with_what_changed() {
    let changes: Vec<(String, FileChange)> = kept(AgentKind::Codex, "write-and-run")
        .into_iter()
        .filter_map(|event| match event {
            Event::FileChanged { path, change, diff } => {
                assert!(diff.is_some_and(|diff| !diff.is_empty()), "{path}");
                Some((path.replace("/home/user/project/", ""), change))
            }
            _ => None,
        })
        .collect();
    let changed = |path: &str, change| (path.to_owned(), change);
    assert!(
        changes.contains(&changed("hello.txt", FileChange::Added)),
        "{changes:?}"
    );
    assert!(
        changes.contains(&changed("hello.txt", FileChange::Modified)),
        "{changes:?}"
    );
    assert!(
        changes.contains(&changed("README.md", FileChange::Deleted)),
        "{changes:?}"
    );
    assert!(count(AgentKind::Opencode, "write-and-run", "file_changed") > 0);
}

#[test]
fn a_killed_process_leaves_no_end_of_turn() {
    assert_eq!(turns(AgentKind::Codex, "sigterm"), []);
    assert_eq!(turns(AgentKind::Codex, "sigkill"), []);
}

#[test]
fn a_skill_and_a_command_are_found_where_each_agent_looks_for_them() {
    for agent in [AgentKind::Codex, AgentKind::Opencode, AgentKind::Pi] {
        let results = kept(agent, "skill").into_iter().filter_map(|event| match event {
            Event::ToolResult { succeeded, output, .. } => Some((succeeded, output.contains("Look twice."))),
            _ => None,
        });
        assert_eq!(results.collect::<Vec<_>>(), [(true, true)], "{agent}");
    }
    for agent in [AgentKind::Opencode, AgentKind::Pi] {
        assert_eq!(turns(agent, "command")[0].0, TurnOutcome::Completed, "{agent}");
    }
}

#[test]
fn the_end_of_a_turn_is_seen_though_its_record_is_too_long() {
    let said = "x".repeat(9 << 20);
    let turn = format!(r#"{{"id":"u","items":[{{"type":"agentMessage","text":"{said}"}}],"status":"completed"}}"#);
    let line = format!("{{\"method\":\"turn/completed\",\"params\":{{\"threadId\":\"t\",\"turn\":{turn}}}}}\n");
    let mut parser = adapter(AgentKind::Codex).unwrap().parser(&session_of(AgentKind::Codex));
    let lines = parser.feed(line.as_bytes());
    let [
        Event::Unknown { .. },
        Event::TurnEnded {
            outcome, final_text, ..
        },
    ] = &lines[0].events[..]
    else {
        panic!("{} events", lines[0].events.len())
    };
    assert_eq!(*outcome, TurnOutcome::Completed);
    assert!(final_text.contains("too long to be shown"), "{final_text}");
}

#[test]
fn a_picture_that_a_tool_gives_leaves_beside_the_event_that_names_it() {
    for agent in AGENTS {
        for (name, pictures) in [
            // It shows the picture to its model, and says of it where it was.
            ("image", usize::from(agent != AgentKind::Codex)),
            ("image-mcp", 1),
        ] {
            let lines = parsed(agent, name);
            let given: Vec<ToolImage> = lines.iter().flat_map(|line| &line.pictures).map(proved).collect();
            assert_eq!(given.len(), pictures, "{agent} {name}");
            let named = kept(agent, name).into_iter().flat_map(|event| match event {
                Event::ToolResult { images, .. } => images,
                _ => Vec::new(),
            });
            assert_eq!(named.collect::<Vec<_>>(), given, "{agent} {name}");
        }
    }
}
