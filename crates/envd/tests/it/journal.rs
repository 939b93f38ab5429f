//! Starting once, and reading what a process wrote byte by byte from anywhere.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use bytes::Bytes;
use codecourier_e2b::process::ProcessEnd;
use http::{Method, StatusCode};
use http_body_util::Full;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{Answer, Client, PATIENCE};
use crate::daemon::Daemon;

async fn follow(client: &Client, query: &str) -> Answer {
    client
        .send(Method::GET, &format!("/journal?{query}"), Full::new(Bytes::new()))
        .await
}

#[tokio::test]
async fn concurrent_starts_with_one_tag_make_one_process() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let witness = daemon.scratch().join("witness");
    let message = json!({
        "process": {"cmd": "sh", "args": ["-c", format!("echo run >> {}; read line; echo got $line", witness.display())]},
        "tag": "agent",
        "codecourier": {"once": true, "journal": true, "input": "aGVsbG8K"},
    });
    let starts = (0..8).map(|_| {
        let (client, message) = (client.clone(), message.clone());
        async move { client.start(message).await.outcome().await }
    });
    let outcomes = futures_join(starts).await;
    let pid = outcomes[0].pid;
    for outcome in outcomes {
        assert_eq!((outcome.pid, outcome.end), (pid, Some(ProcessEnd::exited(0))));
    }
    // Long after its end, too.
    let again = client.start(message).await.outcome().await;
    assert_eq!((again.pid, again.end), (pid, Some(ProcessEnd::exited(0))));
    assert_eq!(std::fs::read_to_string(&witness).unwrap(), "run\n");
    assert_eq!(client.journal("agent", "stdout", 0).await, "got hello\n");
    let without_once = json!({"process": {"cmd": "true"}, "tag": "agent"});
    assert_eq!(
        client.start(without_once).await.outcome().await.error.as_deref(),
        Some("already_exists")
    );
}

async fn futures_join<T>(futures: impl Iterator<Item = impl Future<Output = T> + 'static>) -> Vec<T>
where
    T: 'static,
{
    let local = tokio::task::LocalSet::new();
    let tasks: Vec<_> = futures.map(|future| local.spawn_local(future)).collect();
    local
        .run_until(async {
            let mut results = Vec::new();
            for task in tasks {
                results.push(task.await.unwrap());
            }
            results
        })
        .await
}

#[tokio::test]
async fn a_start_that_failed_can_be_repeated() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let start = async |command: &str| {
        let message = json!({"process": {"cmd": command}, "tag": "t", "codecourier": {"once": true, "journal": true}});
        client.start(message).await.outcome().await
    };
    assert_eq!(
        start("/no/such/command").await.error.as_deref(),
        Some("invalid_argument")
    );
    assert_eq!(start("true").await.end, Some(ProcessEnd::exited(0)));
}

#[tokio::test]
async fn tags_that_cannot_name_a_journal_are_refused() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    for tag in [
        json!("../escape"),
        json!(".hidden"),
        json!("a/b"),
        json!(""),
        Value::Null,
    ] {
        let message = json!({"process": {"cmd": "true"}, "tag": tag, "codecourier": {"once": true, "journal": true}});
        assert_eq!(
            client.start(message).await.outcome().await.error.as_deref(),
            Some("invalid_argument"),
            "{tag}"
        );
    }
}

#[tokio::test]
async fn input_with_the_start_can_be_all_there_is() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let message = json!({"process": {"cmd": "cat"}, "stdin": false, "codecourier": {"input": "YWxsIG9mIGl0"}});
    let outcome = client.start(message).await.outcome().await;
    assert_eq!(
        (outcome.stdout.as_slice(), outcome.end),
        (b"all of it".as_slice(), Some(ProcessEnd::exited(0)))
    );
}

#[tokio::test]
async fn a_journal_is_followed_while_it_is_written() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let message = json!({"process": {"cmd": "cat"}, "tag": "t", "codecourier": {"once": true, "journal": true}});
    let pid = client.start(message).await.started().await;
    let mut reader = follow(&client, "tag=t&stream=stdout&offset=0").await;
    assert_eq!(reader.response.status(), StatusCode::OK);
    assert_eq!(reader.response.headers()["codecourier-journal-pid"], pid.to_string());
    for text in ["YQ==", "Yg=="] {
        let input = json!({"process": {"tag": "t"}, "input": {"stdin": text}});
        client.call("process.Process/SendInput", input).await.unwrap();
        assert_eq!(reader.chunk().await.unwrap().len(), 1);
    }
    let mut late = follow(&client, "tag=t&offset=1").await;
    assert_eq!(late.chunk().await.unwrap(), "b");
    assert_eq!(
        follow(&client, "tag=t&offset=3").await.response.status(),
        StatusCode::RANGE_NOT_SATISFIABLE
    );
    assert_eq!(
        follow(&client, "tag=unknown").await.response.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        follow(&client, "tag=t&stream=stdin").await.response.status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        follow(&client, "tag=t&offset=-1").await.response.status(),
        StatusCode::BAD_REQUEST
    );
    client
        .call("process.Process/CloseStdin", json!({"process": {"tag": "t"}}))
        .await
        .unwrap();
    assert_eq!(reader.chunk().await, None);
    assert_eq!(late.chunk().await, None);
    assert_eq!(client.journal("t", "stdout", 2).await, "");
    assert_eq!(client.journal("t", "stderr", 0).await, "");
}

