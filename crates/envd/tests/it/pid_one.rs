//! The daemon as what it really is: pid 1, whose end is the end of everything.

use bytes::Bytes;
use codecourier_e2b::process::ProcessEnd;
use http::{Method, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::client::Client;
use crate::daemon::Daemon;

async fn kill_all(client: &Client) -> Value {
    let answer = client.send(Method::POST, "/kill-all", Full::new(Bytes::new())).await;
    let (status, _, body) = answer.whole().await;
    assert_eq!(status, StatusCode::OK);
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn nothing_inside_can_end_pid_one() {
    let daemon = Daemon::start_as_pid_one();
    let client = Client::new(&daemon);
    let script =
        "for signal in TERM INT HUP QUIT USR1 USR2 PIPE ALRM CHLD KILL STOP SEGV; do kill -$signal 1; done; echo tried";
    let outcome = client.shell(script, json!({})).await.outcome().await;
    assert_eq!(outcome.stdout, b"tried\n");
    let outcome = client
        .shell("cat /proc/1/comm; echo $PPID", json!({}))
        .await
        .outcome()
        .await;
    assert_eq!(outcome.stdout, b"envd\n1\n");
}

#[tokio::test]
async fn one_call_kills_a_storm_of_forks() {
    let daemon = Daemon::start_as_pid_one();
    let client = Client::new(&daemon);
    let bomb = "ulimit -u 4000; echo started; b() { b 2>/dev/null & b 2>/dev/null & wait; }; b";
    let mut events = client.shell(bomb, json!({"codecourier": {"user": "nobody"}})).await;
    events.until("started").await;
    assert_eq!(client.get("/health").await.0, StatusCode::NO_CONTENT);
    assert_eq!(kill_all(&client).await["remaining"], 0);
    let outcome = client
        .shell("ls -d /proc/[0-9]* | wc -l", json!({}))
        .await
        .outcome()
        .await;
    // Pid 1, the shell, `ls` and `wc`.
    assert_eq!(outcome.stdout, b"4\n");
}

#[tokio::test]
async fn daemons_without_a_trace_die_too() {
    let daemon = Daemon::start_as_pid_one();
    let client = Client::new(&daemon);
    // No environment, another session, orphaned: only its namespace is known of it.
    let script = "for i in 1 2 3; do (setsid env -i /bin/sleep 1000 >/dev/null 2>&1 &); done; echo started";
    let outcome = client.shell(script, json!({"tag": "t"})).await.outcome().await;
    assert_eq!(outcome.stdout, b"started\n");
    let answer = kill_all(&client).await;
    assert_eq!(answer, json!({"killed": 3, "remaining": 0}));
}

#[tokio::test]
async fn the_journal_limit_reaches_what_carries_the_mark() {
    let daemon = Daemon::start_as_pid_one();
    let client = Client::new(&daemon);
    let script = "(setsid sh -c 'sleep 1000 & sleep 1000' >/dev/null 2>&1 &) ; exec yes";
    let mut bystander = client.shell("exec sleep 1000", json!({"tag": "bystander"})).await;
    let bystander_pid = bystander.started().await;
    let fields = json!({"tag": "t", "codecourier": {"once": true, "journal": true, "journalLimit": 1000}});
    let outcome = client.shell(script, fields).await.outcome().await;
    assert_eq!(outcome.end, Some(ProcessEnd::signalled(9)));
    assert_eq!(client.exit("t").await["reason"], "journal_limit");
    // The bystander lives; the rest is gone once it is reaped.
    let patience = std::time::Instant::now();
    loop {
        let listing = client.shell("pgrep -x sleep", json!({})).await.outcome().await.stdout;
        let text = String::from_utf8(listing).unwrap();
        if text == format!("{bystander_pid}\n") {
            break;
        }
        assert!(patience.elapsed() < crate::client::PATIENCE, "{text}");
    }
}

#[tokio::test]
async fn without_room_for_another_process_it_says_so_and_still_kills() {
    let daemon = Daemon::start_as_pid_one();
    let client = Client::new(&daemon);
    // As many descriptors as one process needs, and a few for connections.
    let children = std::fs::read_to_string(format!("/proc/{}/task/{0}/children", daemon.pid())).unwrap();
    let inner = rustix::process::Pid::from_raw(children.trim().parse().unwrap()).unwrap();
    let used = std::fs::read_dir(format!("/proc/{}/fd", inner.as_raw_nonzero()))
        .unwrap()
        .count() as u64;
    let limit = Some(used + 20);
    let limit = rustix::process::Rlimit {
        current: limit,
        maximum: limit,
    };
    rustix::process::prlimit(Some(inner), rustix::process::Resource::Nofile, limit).unwrap();
    let mut kept = Vec::new();
    let error = loop {
        let mut events = client.start(json!({"process": {"cmd": "cat"}})).await;
        match events.next().await {
            Ok(_) => kept.push(events),
            Err(error) => break error.unwrap(),
        }
        assert!(kept.len() < 20);
    };
    assert_eq!(error, "resource_exhausted");
    assert!(!kept.is_empty());
    // Nor for another connection, but for one that has to be heard.
    let idle: Vec<_> = (0..30)
        .map(|_| std::os::unix::net::UnixStream::connect(daemon.socket()).unwrap())
        .collect();
    let answer = kill_all(&client).await;
    assert_eq!(answer["remaining"], 0);
    assert!(answer["killed"].as_u64().unwrap() >= kept.len() as u64);
    drop((kept, idle));
    // Their places are free again when the daemon has noticed.
    let patience = std::time::Instant::now();
    while client.get("/envs").await.0 != StatusCode::OK {
        assert!(patience.elapsed() < crate::client::PATIENCE, "it does not recover");
    }
    assert_eq!(
        client.shell("exit 3", json!({})).await.outcome().await.end,
        Some(ProcessEnd::exited(3))
    );
}
