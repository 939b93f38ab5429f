//! Starting, feeding, listening to and signalling processes.

use codecourier_e2b::process::{ProcessEnd, ProcessEvent};
use serde_json::json;

use crate::client::Client;
use crate::daemon::Daemon;

#[tokio::test]
async fn output_exit_code_and_environment_are_those_of_the_command() {
    let daemon = Daemon::start_with(&["--env", "FROM=sandbox", "--env", "LEVEL=sandbox"]);
    let client = Client::new(&daemon);
    let script = "echo $FROM/$LEVEL/$USER/$LOGNAME/$HOME/$E2B_SANDBOX; echo oops >&2; pwd; exit 3";
    let message = json!({
        "process": {"cmd": "sh", "args": ["-c", script], "cwd": "/tmp", "envs": {"LEVEL": "request", "E2B_SANDBOX": "no"}},
        "stdin": false,
    });
    let outcome = client.start(message).await.outcome().await;
    assert_eq!(
        String::from_utf8_lossy(&outcome.stdout),
        "sandbox/request/root/root//root/true\n/tmp\n"
    );
    assert_eq!(outcome.stderr, b"oops\n");
    assert_eq!(outcome.end, Some(ProcessEnd::exited(3)));
    assert_eq!(outcome.error, None);
    assert!(outcome.pid > 1);
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let code = async |message| client.start(message).await.outcome().await.error.unwrap();
    assert_eq!(
        code(json!({"process": {"cmd": "/no/such/thing"}})).await,
        "invalid_argument"
    );
    assert_eq!(
        code(json!({"process": {"cmd": "sh", "cwd": "/no/such/directory"}})).await,
        "invalid_argument"
    );
    assert_eq!(
        code(json!({"process": {"cmd": "sh", "envs": {"A=B": "x"}}})).await,
        "invalid_argument"
    );
    assert_eq!(
        code(json!({"process": {"cmd": "/etc/passwd"}})).await,
        "invalid_argument"
    );
    assert_eq!(code(json!({})).await, "invalid_argument");
    assert_eq!(
        code(json!({"process": {"cmd": "sh"}, "codecourier": {"user": "nobody-at-all"}})).await,
        "unauthenticated"
    );
    let basic = client.with("authorization", "Basic bm9ib2R5LWF0LWFsbDo=");
    let error = basic
        .start(json!({"process": {"cmd": "sh"}}))
        .await
        .outcome()
        .await
        .error;
    assert_eq!(error.as_deref(), Some("unauthenticated"));
}

#[tokio::test]
async fn a_child_runs_as_its_user_in_its_own_session_with_little() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let script = "id -u; id -un; ulimit -c; grep -E '^(NoNewPrivs|SigIgn|SigBlk)' /proc/self/status; \
                  ls /proc/self/fd | wc -l; umask; ps -o sid= -p $$ | tr -d ' '; pwd";
    let outcome = client
        .shell(script, json!({"codecourier": {"user": "nobody"}}))
        .await
        .outcome()
        .await;
    let text = String::from_utf8_lossy(&outcome.stdout).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "nobody");
    assert_ne!(lines[0], "0");
    assert_eq!(lines[2], "0");
    assert_eq!(lines[3], "SigBlk:\t0000000000000000");
    assert_eq!(lines[4], "SigIgn:\t0000000000000000");
    assert_eq!(lines[5], "NoNewPrivs:\t1");
    // 0, 1, 2 and the directory that `ls` reads.
    assert_eq!(lines[6], "4");
    assert_eq!(lines[7], "0022");
    assert_eq!(lines[8], outcome.pid.to_string());
    // Its home does not exist.
    assert_eq!(lines[9], "/");
}

