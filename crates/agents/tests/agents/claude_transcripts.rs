//! What the adapter makes of transcripts that the real CLI wrote. `testdata/README.md` says how they were recorded.

use std::path::PathBuf;

use codecourier_agents::agent::adapter;
use codecourier_agents::parse::Picture;
use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::{Durability, Event, FileChange, PlanStatus, ToolImage, TurnOutcome};
use codecourier_domain::image::ImageType;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::verdict::{Verdict, VerdictResult};

use crate::session::session_of;

const TRANSCRIPTS: [&str; 42] = [
    "background-sub-agent",
    "command",
    "context-overflow",
    "error-400",
    "error-401",
    "error-401-final",
    "error-402-final",
    "error-403",
    "error-429-long",
    "error-500",
    "follow-up",
    "image",
    "image-mcp",
    "interrupt",
    "interrupt-in-stream",
    "long-output",
    "max-budget",
    "max-tokens",
    "max-turns",
    "mcp",
    "notebook",
    "outage",
    "parallel-tools",
    "plan",
    "refusal",
    "resume-1",
    "resume-2",
    "resume-after-kill",
    "resume-unknown",
    "retry-429-then-ok",
    "sigint",
    "sigkill",
    "sigterm",
    "skill",
    "steer",
    "stream-cut",
    "stream-error-event",
    "sub-agent",
    "thinking",
    "tool-error",
    "unicode-ansi",
    "write-edit-bash",
];

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/claude/2.1.330")
}

fn transcript(name: &str) -> Vec<u8> {
    std::fs::read(directory().join(format!("{name}.jsonl"))).unwrap()
}

fn events(name: &str) -> Vec<Event> {
    let mut parser = adapter(AgentKind::Claude)
        .unwrap()
        .parser(&session_of(AgentKind::Claude));
    let mut lines = parser.feed(&transcript(name));
    lines.extend(parser.finish());
    lines.into_iter().flat_map(|line| line.events).collect()
}

fn kept(name: &str) -> Vec<Event> {
    events(name)
        .into_iter()
        .filter(|event| event.durability() == Durability::Durable)
        .collect()
}

/// Outcome, final text, error and status of every turn in a transcript.
fn turns(name: &str) -> Vec<(TurnOutcome, String, Option<String>, Option<u16>)> {
    let ended = |event| match event {
        Event::TurnEnded {
            outcome,
            final_text,
            error,
            status,
        } => Some((outcome, final_text, error, status)),
        _ => None,
    };
    kept(name).into_iter().filter_map(ended).collect()
}

fn only_turn(name: &str) -> (TurnOutcome, String, Option<String>, Option<u16>) {
    let mut turns = turns(name);
    assert_eq!(turns.len(), 1, "{name} has one turn");
    turns.remove(0)
}

#[test]
fn every_recorded_transcript_is_listed_and_small() {
    let mut found: Vec<String> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap())
        .inspect(|entry| {
            assert!(
                entry.metadata().unwrap().len() < 200_000,
                "{:?} is too large",
                entry.file_name()
            )
        })
        .map(|entry| entry.file_name().into_string().unwrap().replace(".jsonl", ""))
        .collect();
    found.sort();
    assert_eq!(found, TRANSCRIPTS);
}

/// The whole picture, to be read in review. One line for each event, long texts shortened here only.
#[test]
fn what_is_read_from_each_transcript() {
    for name in TRANSCRIPTS {
        let shown: Vec<String> = events(name).iter().map(shown).collect();
        insta::with_settings!({snapshot_suffix => name, prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!("claude", shown.join("\n"));
        });
    }
}

fn shown(event: &Event) -> String {
    let json = serde_json::to_string(event).unwrap();
    let mut text: String = json.chars().take(600).collect();
    if text.len() < json.len() {
        text.push_str(" …");
    }
    match event.durability() {
        Durability::Durable => format!("  {text}"),
        Durability::Transient => format!("~ {text}"),
    }
}

#[test]
fn nothing_the_real_cli_prints_is_unknown() {
    for name in TRANSCRIPTS {
        let unknown: Vec<Event> = events(name)
            .into_iter()
            .filter(|event| matches!(event, Event::Unknown { .. }))
            .collect();
        assert_eq!(unknown, [], "in {name}");
    }
}

#[test]
fn no_event_holds_the_step_token() {
    for name in TRANSCRIPTS {
        assert!(
            !String::from_utf8_lossy(&transcript(name)).contains("cc_step_recorded"),
            "in {name}"
        );
    }
}

#[test]
fn a_successful_turn_ends_with_what_the_agent_said_last() {
    let (outcome, final_text, error, status) = only_turn("write-edit-bash");
    assert_eq!((outcome, error, status), (TurnOutcome::Completed, None, None));
    assert_eq!(Verdict::find_last(&final_text).unwrap().verdict, VerdictResult::Pass);
}

