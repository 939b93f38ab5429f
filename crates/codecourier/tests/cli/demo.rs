//! The demo for real: the agent's own program in real sandboxes, watched, cancelled, killed and taken up again.

use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::spawn::{Running, codecourier, start};

/// A data directory with the layers that all tests share.
async fn data_directory() -> (TempDir, PathBuf) {
    codecourier_testkit::template::claude_template().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let layers = codecourier_testkit::template::shared_data_directory().join("layers");
    std::os::unix::fs::symlink(layers.canonicalize().unwrap(), data.join("layers")).unwrap();
    (directory, data)
}

fn run_of(demo: &mut Running) -> String {
    demo.until(|value| value["type"] == "started")["run"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn is_first_tool_result(value: &Value) -> bool {
    value["event"]["kind"] == "tool_result"
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_attempt_is_rejected_and_the_second_is_merged() {
    let (_directory, data) = data_directory().await;
    let mut demo = start(&data, &["demo", "--no-pacing"]);
    let rejected = demo.until(|value| value["event"]["kind"] == "verdict");
    assert_eq!(
        (&rejected["lane"], &rejected["event"]["verdict"]["verdict"]),
        (&"checker#1".into(), &"fail".into())
    );
    let result = demo.until(|value| value["type"] == "result");
    assert_eq!(result["status"], "completed", "{result}");
    assert_eq!(
        (&result["iterations"], &result["checks"][0]["passed"]),
        (&2.into(), &true.into())
    );
    assert_eq!(
        (&result["replayed"], &result["verdict"]["verdict"]),
        (&true.into(), &"pass".into())
    );
    assert!(
        result["merge"][0]
            .as_str()
            .unwrap()
            .starts_with("git merge codecourier/")
    );
    let end = demo.until(|value| value["type"] == "demo");
    let repository = end["repository"].as_str().unwrap();
    assert_eq!(demo.wait(), Some(0));
    let merged = std::fs::read_to_string(format!("{repository}/duration.py")).unwrap();
    assert!(
        merged.contains("86400"),
        "the change is in the work tree of main: {merged}"
    );

    let run = result["run"].as_str().unwrap();
    let short = &run[run.len() - 8..];
    let shown = codecourier(&data, &["show", short]);
    assert!(
        shown.stdout.contains("completed") && shown.stdout.contains("git merge"),
        "{}",
        shown.stdout
    );
    let diff = codecourier(&data, &["diff", short]);
    assert!(diff.stdout.contains("+UNITS = {\"d\": 86400"), "{}", diff.stdout);
    let patch = codecourier(&data, &["patch", short]);
    assert!(patch.stdout.starts_with("From "), "{}", patch.stdout);
    let logs = codecourier(&data, &["logs", short]);
    assert!(logs.stdout.contains("│ Verdict: pass."), "{}", logs.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_can_cancel() {
    let (_directory, data) = data_directory().await;
    let mut demo = start(&data, &["demo"]);
    let run = run_of(&mut demo);
    demo.until(is_first_tool_result);
    let cancelled = codecourier(&data, &["cancel", &run]);
    assert_eq!(cancelled.code, 0, "{}", cancelled.stderr);
    let killed = demo.until(|value| value["event"]["kind"] == "killed");
    assert_eq!(killed["event"]["survivors"], 0);
    assert_eq!(demo.until(|value| value["type"] == "result")["status"], "cancelled");
    assert_eq!(demo.wait(), Some(3));
    codecourier(&data, &["cancel", &run]).refused(2, &["has ended already"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_is_taken_up_by_the_next_one() {
    let (_directory, data) = data_directory().await;
    let mut demo = start(&data, &["demo"]);
    let run = run_of(&mut demo);
    demo.until(is_first_tool_result);
    demo.kill();

    let mut resumed = start(&data, &["resume", "--no-pacing"]);
    let result = resumed.until(|value| value["type"] == "result");
    assert_eq!(
        (&result["run"], &result["status"]),
        (&run.as_str().into(), &"completed".into()),
        "{result}"
    );
    assert_eq!(resumed.wait(), Some(0));

    let logs = codecourier(&data, &["logs", "--json", &run]);
    let events: Vec<Value> = logs
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let numbers: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(
        numbers,
        (1..=numbers.len() as u64).collect::<Vec<_>>(),
        "complete and in order"
    );
    let verdicts: Vec<&str> = events
        .iter()
        .filter_map(|event| event["event"]["verdict"]["verdict"].as_str())
        .collect();
    assert_eq!(verdicts, ["fail", "pass"], "nothing twice");
}