#[tokio::test]
async fn input_reaches_the_process_in_order_and_ends_when_closed() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let mut events = client.start(json!({"process": {"cmd": "cat"}})).await;
    let pid = events.started().await;
    for text in ["b25lIA==", "dHdvIA==", "dGhyZWU="] {
        let input = json!({"process": {"pid": pid}, "input": {"stdin": text}});
        client.call("process.Process/SendInput", input).await.unwrap();
    }
    client
        .call("process.Process/CloseStdin", json!({"process": {"pid": pid}}))
        .await
        .unwrap();
    let outcome = events.outcome().await;
    assert_eq!(outcome.stdout, b"one two three");
    assert_eq!(outcome.end, Some(ProcessEnd::exited(0)));
    let late = json!({"process": {"pid": pid}, "input": {"stdin": "eA=="}});
    assert_eq!(client.refusal("process.Process/SendInput", late).await, "not_found");
}

#[tokio::test]
async fn an_input_id_is_written_once() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let mut events = client.start(json!({"process": {"cmd": "cat"}, "tag": "t"})).await;
    events.started().await;
    for (id, text) in [
        ("m1", "YQ=="),
        ("m1", "YQ=="),
        ("m2", "Yg=="),
        ("m1", "YQ=="),
        ("", "Yw=="),
        ("", "Yw=="),
    ] {
        let input = json!({"process": {"tag": "t"}, "input": {"stdin": text}, "codecourier": {"inputId": id}});
        client.call("process.Process/SendInput", input).await.unwrap();
    }
    client
        .call("process.Process/CloseStdin", json!({"process": {"tag": "t"}}))
        .await
        .unwrap();
    assert_eq!(events.outcome().await.stdout, b"abcc");
}

#[tokio::test]
async fn input_to_nobody_is_refused() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let mut events = client.shell("sleep 60", json!({})).await;
    let pid = events.started().await;
    let call = |method: &'static str, message| {
        let client = client.clone();
        async move { client.refusal(&format!("process.Process/{method}"), message).await }
    };
    let process = json!({"pid": pid});
    assert_eq!(
        call("SendInput", json!({"process": process, "input": {"stdin": "eA=="}})).await,
        "internal"
    );
    assert_eq!(
        call("SendInput", json!({"process": process, "input": {"pty": "eA=="}})).await,
        "failed_precondition"
    );
    assert_eq!(call("SendInput", json!({"process": process})).await, "invalid_argument");
    assert_eq!(
        call("SendSignal", json!({"process": {"pid": 999_999_999}, "signal": 9})).await,
        "not_found"
    );
    assert_eq!(
        call("SendSignal", json!({"process": process, "signal": 4242})).await,
        "invalid_argument"
    );
    assert_eq!(
        call("SendSignal", json!({"process": process})).await,
        "invalid_argument"
    );
    assert_eq!(
        call(
            "Update",
            json!({"process": process, "pty": {"size": {"cols": 1, "rows": 1}}})
        )
        .await,
        "failed_precondition"
    );
    assert_eq!(call("Teleport", json!({})).await, "unimplemented");
}

#[tokio::test]
async fn signals_end_a_process_and_are_told() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    for (signal, text) in [
        (json!("SIGNAL_SIGKILL"), "signal: killed"),
        (json!(15), "signal: terminated"),
        (json!(2), "signal: interrupt"),
    ] {
        let mut events = client.shell("echo ready; exec sleep 60", json!({})).await;
        let pid = events.started().await;
        events.until("ready").await;
        client
            .call(
                "process.Process/SendSignal",
                json!({"process": {"pid": pid}, "signal": signal}),
            )
            .await
            .unwrap();
        let end = events.outcome().await.end.unwrap();
        assert_eq!((end.exit_code, end.exited, end.status.as_str()), (-1, false, text));
        assert_eq!(end.error.as_deref(), Some(text));
    }
}

#[tokio::test]
async fn a_kill_ends_the_stream_even_if_a_grandchild_holds_the_pipe() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let script = "setsid sleep 1000 & echo ready; exec sleep 1000";
    let mut events = client.shell(script, json!({})).await;
    let pid = events.started().await;
    events.until("ready").await;
    client
        .call(
            "process.Process/SendSignal",
            json!({"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"}),
        )
        .await
        .unwrap();
    assert_eq!(events.outcome().await.end, Some(ProcessEnd::signalled(9)));
}

