//! Processes in terminals.

use codecourier_e2b::process::ProcessEnd;
use serde_json::json;

use crate::client::Client;
use crate::daemon::Daemon;

#[tokio::test]
async fn a_terminal_has_a_size_takes_input_and_can_be_resized() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let script = "stty -echo; tty >/dev/null && echo terminal; stty size; while read line; do echo \"got $line\"; stty size; done; exit 6";
    let mut events = client
        .shell(script, json!({"pty": {"size": {"cols": 101, "rows": 37}}, "tag": "t"}))
        .await;
    let pid = events.started().await;
    events.until("terminal\r\n37 101\r\n").await;
    let update = json!({"process": {"pid": pid}, "pty": {"size": {"cols": 40, "rows": 10}}});
    client.call("process.Process/Update", update).await.unwrap();
    let input = json!({"process": {"pid": pid}, "input": {"pty": "aGVsbG8K"}});
    client.call("process.Process/SendInput", input).await.unwrap();
    events.until("got hello\r\n10 40\r\n").await;
    let wrong = json!({"process": {"pid": pid}, "input": {"stdin": "aGVsbG8K"}});
    assert_eq!(
        client.refusal("process.Process/SendInput", wrong).await,
        "failed_precondition"
    );
    let close = json!({"process": {"pid": pid}});
    assert_eq!(
        client.refusal("process.Process/CloseStdin", close).await,
        "failed_precondition"
    );
    // End of transmission, as a person would type it.
    let input = json!({"process": {"pid": pid}, "input": {"pty": "BA=="}});
    client.call("process.Process/SendInput", input).await.unwrap();
    let outcome = events.outcome().await;
    assert_eq!(outcome.end, Some(ProcessEnd::exited(6)));
    assert!(outcome.stdout.is_empty());
}

#[tokio::test]
async fn the_terminal_is_the_controlling_one_and_the_interrupt_key_works() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let mut events = client
        .shell("echo open > /dev/tty; exec sleep 1000", json!({"pty": {}}))
        .await;
    let pid = events.started().await;
    events.until("open").await;
    let input = json!({"process": {"pid": pid}, "input": {"pty": "Aw=="}});
    client.call("process.Process/SendInput", input).await.unwrap();
    assert_eq!(events.outcome().await.end, Some(ProcessEnd::signalled(2)));
}

#[tokio::test]
async fn a_killed_terminal_ends_its_stream() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    // The child ignores the hang-up and keeps the terminal open.
    let script = "(trap '' HUP; setsid sleep 1000) & echo ready; sleep 1000";
    let mut events = client
        .shell(script, json!({"pty": {"size": {"cols": 80, "rows": 24}}}))
        .await;
    let pid = events.started().await;
    events.until("ready").await;
    client
        .call(
            "process.Process/SendSignal",
            json!({"process": {"pid": pid}, "signal": 9}),
        )
        .await
        .unwrap();
    assert_eq!(events.outcome().await.end, Some(ProcessEnd::signalled(9)));
}

#[tokio::test]
async fn a_terminal_can_be_journaled() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let fields = json!({"pty": {}, "tag": "t", "codecourier": {"once": true, "journal": true}});
    client.shell("echo in a terminal", fields).await.outcome().await;
    assert_eq!(client.journal("t", "stdout", 0).await, "in a terminal\r\n");
}