#[test]
fn how_each_kind_of_turn_ended() {
    use TurnOutcome::{
        BudgetLimit, Completed, ContextOverflow, Crashed, Interrupted, ProviderError, Refused, TurnLimit,
    };
    for (name, outcome, status) in [
        ("context-overflow", ContextOverflow, Some(400)),
        ("error-400", ProviderError, Some(400)),
        ("error-401", ProviderError, Some(401)),
        ("error-401-final", ProviderError, Some(401)),
        ("error-402-final", ProviderError, Some(402)),
        ("error-403", ProviderError, Some(403)),
        ("error-429-long", ProviderError, Some(429)),
        ("error-500", ProviderError, Some(500)),
        ("interrupt-in-stream", Interrupted, None),
        ("max-budget", BudgetLimit, None),
        ("max-tokens", ProviderError, None),
        ("max-turns", TurnLimit, None),
        ("outage", Completed, None),
        ("refusal", Refused, None),
        ("resume-unknown", Crashed, None),
        ("retry-429-then-ok", Completed, None),
        ("sigint", Interrupted, None),
        ("stream-cut", Completed, None),
        ("stream-error-event", Completed, None),
        ("tool-error", Completed, None),
    ] {
        let turn = only_turn(name);
        assert_eq!((turn.0, turn.3), (outcome, status), "{name}");
        let explained = matches!(outcome, Completed | Interrupted) || turn.2.is_some_and(|error| !error.is_empty());
        assert!(explained, "{name} failed without a reason");
    }
}

#[test]
fn an_error_that_the_gateway_calls_final_is_not_retried() {
    for name in ["error-401-final", "error-402-final"] {
        assert!(
            !kept(name).iter().any(|event| matches!(event, Event::Retry { .. })),
            "{name}"
        );
    }
    assert!(
        kept("error-401")
            .iter()
            .any(|event| matches!(event, Event::Retry { .. }))
    );
}

#[test]
fn a_resume_of_a_session_that_was_never_written_is_told_from_other_ends() {
    let agent = adapter(AgentKind::Claude).unwrap();
    for name in TRANSCRIPTS {
        let unknown = kept(name).iter().any(|event| agent.is_unknown_session(event));
        assert_eq!(unknown, name == "resume-unknown", "{name}");
    }
}

#[test]
fn a_killed_process_leaves_no_end_of_turn() {
    assert_eq!(turns("sigterm"), []);
    assert_eq!(turns("sigkill"), []);
}

#[test]
fn a_further_message_is_a_further_turn_and_its_usage_is_its_own() {
    let texts: Vec<String> = turns("follow-up").into_iter().map(|turn| turn.1).collect();
    assert_eq!(texts, ["First answer.", "Second answer."]);
    let inputs: Vec<u64> = usage("follow-up").into_iter().map(|(tokens, _)| tokens.input).collect();
    assert_eq!(inputs, [830, 2 * 830], "one call, then two");
}

#[test]
fn a_message_in_the_middle_of_a_turn_makes_no_turn_of_its_own() {
    assert_eq!(only_turn("steer").1, "Hello, and done.");
}

#[test]
fn after_an_interruption_the_session_goes_on() {
    let outcomes: Vec<TurnOutcome> = turns("interrupt").into_iter().map(|turn| turn.0).collect();
    assert_eq!(outcomes, [TurnOutcome::Interrupted, TurnOutcome::Completed]);
}

#[test]
fn usage_is_counted_once_and_with_sub_agents() {
    // Four calls of 830 uncached, 200 read, 100 and 20 written and 50 out, in both; in the second, two by a sub-agent.
    for name in ["write-edit-bash", "sub-agent"] {
        let usage = usage(name);
        assert_eq!(usage.len(), 1, "{name}");
        let (tokens, cost) = usage[0];
        assert_eq!(
            (tokens.input, tokens.output, tokens.cache_read),
            (3320, 200, 800),
            "{name}"
        );
        assert_eq!((tokens.cache_write_5m, tokens.cache_write_1h), (400, 80), "{name}");
        assert_eq!(cost, Some(MicroUsd(20_080)), "{name}");
    }
}

fn usage(name: &str) -> Vec<(codecourier_domain::usage::Tokens, Option<MicroUsd>)> {
    let reported = |event| match event {
        Event::UsageReported { tokens, cost } => Some((tokens, cost)),
        _ => None,
    };
    kept(name).into_iter().filter_map(reported).collect()
}

#[test]
fn pieces_add_up_to_the_whole_text() {
    for name in ["write-edit-bash", "unicode-ansi", "thinking"] {
        let (mut pieces, mut wholes) = (String::new(), String::new());
        for event in events(name) {
            if let Event::Text { text, partial, .. } | Event::Thinking { text, partial, .. } = event {
                if partial { &mut pieces } else { &mut wholes }.push_str(&text);
            }
        }
        assert_eq!(pieces, wholes, "{name}");
        assert!(!wholes.is_empty(), "{name}");
    }
}

#[test]
fn every_tool_result_answers_a_call() {
    for name in TRANSCRIPTS {
        let mut calls = Vec::new();
        for event in kept(name) {
            match event {
                Event::ToolCall { call, .. } => calls.push(call),
                Event::ToolResult { call, .. } => assert!(calls.contains(&call), "{call} in {name}"),
                _ => {}
            }
        }
    }
}