#[tokio::test]
async fn the_end_waits_for_everything_that_was_written() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    // The shell is long gone when its background child, told through a pipe, writes the last line.
    let fifo = daemon.scratch().join("fifo");
    let script = format!(
        "mkfifo {0}; (read x < {0}; echo late) & echo early; exit 7",
        fifo.display()
    );
    let mut events = client.shell(&script, json!({})).await;
    events.until("early").await;
    std::fs::write(&fifo, "go\n").unwrap();
    let outcome = events.outcome().await;
    assert_eq!(outcome.stdout, b"late\n");
    assert_eq!(outcome.end, Some(ProcessEnd::exited(7)));
}

#[tokio::test]
async fn the_wait_for_heirs_of_the_output_can_be_bounded() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let fields = json!({"tag": "t", "codecourier": {"journal": true, "drainGraceMs": 50}});
    let events = client.shell("setsid sleep 1000 & echo done; exit 4", fields).await;
    assert_eq!(events.outcome().await.end, Some(ProcessEnd::exited(4)));
    let exit = client.exit("t").await;
    assert_eq!(exit["outputHeld"], true);
    assert_eq!(exit["reason"], "exited");
    assert_eq!(client.journal("t", "stdout", 0).await, "done\n");
}

#[tokio::test]
async fn a_process_survives_its_client_and_others_can_attach() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let mut events = client.start(json!({"process": {"cmd": "cat"}, "tag": "kept"})).await;
    let pid = events.started().await;
    drop(events);
    let list = client.call("process.Process/List", json!({})).await.unwrap();
    assert_eq!(
        list,
        json!({"processes": [{"config": {"cmd": "cat"}, "pid": pid, "tag": "kept"}]})
    );
    let mut second = client.stream("Connect", json!({"process": {"tag": "kept"}})).await;
    assert_eq!(second.started().await, pid);
    let mut third = client.stream("Connect", json!({"process": {"pid": pid}})).await;
    assert_eq!(third.started().await, pid);
    let input = json!({"process": {"pid": pid}, "input": {"stdin": "aGVsbG8K"}});
    client.call("process.Process/SendInput", input).await.unwrap();
    second.until("hello\n").await;
    third.until("hello\n").await;
    client
        .call("process.Process/CloseStdin", json!({"process": {"pid": pid}}))
        .await
        .unwrap();
    assert_eq!(second.outcome().await.end, Some(ProcessEnd::exited(0)));
    assert_eq!(third.outcome().await.end, Some(ProcessEnd::exited(0)));
    // Ended, but remembered for a while.
    let late = client
        .stream("Connect", json!({"process": {"pid": pid}}))
        .await
        .outcome()
        .await;
    assert_eq!((late.pid, late.end), (pid, Some(ProcessEnd::exited(0))));
    assert_eq!(
        client.call("process.Process/List", json!({})).await.unwrap(),
        json!({"processes": []})
    );
    let nobody = client
        .stream("Connect", json!({"process": {"pid": 999_999_999}}))
        .await
        .outcome()
        .await;
    assert_eq!(nobody.error.as_deref(), Some("not_found"));
}

#[tokio::test]
async fn the_time_given_with_a_start_is_the_life_of_the_process() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon).with("connect-timeout-ms", "200");
    let outcome = client
        .shell("sleep 1000", json!({"tag": "t", "codecourier": {"once": true}}))
        .await
        .outcome()
        .await;
    assert_eq!(
        (outcome.end, outcome.error.as_deref()),
        (None, Some("deadline_exceeded"))
    );
    let exit = client.exit("t").await;
    assert_eq!(
        (exit["reason"].as_str(), exit["signal"].as_i64()),
        (Some("timeout"), Some(9))
    );
}

