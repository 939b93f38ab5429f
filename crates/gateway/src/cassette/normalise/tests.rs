//! What is the same conversation, and what is not.

use proptest::prelude::*;
use serde_json::json;

use super::*;

impl NormalisedRequest {
    /// The same with the size of another one: all but the size is compared.
    fn of_size(mut self, other: &Self) -> Self {
        self.body_bytes = other.body_bytes;
        self
    }
}

fn read(request: &Value) -> NormalisedRequest {
    NormalisedRequest::read(Dialect::Messages, request.to_string().as_bytes()).unwrap()
}

fn conversation(session: &str, date: &str, call: &str, commit: &str, seconds: &str) -> Value {
    json!({
        "model": "claude-opus-5-5", "max_tokens": 32000, "stream": true,
        "metadata": {"user_id": session},
        "system": [{"type": "text", "text": format!("Today is {date}"), "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "Bash", "description": format!("as of {date}")}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": format!("<system-reminder>It is {date}.</system-reminder>")},
                {"type": "text", "text": format!("Fix the test. Session {session}"), "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": commit},
                {"type": "tool_use", "id": call, "name": "Bash", "input": {"command": "cargo test", "timeout": 5}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content":
                format!("[main {commit}] done\n  finished in {seconds}s at {date}T10:00:00Z, {session}")}]}]
    })
}

#[test]
fn the_same_conversation_of_another_day_is_the_same() {
    let one = conversation(
        "0c5e21b6-7d66-4b34-b37e-2a2f04f24b1b",
        "2026-11-22",
        "toolu_01",
        "1a2b3c4",
        "0.52",
    );
    let other = conversation(
        "9d1d6e3e-0000-4b34-b37e-2a2f04f24b1b",
        "2027-01-01",
        "toolu_99",
        "ffe1122",
        "12.9",
    );
    let (one, other) = (read(&one), read(&other));
    assert_eq!(one.hash, other.hash, "{:#?}\n{:#?}", one.messages, other.messages);
    assert_eq!(one.index, 1);
    assert_eq!(
        one.messages[2].parts,
        ["result [main <hash>] done finished in <duration> at <time>, <id>"]
    );
    assert!(one.last_words.contains("0.52s"));
}

#[test]
fn what_matters_changes_the_hash() {
    let base = conversation("s", "2026-11-22", "c", "1a2b3c4", "1.0");
    let change = |pointer: &str, value: Value| {
        let mut changed = base.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        read(&changed).hash
    };
    let hash = read(&base).hash;
    assert_ne!(hash, change("/model", json!("claude-haiku-4-5")));
    assert_ne!(hash, change("/messages/0/content/1/text", json!("Break the test.")));
    assert_ne!(
        hash,
        change("/messages/1/content/1/input/command", json!("cargo build"))
    );
    assert_ne!(hash, change("/messages/1/content/1/name", json!("Sh")));
    assert_ne!(hash, change("/messages/2/content/0/content", json!("1 failed")));
    assert_ne!(hash, change("/messages/2/role", json!("system")));
    assert_ne!(hash, change("/tools", json!([])));
    assert_eq!(hash, change("/stream", json!(false)));
    assert_eq!(hash, change("/system", json!("else")));
    assert_eq!(hash, change("/max_tokens", json!(1)));
}

#[test]
fn the_machine_an_agent_describes_does_not_matter_but_what_it_is_told_later_does() {
    let with = |environment: &str, steer: &str| {
        read(&json!({"model": "m", "messages": [
            {"role": "user", "content": "Go."},
            {"role": "system", "content": environment},
            {"role": "assistant", "content": "Going."},
            {"role": "user", "content": "And?"},
            {"role": "system", "content": steer}]}))
    };
    let here = with("# Environment: Linux 6.18", "Hurry.");
    assert_eq!(here.hash, with("# Environment: Linux 5.10", "Hurry.").hash);
    assert_ne!(here.hash, with("# Environment: Linux 6.18", "Stop.").hash);
}

