//! Talking to the real Claude Code in a sandbox: turns, a long command that is interrupted, a server that is killed
//! meanwhile, a pause, another model, and the work of all turns at the end.

use std::time::Duration;

use codecourier_it::scene::{Ended, begin};
use serde_json::Value;

use super::{Office, is_refused, works};

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);

fn last(ended: &Ended) -> Value {
    ended.lines().pop().unwrap_or_default()
}

#[tokio::test]
async fn a_conversation_survives_what_happens_to_it_and_ends_as_a_branch() {
    let mut office = Office::open().await;
    let ada = office.hire("ada").await;
    let repository = office.repository();
    works(&ada, &["projects", "create", "Shop", "--repository", &repository]).await;
    works(&ada, &["projects", "use", "shop"]).await;

    let first = "Begin.\n@@write one.txt <<< one\n@@say I wrote one.";
    let started = works(&ada, &["sandbox", "start", "--json", first]).await;
    let run = started.lines()[0]["run"].as_str().unwrap().to_owned();
    assert_eq!(last(&started)["type"], "waits", "{}", started.stdout);
    assert_eq!(started.events("turn_ended").len(), 1, "{}", started.stdout);
    let early = ada.does(&["sandbox", "interrupt", &run]).await.unwrap();
    is_refused(&early, 2, &["not at work"]);

    // A command that takes an hour; the server dies in the middle of it.
    let asked = office.scene.model.requests().len();
    let long = begin(ada.command(&["sandbox", "send", "--json", &run, "Wait.\n@@run sleep 3600"]));
    let heard = office.scene.model.wait_for_requests(asked + 1);
    tokio::time::timeout(PATIENCE, heard).await.unwrap();
    office = office.restart().await;
    let interrupted = works(&ada, &["sandbox", "interrupt", "--json", &run]).await;
    let ends = interrupted.events("turn_ended");
    assert_eq!(ends[0]["outcome"], "interrupted", "{}", interrupted.stdout);
    let long = long.ended().await.unwrap();
    assert_eq!(
        (long.code, &last(&long)["type"]),
        (Some(0), &Value::from("waits")),
        "{}",
        long.stderr
    );

    // What stands still hears nothing, and goes on with everything it knew.
    works(&ada, &["sandbox", "pause", &run]).await;
    let listed = works(&ada, &["sandbox", "list", "--json"]).await.lines();
    assert_eq!(listed[0]["sandbox"]["status"], "paused", "{listed:?}");
    office = office.restart().await;
    works(&ada, &["sandbox", "resume", &run]).await;
    let second = "Go on.\n@@run cat one.txt > two.txt\n@@say I wrote two.";
    let went_on = works(&ada, &["sandbox", "send", "--json", &run, second]).await;
    assert_eq!(
        went_on.events("turn_ended")[0]["outcome"],
        "completed",
        "{}",
        went_on.stdout
    );

    // Another process with another model knows the session.
    works(&ada, &["sandbox", "model", &run, "claude-haiku-4-5"]).await;
    let third = "And on.\n@@write three.txt <<< three\n@@say I wrote three.";
    let went_on = works(&ada, &["sandbox", "send", "--json", &run, third]).await;
    assert_eq!(
        went_on.events("turn_ended")[0]["outcome"],
        "completed",
        "{}",
        went_on.stdout
    );
    let requests = office.scene.model.requests();
    let mut bodies = requests.iter().rev().map(|request| request.json().to_string());
    let newest = bodies.find(|body| body.contains("And on.")).unwrap();
    for words in ["claude-haiku-4-5", "Begin.", "I wrote two."] {
        assert!(newest.contains(words), "`{words}` is missing in {newest}");
    }

    let finished = works(&ada, &["sandbox", "finish", "--json", &run]).await;
    assert_eq!(finished.result()["status"], "completed", "{}", finished.stdout);
    let stat = works(&ada, &["diff", "--stat", &run]).await.stdout;
    for file in ["one.txt", "two.txt", "three.txt"] {
        assert!(stat.contains(file), "`{file}` is missing in {stat}");
    }
    let logs = works(&ada, &["logs", &run]).await.stdout;
    for words in [
        "I wrote one.",
        "you interrupted the agent",
        "I wrote two.",
        "from here on with",
        "I wrote three.",
    ] {
        assert!(logs.contains(words), "`{words}` is missing in {logs}");
    }
    office.scene.remember_source();
    assert_eq!(office.scene.faults(), Vec::<String>::new());
}