#[tokio::test]
async fn the_exit_is_told_to_those_who_wait_and_to_those_who_come_late() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let message = json!({"process": {"cmd": "sh", "args": ["-c", "read x; echo err >&2; exit 9"]}, "tag": "t", "codecourier": {"once": true, "journal": true}});
    client.start(message).await.started().await;
    let waiting = client.clone();
    let local = tokio::task::LocalSet::new();
    let early = local.spawn_local(async move { waiting.exit("t").await });
    local
        .run_until(async {
            let input = json!({"process": {"tag": "t"}, "input": {"stdin": "Cg=="}});
            client.call("process.Process/SendInput", input).await.unwrap();
            let early = early.await.unwrap();
            assert_eq!(
                (early["exitCode"].as_i64(), early["reason"].as_str()),
                (Some(9), Some("exited"))
            );
            assert_eq!(
                (early["stdoutBytes"].as_i64(), early["stderrBytes"].as_i64()),
                (Some(0), Some(4))
            );
            assert!(early["endedAtMs"].as_i64() >= early["startedAtMs"].as_i64());
            assert_eq!(client.exit("t").await, early);
            let file = std::fs::read(daemon.journal_file("t.exit")).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&file).unwrap(), early);
        })
        .await;
    assert_eq!(client.get("/processes/exit?tag=unknown").await.0, StatusCode::NOT_FOUND);
    assert_eq!(client.get("/processes/exit").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_process_cannot_reach_its_journal() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    std::fs::set_permissions(daemon.scratch(), PermissionsExt::from_mode(0o755)).unwrap();
    let file = daemon.journal_file("t.stdout");
    let script = format!(
        "echo real; cat {0} || echo unreadable; (: > {0}) || echo unwritable; \
         (: > /proc/self/fd/1) 2>/dev/null; echo end; readlink /proc/self/fd/1 | grep -c pipe",
        file.display()
    );
    let fields = json!({"tag": "t", "codecourier": {"once": true, "journal": true, "user": "nobody"}});
    client.shell(&script, fields).await.outcome().await;
    assert_eq!(
        client.journal("t", "stdout", 0).await,
        "real\nunreadable\nunwritable\nend\n1\n"
    );
}

#[tokio::test]
async fn the_journal_limit_kills_the_whole_tree_and_says_so() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    // A child in the group, one in a session of its own, and a daemon that forked twice away.
    let script = "sleep 1001 & setsid sleep 1001 & (setsid sh -c 'sleep 1001 & sleep 1001' &) ; exec yes";
    let fields = json!({"tag": "t", "codecourier": {"once": true, "journal": true, "journalLimit": 100_000}});
    let outcome = client.shell(script, fields).await.outcome().await;
    assert_eq!(outcome.end, Some(ProcessEnd::signalled(9)));
    let exit = client.exit("t").await;
    assert_eq!(
        (exit["reason"].as_str(), exit["stdoutBytes"].as_u64()),
        (Some("journal_limit"), Some(100_000))
    );
    assert_eq!(client.journal("t", "stdout", 0).await.len(), 100_000);
    wait_until_gone(&client, &daemon).await;
}

/// Killed processes need a moment until they are reaped.
async fn wait_until_gone(client: &Client, daemon: &Daemon) {
    let patience = std::time::Instant::now();
    while !daemon.children().is_empty() {
        client.shell("true", json!({})).await.outcome().await;
        assert!(patience.elapsed() < PATIENCE, "something is left of the tree");
    }
}

#[tokio::test]
async fn a_full_disk_ends_the_process_and_is_told_apart() {
    let small = SmallDisk::mount(1 << 20);
    let journal = small.path().join("journal");
    let daemon = Daemon::start_with(&["--journal", journal.to_str().unwrap()]);
    let client = Client::new(&daemon);
    let fields = json!({"tag": "t", "codecourier": {"once": true, "journal": true}});
    let outcome = client.shell("exec yes", fields).await.outcome().await;
    assert_eq!(outcome.end, Some(ProcessEnd::signalled(9)));
    let exit = client.exit("t").await;
    assert_eq!(exit["reason"], "journal_error");
    let length = exit["stdoutBytes"].as_u64().unwrap();
    assert!(length > 500_000, "{length}");
    let text = client.journal("t", "stdout", 0).await;
    assert_eq!(text.len() as u64, length);
    assert!(text.chunks(2).all(|line| line == b"y\n" || line == b"y"));
    // The daemon is well, and the record found room.
    assert_eq!(client.get("/health").await.0, StatusCode::NO_CONTENT);
    let record: Value = serde_json::from_slice(&std::fs::read(journal.join("t.exit")).unwrap()).unwrap();
    assert_eq!(record, exit);
    drop(daemon);
}

