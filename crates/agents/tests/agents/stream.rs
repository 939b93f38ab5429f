//! The promises of every parser, on bytes that nobody should have to expect.

use codecourier_agents::agent::adapter;
use codecourier_agents::fuzz::{check_parser, check_parsers};
use codecourier_agents::parse::{LineLimits, LineReader};
use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::Event;
use proptest::prelude::*;

use crate::session::session_of;

const WELL_FORMED: [(AgentKind, &[u8]); 6] = [
    (
        AgentKind::Codex,
        include_bytes!("../../testdata/codex/0.169.0/write-and-run.jsonl"),
    ),
    (
        AgentKind::Opencode,
        include_bytes!("../../testdata/opencode/1.18.33/tool-error.jsonl"),
    ),
    (AgentKind::Pi, include_bytes!("../../testdata/pi/1.5.2/interrupt.jsonl")),
    (
        AgentKind::Claude,
        include_bytes!("../../testdata/claude/2.1.330/write-edit-bash.jsonl"),
    ),
    (
        AgentKind::Claude,
        include_bytes!("../../testdata/claude/2.1.330/unicode-ansi.jsonl"),
    ),
    (
        AgentKind::Claude,
        include_bytes!("../../testdata/claude/2.1.330/interrupt.jsonl"),
    ),
];

fn events(bytes: &[u8]) -> Vec<Event> {
    let mut parser = adapter(AgentKind::Claude)
        .unwrap()
        .parser(&session_of(AgentKind::Claude));
    let mut lines = parser.feed(bytes);
    lines.extend(parser.finish());
    assert_eq!(lines.last().map_or(0, |line| line.end_offset), bytes.len() as u64);
    assert_eq!(parser.offset(), bytes.len() as u64);
    lines.into_iter().flat_map(|line| line.events).collect()
}