#[test]
fn a_failed_tool_is_told_from_one_that_worked() {
    let results: Vec<bool> = kept("parallel-tools")
        .into_iter()
        .filter_map(|event| match event {
            Event::ToolResult { succeeded, .. } => Some(succeeded),
            _ => None,
        })
        .collect();
    assert_eq!(results.iter().filter(|succeeded| **succeeded).count(), 2);
    assert_eq!(results.len(), 3);
}

#[test]
fn what_a_sub_agent_does_names_the_call_that_started_it() {
    let parents: Vec<(String, Option<String>)> = kept("sub-agent")
        .into_iter()
        .filter_map(|event| match event {
            Event::ToolCall { name, parent_call, .. } => Some((name, parent_call)),
            _ => None,
        })
        .collect();
    assert_eq!(
        parents,
        [
            ("Agent".to_owned(), None),
            ("Bash".to_owned(), Some("toolu_0001".to_owned()))
        ]
    );
}

#[test]
fn retries_say_why_and_how_long() {
    let retries: Vec<(u32, Option<u16>)> = kept("retry-429-then-ok")
        .into_iter()
        .filter_map(|event| match event {
            Event::Retry {
                attempt,
                delay_ms,
                status,
                message,
            } => {
                assert!(delay_ms >= 500 && !message.is_empty());
                Some((attempt, status))
            }
            _ => None,
        })
        .collect();
    assert_eq!(retries, [(1, Some(429)), (2, Some(529)), (3, Some(500))]);
}

/// The outputs of tools, and how many pictures each came with. The bytes of those leave beside the events.
#[test]
fn a_picture_that_a_tool_gives_leaves_beside_the_event_that_names_it() {
    let given = |name: &str| {
        let mut parser = adapter(AgentKind::Claude)
            .unwrap()
            .parser(&session_of(AgentKind::Claude));
        let lines = parser.feed(&transcript(name));
        let pictures: Vec<ToolImage> = lines.iter().flat_map(|line| &line.pictures).map(proved).collect();
        let results = lines.into_iter().flat_map(|line| line.events);
        let results: Vec<(String, Vec<ToolImage>)> = results
            .filter_map(|event| match event {
                Event::ToolResult { output, images, .. } => Some((output, images)),
                _ => None,
            })
            .collect();
        let named: Vec<ToolImage> = results.iter().flat_map(|(_, images)| images.clone()).collect();
        assert_eq!(named, pictures, "{name}");
        results
            .into_iter()
            .map(|(output, images)| (output, images.len()))
            .collect::<Vec<_>>()
    };
    assert_eq!(given("image"), [(String::new(), 1)]);
    let by_server = given("image-mcp");
    assert_eq!(
        by_server.last().map(|(_, pictures)| *pictures),
        Some(1),
        "{by_server:?}"
    );
    assert!(
        by_server
            .last()
            .is_some_and(|(output, _)| output.starts_with("echoed\n"))
    );
}

/// What is said of a picture, which must be what its bytes are.
pub(crate) fn proved(picture: &Picture) -> ToolImage {
    assert_eq!(ImageType::of(&picture.bytes), Some(picture.image.media_type));
    assert_eq!(picture.bytes.len() as u64, picture.image.size);
    assert_eq!(picture.image.image.len(), 64);
    picture.image.clone()
}

#[test]
fn files_that_were_changed_and_the_plan_are_told_once_they_are_so() {
    let changes = |name: &str| -> Vec<(String, FileChange, Option<String>)> {
        let changed = kept(name).into_iter().filter_map(|event| match event {
            Event::FileChanged { path, change, diff } => Some((path, change, diff)),
            _ => None,
        });
        changed.collect()
    };
    let hello = "/home/user/project/hello.txt".to_owned();
    assert_eq!(
        changes("write-edit-bash"),
        [
            (
                hello.clone(),
                FileChange::Added,
                Some("@@ -0,0 +1,1 @@\n+hello\n".to_owned())
            ),
            (
                hello,
                FileChange::Modified,
                Some("@@ -1,1 +1,1 @@\n-hello\n+hello world\n".to_owned())
            ),
        ]
    );
    let notebook: Vec<_> = changes("notebook")
        .into_iter()
        .map(|(path, change, _)| (path, change))
        .collect();
    let at = |name: &str| format!("/home/user/project/{name}");
    assert_eq!(
        notebook,
        [
            (at("n.ipynb"), FileChange::Added),
            (at("n.ipynb"), FileChange::Modified),
            (at("README.md"), FileChange::Modified),
        ]
    );
    assert_eq!(changes("tool-error"), [], "what failed changed nothing");
    let plans = kept("plan").into_iter().filter_map(|event| match event {
        Event::Plan { entries } => Some(entries),
        _ => None,
    });
    let plans: Vec<Vec<(String, PlanStatus)>> = plans
        .map(|entries| entries.into_iter().map(|entry| (entry.text, entry.status)).collect())
        .collect();
    assert_eq!(
        plans,
        [[
            ("Look around".to_owned(), PlanStatus::Completed),
            ("Write the file".to_owned(), PlanStatus::InProgress),
            ("Run it".to_owned(), PlanStatus::Pending),
        ]]
    );
}