/// A file system of a few pages.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(bytes: u64) -> Self {
        let place = tempfile::tempdir().unwrap();
        let options = format!("size={bytes},mode=0755");
        let options = std::ffi::CString::new(options).unwrap();
        rustix::mount::mount(
            "envd-test",
            place.path(),
            "tmpfs",
            rustix::mount::MountFlags::empty(),
            Some(&*options),
        )
        .unwrap();
        Self(place)
    }

    fn path(&self) -> &std::path::Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(self.0.path(), rustix::mount::UnmountFlags::DETACH);
    }
}

#[tokio::test]
async fn a_line_of_200_megabytes_passes_in_bounded_memory() {
    const LENGTH: usize = 200 << 20;
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    // 0xff is no UTF-8, and there is no line end anywhere.
    let script = format!("head -c {LENGTH} /dev/zero | tr '\\0' '\\377'");
    client.journaled("t", &script).await;
    let mut reader = follow(&client, "tag=t&stream=stdout&offset=0").await;
    let mut length = 0;
    while let Some(chunk) = reader.chunk().await {
        assert!(chunk.iter().all(|byte| *byte == 0xff));
        length += chunk.len();
    }
    assert_eq!(length, LENGTH);
    assert_eq!(client.exit("t").await["stdoutBytes"].as_u64(), Some(LENGTH as u64));
    let peak = daemon.memory("VmHWM");
    assert!(peak < 32 * 1024, "{peak} kB");
}

#[tokio::test]
async fn a_reader_that_leaves_and_one_that_does_not_read_hold_up_nobody() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    client.journaled("t", "head -c 50000000 /dev/zero").await;
    let stuck = follow(&client, "tag=t&offset=0").await;
    for _ in 0..10 {
        let mut leaver = follow(&client, "tag=t&offset=0").await;
        leaver.chunk().await.unwrap();
    }
    assert_eq!(client.exit("t").await["exitCode"], 0);
    assert_eq!(client.journal("t", "stdout", 49_999_990).await.len(), 10);
    drop(stuck);
}

/// What a run writes: chunks for both streams, with a byte that only depends on its place.
fn chunks() -> impl Strategy<Value = Vec<(bool, usize)>> {
    proptest::collection::vec((any::<bool>(), 1..200_000_usize), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever is written in whatever pieces, and however often a reader has to come back, the bytes it put together
    /// are the bytes that were written.
    #[test]
    fn a_journal_is_byte_exact_across_reconnects(
        chunks in chunks(),
        cuts in proptest::collection::vec(1..150_000_usize, 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let daemon = Daemon::start();
            let client = Client::new(&daemon);
            let mut expected = [Vec::new(), Vec::new()];
            let mut script = String::new();
            for (index, (is_error, length)) in chunks.iter().enumerate() {
                let file = daemon.scratch().join(format!("chunk-{index}"));
                let bytes: Vec<u8> = (0..*length).map(|position| (position * 31 + index * 7) as u8).collect();
                std::fs::write(&file, &bytes).unwrap();
                script += &format!("cat {}{}\n", file.display(), if *is_error { " >&2" } else { "" });
                expected[usize::from(*is_error)].extend_from_slice(&bytes);
            }
            client.journaled("t", &script).await;
            for (stream, expected) in ["stdout", "stderr"].into_iter().zip(&expected) {
                let mut read = Vec::new();
                for cut in cuts.iter().chain([&usize::MAX]) {
                    let mut reader = follow(&client, &format!("tag=t&stream={stream}&offset={}", read.len())).await;
                    let stop = read.len().saturating_add(*cut);
                    // Leaves in the middle, and comes back for the rest.
                    while read.len() < stop && let Some(chunk) = reader.chunk().await {
                        read.extend_from_slice(&chunk[..chunk.len().min(stop - read.len())]);
                    }
                }
                assert!(&read == expected, "{stream}: {} of {} bytes", read.len(), expected.len());
            }
        });
    }
}

#[tokio::test]
async fn waiting_for_an_exit_costs_nothing() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    client.journaled("t", "exec sleep 1000").await;
    let _reader = follow(&client, "tag=t&offset=0").await;
    let ticks = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).unwrap();
        let fields: Vec<u64> = stat
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .filter_map(|field| field.parse().ok())
            .collect();
        (fields[10], fields[11])
    };
    let switches = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("voluntary_ctxt_switches"))
            .unwrap()
            .to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = (ticks(), switches());
    // Nothing to wait on: what is asserted is that nothing happens for a while. The end of the last connection may.
    assert!(
        tokio::time::timeout(Duration::from_millis(600), std::future::pending::<()>())
            .await
            .is_err()
    );
    assert_eq!(ticks(), before.0, "the daemon used the processor with nothing to do");
    assert!(
        switches() - before.1 <= 8,
        "the daemon keeps waking up with nothing to do"
    );
}