#[test]
fn an_answer_that_was_cut_off_and_resumed_leaves_no_trace() {
    let notice = "Your response above was cut off mid-stream. Resume directly from where it stops.";
    let go = json!({"role": "user", "content": "Go."});
    let half = json!({"role": "assistant", "content": [{"type": "text", "text": "I will"}]});
    let resume = json!({"role": "user", "content": [{"type": "text", "text": notice}]});
    let call = json!({"role": "assistant", "content": [
        {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}}]});
    let result = json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "a"}]});
    let with = |messages: Vec<&Value>| read(&json!({"model": "m", "messages": messages}));
    assert_eq!(
        with(vec![&go, &half, &resume]),
        with(vec![&go]).of_size(&with(vec![&go, &half, &resume]))
    );
    let undisturbed = with(vec![&go, &call, &result]);
    let disturbed = with(vec![&go, &half, &resume, &half, &resume, &call, &result]);
    assert_eq!(undisturbed.of_size(&disturbed), disturbed);
}

#[test]
fn an_answer_that_was_cut_off_in_its_thinking_takes_no_whole_one_with_it() {
    let notice = "Your response above was cut off mid-stream. Resume directly from where it stops.";
    let call = json!({"role": "assistant", "content": [
        {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}}]});
    let result = json!({"type": "tool_result", "tool_use_id": "t", "content": "a"});
    let with = |messages: &[Value]| read(&json!({"model": "m", "messages": messages}));
    let user = |content: Value| json!({"role": "user", "content": content});
    let undisturbed = with(&[user(json!("Go.")), call.clone(), user(json!([result]))]);
    let text = json!({"type": "text", "text": notice});
    let beside = with(&[user(json!("Go.")), call.clone(), user(json!([result, text]))]);
    assert_eq!(undisturbed.clone().of_size(&beside), beside);
    assert_eq!(beside.index, 1);
    let after = with(&[user(json!("Go.")), call, user(json!([result])), user(json!([text]))]);
    assert_eq!(undisturbed.of_size(&after), after);
}

#[test]
fn volatile_words_are_replaced_and_others_stay() {
    let cases = [
        ("run_019300000000700080000000deadbeef", "<id>"),
        ("at 23:59, 7:03:11.5Z!", "at <time>, <time>!"),
        ("(took 3ms; 1.25s)", "(took <duration>; <duration>)"),
        ("duration_ms 52.118", "duration_ms <number>"),
        ("pid 1732312345678", "pid <number>"),
        ("Sun Nov 22 23:12:00 UTC", "<time> Nov <time> <time> UTC"),
        ("/tmp/tmpab12cd34/x.py", "/tmp/<temporary>/x.py"),
        ("0x7ffde4c0", "<hash>"),
        ("3 passed, 1 failed in file2.rs:14", "3 passed, 1 failed in file2.rs:14"),
        ("decade facade deadbeef", "decade facade deadbeef"),
        ("v1.2.3 HTTP/1.1 utf8", "v1.2.3 HTTP/<number> utf8"),
        ("a\n\tb  c ", "a b c"),
        ("2026-11-22: done.", "<time>: done."),
    ];
    for (text, expected) in cases {
        assert_eq!(normalise_text(text), expected, "{text:?}");
    }
}

#[test]
fn an_unclosed_reminder_is_kept() {
    assert_eq!(
        without_reminders("a<system-reminder>b</system-reminder>c<system-reminder>d"),
        "ac<system-reminder>d"
    );
}

proptest! {
    #[test]
    fn any_text_and_any_json_is_normalised_and_normalised_text_stays(text in "\\PC{0,80}") {
        let once = normalise_text(&text);
        prop_assert_eq!(&normalise_text(&once), &once);
        let _ = read(&json!({"model": text, "messages": [{"role": text, "content": text}, {"content": [text]}, text]}));
    }
}