fn only_reason(bytes: &[u8]) -> String {
    match events(bytes).as_slice() {
        [Event::Unknown { reason, .. }] => reason.clone(),
        other => panic!("not one unknown line: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn recorded_bytes_give_the_same_however_they_are_cut(seed: u8, which in 0usize..6, start in 0usize..4000) {
        let (agent, recorded) = WELL_FORMED[which];
        let mut data = vec![seed];
        data.extend_from_slice(&recorded[start..]);
        prop_assert_eq!(check_parser(agent, &data), Ok(()));
    }

    #[test]
    fn random_bytes_never_panic_and_are_all_accounted_for(data in proptest::collection::vec(any::<u8>(), 0..1000)) {
        prop_assert_eq!(check_parsers(&data), Ok(()));
    }

    #[test]
    fn damaged_transcripts_never_panic(
        which in 0usize..6,
        seed: u8,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        let (agent, recorded) = WELL_FORMED[which];
        let mut data = vec![seed];
        data.extend_from_slice(recorded);
        for (index, byte) in damage {
            let at = index.index(data.len());
            data[at] = byte;
        }
        prop_assert_eq!(check_parser(agent, &data), Ok(()));
    }

    #[test]
    fn json_of_the_wrong_shape_never_panics(
        kind in prop::sample::select(vec!["assistant", "user", "system", "result", "stream_event", "control_response"]),
        field in prop::sample::select(vec!["message", "event", "subtype", "parent_tool_use_id", "usage", "content"]),
        value in prop::sample::select(vec![
            "null", "1", "\"x\"", "[]", "{}", "[1]", "{\"content\":[{}]}", "{\"content\":[{\"type\":7}]}",
            "{\"content\":[{\"type\":\"tool_use\"}]}", "{\"delta\":{\"text\":1}}", "{\"content\":{}}", "1e999",
        ]),
    ) {
        let line = format!("{{\"type\":\"{kind}\",\"{field}\":{value}}}\n");
        let mut data = vec![0];
        data.extend_from_slice(line.as_bytes());
        prop_assert_eq!(check_parsers(&data), Ok(()));
    }
}

#[test]
fn garbage_is_shown_and_does_not_hide_what_follows() {
    let stream = b"warning: something\n{\"type\":\"brand_new\"}\n[1,2]\n{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"ok\"}\n";
    let found = events(stream);
    assert!(
        matches!(&found[0], Event::Unknown { raw, reason } if raw == "warning: something" && reason.contains("not a JSON object"))
    );
    assert!(matches!(&found[1], Event::Unknown { reason, .. } if reason == "unknown type `brand_new`"));
    assert!(matches!(&found[2], Event::Unknown { raw, .. } if raw == "[1,2]"));
    assert!(matches!(found.last(), Some(Event::TurnEnded { final_text, .. }) if final_text == "ok"));
}

#[test]
fn each_reason_for_an_unknown_line_is_told() {
    assert!(only_reason(b"{\"type\":\"assistant\"}\n").contains("unknown shape"));
    assert!(
        only_reason(b"{\"type\":\"system\",\"subtype\":\"brand_new\"}\n").contains("unknown system line `brand_new`")
    );
    assert!(only_reason(b"{\"type\":\"control_request\"}\n").contains("unknown shape"));
    assert!(only_reason(b"{}\n").contains("unknown type ``"));
    let deep = format!("{{\"type\":\"assistant\",\"message\":{}\n", "[".repeat(100_000));
    assert!(only_reason(deep.as_bytes()).contains("not a JSON object"));
}

#[test]
fn lines_end_at_line_feeds_only() {
    let stream = "{\"type\":\"assistant\",\"message\":{\"content\":\"a\u{2028}b\u{85}c\\r\\n\"}}\r\n";
    let [Event::Text { text, .. }] = &events(stream.as_bytes())[..] else {
        panic!("not one text")
    };
    assert_eq!(text, "a\u{2028}b\u{85}c\r\n");
}

#[test]
fn bytes_that_are_not_utf8_are_replaced_and_flagged() {
    let found = events(b"{\"type\":\"assistant\",\"message\":{\"content\":\"bad \xff\xfe byte\"}}\n");
    assert!(matches!(&found[0], Event::Text { text, .. } if text == "bad \u{fffd}\u{fffd} byte"));
    assert!(matches!(&found[1], Event::Notice { message } if message.contains("not UTF-8")));
}

#[test]
fn an_unfinished_last_line_is_read_at_the_end_and_not_before() {
    let mut parser = adapter(AgentKind::Claude)
        .unwrap()
        .parser(&session_of(AgentKind::Claude));
    assert_eq!(
        parser.feed(b"{\"type\":\"keep_alive\"}\n{\"type\":\"assi"),
        parser_lines(b"{\"type\":\"keep_alive\"}\n")
    );
    assert_eq!(parser.offset(), 22);
    let last = parser.finish().unwrap();
    assert_eq!(last.end_offset, 22 + 13);
    assert!(matches!(&last.events[..], [Event::Unknown { raw, .. }] if raw == "{\"type\":\"assi"));
    assert_eq!(parser.finish(), None);
}

fn parser_lines(bytes: &[u8]) -> Vec<codecourier_agents::ParsedLine> {
    adapter(AgentKind::Claude)
        .unwrap()
        .parser(&session_of(AgentKind::Claude))
        .feed(bytes)
}

#[test]
fn a_large_tool_output_keeps_both_ends_and_says_so() {
    let output = format!("first line {} last line", "x".repeat(3_000_000));
    let line = format!(
        "{{\"type\":\"user\",\"message\":{{\"content\":[{{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":\"{output}\"}}]}}}}\n"
    );
    let lines = parser_lines(line.as_bytes());
    let [
        Event::ToolResult {
            output,
            truncated: true,
            succeeded: true,
            ..
        },
    ] = &lines[0].events[..]
    else {
        panic!("not one cut result: {:?}", lines[0].events)
    };
    assert!(output.len() < 70_000 && output.starts_with("first line") && output.ends_with("last line"));
    assert!(lines[0].raw.is_cut());
    assert_eq!(lines[0].raw.length, line.len() as u64 - 1);
}

#[test]
fn a_line_of_many_blocks_gives_a_bounded_number_of_events() {
    let blocks = vec![r#"{"type":"text","text":"x"}"#; 100_000].join(",");
    let found = events(format!("{{\"type\":\"assistant\",\"message\":{{\"content\":[{blocks}]}}}}\n").as_bytes());
    assert_eq!(found.len(), 257);
    assert!(matches!(found.last(), Some(Event::Unknown { reason, .. }) if reason.contains("more events")));
}

/// Runs in a process of its own under nextest, so the peak of memory is this test's.
#[test]
fn a_line_of_200_megabytes_takes_little_memory_and_loses_no_offset() {
    let mut parser = adapter(AgentKind::Claude)
        .unwrap()
        .parser(&session_of(AgentKind::Claude));
    let before = peak_memory_kilobytes();
    let piece = vec![b'x'; 64 * 1024];
    let mut fed = 0_u64;
    let mut lines = parser.feed(b"{\"type\":\"user\",\"text\":\"");
    fed += 23;
    while fed < 200_000_000 {
        lines.extend(parser.feed(&piece));
        fed += piece.len() as u64;
    }
    assert_eq!(lines, []);
    lines.extend(parser.feed(b"\"}\n{\"type\":\"result\",\"is_error\":false,\"result\":\"still here\"}\n"));
    assert_eq!(lines[0].end_offset, fed + 3);
    assert_eq!(lines[0].raw.length, fed + 2);
    assert_eq!(lines[0].raw.head.len(), LineLimits::default().kept_raw);
    assert!(matches!(&lines[0].events[..], [Event::Unknown { reason, .. }] if reason.contains("too long")));
    assert!(matches!(lines[1].events.last(), Some(Event::TurnEnded { final_text, .. }) if final_text == "still here"));
    let grown = peak_memory_kilobytes() - before;
    assert!(grown < 32 * 1024, "memory grew by {grown} kB");
}

fn peak_memory_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn the_reader_never_holds_more_than_the_longest_line() {
    let limits = LineLimits {
        longest_line: 10_000,
        kept_raw: 100,
    };
    let mut reader = LineReader::at(0, limits);
    for length in [1, 99, 100, 101, 9_999, 10_000, 10_001, 50_000] {
        let mut given = Vec::new();
        for byte_run in vec![b'x'; length].chunks(7) {
            reader.feed(byte_run, |line| given.push((line.length, line.is_oversized())));
            assert!(reader.held() <= limits.longest_line, "{} bytes held", reader.held());
        }
        reader.feed(b"\n", |line| given.push((line.length, line.is_oversized())));
        assert_eq!(given, [(length as u64, length > 10_000)]);
        assert!(
            reader.held() <= limits.kept_raw,
            "{} bytes held between lines",
            reader.held()
        );
    }
}

#[test]
fn a_question_for_permission_is_answered_under_an_id_of_its_place() {
    let ask = br#"{"type":"control_request","request_id":"ask-7","request":{"subtype":"can_use_tool","tool_name":"Bash","input":{"command":"ls"}}}"#;
    let stream = [b"{\"type\":\"keep_alive\"}\n".as_slice(), ask, b"\n"].concat();
    let lines = parser_lines(&stream);
    let [asked, answered] = &lines[1].events[..] else {
        panic!("not a question and an answer: {:?}", lines[1].events)
    };
    assert!(matches!(asked, Event::PermissionAsked { request, tool, .. } if request == "ask-7" && tool == "Bash"));
    assert!(matches!(answered, Event::PermissionAnswered { request, .. } if request == "ask-7"));
    let [reply] = &lines[1].replies[..] else {
        panic!("not one reply")
    };
    assert_eq!(reply.id, format!("reply-{}-1", stream.len()));
    let reply: serde_json::Value = serde_json::from_slice(&reply.bytes).unwrap();
    let answer = serde_json::json!({"behavior": "allow", "updatedInput": {"command": "ls"}});
    assert_eq!(
        reply,
        serde_json::json!({"type": "control_response",
                           "response": {"subtype": "success", "request_id": "ask-7", "response": answer}})
    );
}

#[test]
fn a_question_that_is_not_understood_is_refused_and_does_not_hang_the_agent() {
    let lines = parser_lines(
        b"{\"type\":\"control_request\",\"request_id\":\"x\",\"request\":{\"subtype\":\"hook_callback\"}}\n",
    );
    assert!(matches!(&lines[0].events[..], [Event::Unknown { reason, .. }] if reason.contains("does not have")));
    let reply: serde_json::Value = serde_json::from_slice(&lines[0].replies[0].bytes).unwrap();
    assert_eq!(reply["response"]["subtype"], "error");
    assert_eq!(reply["response"]["request_id"], "x");
}
