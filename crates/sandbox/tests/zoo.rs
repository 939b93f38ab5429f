//! Processes that do not want to end. After `destroy` and after `kill_processes` none of them lives.

#![expect(
    clippy::unwrap_used,
    reason = "tests: helpers outside of test functions count as code"
)]

mod common;

use std::time::{Duration, Instant};

use codecourier_sandbox::{Backend, FileOwner, ProcessSpec, Sandbox};
use common::{Bench, is_alive, say};

/// Each leaves something behind that keeps running; the marker in its command line is looked for on the host.
const ZOO: &[(&str, &str)] = &[
    (
        "ignores SIGTERM",
        "trap '' TERM HUP INT; while :; do sleep MARK1; done & echo up; wait",
    ),
    ("a session of its own", "setsid sleep MARK2 & echo up"),
    ("nohup", "nohup sleep MARK3 >/dev/null 2>&1 & echo up"),
    ("double fork", "( ( sleep MARK4 & ) & ); echo up"),
    ("stopped", "sleep MARK5 & kill -STOP $!; echo up"),
    ("holds its output open", "sleep MARK6 & echo up"),
    (
        "a parent that never waits",
        "python3 -c \"import os,time\nfor _ in range(20):\n  if os.fork()==0: os._exit(0)\nprint('up',flush=True)\ntime.sleep(MARK7)\"",
    ),
    (
        "renames itself",
        "python3 -c \"import os,time\nos.setsid()\nif os.fork(): os._exit(0)\nopen('/proc/self/comm','w').write('kworker')\nprint('up',flush=True)\ntime.sleep(MARK8)\"",
    ),
];

async fn fill(sandbox: &dyn Sandbox) {
    for (index, (what, line)) in ZOO.iter().enumerate() {
        let tag = format!("zoo-{index}");
        sandbox
            .start(ProcessSpec::shell(&tag, line.replace("MARK", &mark())))
            .await
            .unwrap();
        let mut journal = sandbox
            .journal(&tag, codecourier_sandbox::JournalStream::Stdout, 0)
            .await
            .unwrap();
        let first = tokio::time::timeout(Duration::from_secs(20), futures::StreamExt::next(&mut journal)).await;
        assert!(first.unwrap().unwrap().unwrap().starts_with(b"up"), "{what}");
    }
}

/// What only this test process's animals have in their command lines: part of the seconds they would sleep.
fn mark() -> String {
    format!("7{:07}", std::process::id())
}

/// Pids on the host of processes whose command line has `needle`.
fn on_the_host(needle: &str) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(needle)
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn destroy_ends_every_animal_within_two_seconds() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    fill(&*sandbox).await;
    let alive = on_the_host(&mark());
    assert!(alive.len() >= 8, "{alive:?}");
    let start = Instant::now();
    let destroyed = bench.backend.destroy(sandbox.id()).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(destroyed.survivors, 0);
    assert!(destroyed.killed >= 9, "{destroyed:?}");
    assert!(alive.iter().all(|pid| !is_alive(*pid)));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_processes_leaves_the_sandbox_usable() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    fill(&*sandbox).await;
    let killed = sandbox.kill_processes().await.unwrap();
    assert_eq!(killed.survivors, 0, "{killed:?}");
    assert!(killed.killed >= 8, "{killed:?}");
    assert_eq!(say(&*sandbox, "echo alive").await, "alive");
    assert_eq!(sandbox.usage().await.unwrap().processes, Some(1));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_stays_in_its_sandbox_and_ends_with_it() {
    let bench = Bench::new().await;
    let (bomb, other) = (bench.create(1).await, bench.create(2).await);
    bomb.start(ProcessSpec::shell("bomb", "f() { f | f & }; f; echo lit; sleep 1000"))
        .await
        .unwrap();
    let start = Instant::now();
    while bomb.usage().await.unwrap().processes.unwrap() < 200 {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", bomb.usage().await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(bomb.usage().await.unwrap().processes.unwrap() <= 256);
    assert_eq!(say(&*other, "echo alive").await, "alive");
    let start = Instant::now();
    assert_eq!(bench.backend.destroy(bomb.id()).await.unwrap().survivors, 0);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn root_inside_cannot_kill_the_daemon() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    let said = common::words(
        &*sandbox,
        FileOwner::Root,
        "kill -9 1; kill -STOP 1; kill -TERM 1; echo tried",
    )
    .await;
    assert!(said.contains("tried"), "{said}");
    assert_eq!(say(&*sandbox, "echo alive").await, "alive");
    bench.end().await;
}