#[tokio::test]
async fn the_time_given_with_an_attach_ends_only_the_stream() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let mut events = client.start(json!({"process": {"cmd": "cat"}})).await;
    let pid = events.started().await;
    let hasty = client.with("connect-timeout-ms", "50");
    let outcome = hasty
        .stream("Connect", json!({"process": {"pid": pid}}))
        .await
        .outcome()
        .await;
    assert_eq!(
        (outcome.end, outcome.error.as_deref()),
        (None, Some("deadline_exceeded"))
    );
    client
        .call("process.Process/CloseStdin", json!({"process": {"pid": pid}}))
        .await
        .unwrap();
    assert_eq!(events.outcome().await.end, Some(ProcessEnd::exited(0)));
}

#[tokio::test]
async fn a_silent_stream_is_kept_alive() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let mut events = client
        .with("keepalive-ping-interval", "1")
        .shell("sleep 1000", json!({}))
        .await;
    events.started().await;
    assert_eq!(events.next().await, Ok(ProcessEvent::Keepalive));
}

#[tokio::test]
async fn a_slow_listener_slows_the_process_down_and_loses_nothing() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let progress = daemon.scratch().join("progress");
    // Writes 64 MiB and notes each MiB; with nobody reading, it gets stuck after the buffers between us.
    let script = format!(
        "i=0; while [ $i -lt 64 ]; do head -c 1048576 /dev/zero; i=$((i+1)); echo $i > {}; done",
        progress.display()
    );
    let mut events = client.shell(&script, json!({})).await;
    events.started().await;
    let before = daemon.memory("VmRSS");
    let outcome = events.outcome().await;
    assert_eq!(outcome.stdout.len(), 64 << 20);
    assert!(outcome.stdout.iter().all(|byte| *byte == 0));
    assert!(
        daemon.memory("VmRSS") < before + 8 * 1024,
        "the daemon kept output in memory"
    );
}

#[tokio::test]
async fn orphans_are_reaped() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    // The grandchild outlives its parent, becomes ours, and ends when its input does.
    let fifo = daemon.scratch().join("fifo");
    let script = format!(
        "mkfifo {0}; (setsid sh -c 'read x < {0}' >/dev/null 2>&1 &) ; echo done",
        fifo.display()
    );
    client.shell(&script, json!({})).await.outcome().await;
    std::fs::write(&fifo, "go\n").unwrap();
    // Reaped in the order of their ends: when this one's end is told, the daemon has been there.
    let patience = std::time::Instant::now();
    while !daemon.children().is_empty() {
        client.shell("true", json!({})).await.outcome().await;
        assert!(patience.elapsed() < crate::client::PATIENCE, "an orphan was not reaped");
    }
}

#[tokio::test]
async fn a_confined_child_has_the_capabilities_and_the_filter_it_was_given() {
    let facts = "grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t\\n'; \
                 ulimit -n; chroot / true 2>/dev/null && echo chrooted || echo refused";
    for (confine, fixed) in [("fixed", 1), ("may-rise", 0)] {
        let daemon = Daemon::start_with(&["--confine", confine]);
        let client = Client::new(&daemon);
        for (user, own) in [("root", "00000000800405fb"), ("nobody", "0000000000000000")] {
            let outcome = client
                .shell(facts, json!({"codecourier": {"user": user}}))
                .await
                .outcome()
                .await;
            let expected = format!(
                "CapInh:0000000000000000CapPrm:{own}CapEff:{own}CapBnd:00000000800405fbCapAmb:0000000000000000\
                 NoNewPrivs:{fixed}Seccomp:21024\nrefused\n"
            );
            assert_eq!(String::from_utf8_lossy(&outcome.stdout), expected, "{confine} {user}");
        }
    }
}

#[tokio::test]
async fn remembered_journals_hold_no_descriptors() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    for index in 0..60 {
        client.journaled(&format!("t{index}"), "echo $CODECOURIER_TAG").await;
        client.exit(&format!("t{index}")).await;
    }
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count();
    assert!(descriptors < 30, "{descriptors} descriptors are open");
    assert_eq!(client.journal("t7", "stdout", 0).await, "t7\n");
}
