//! The server dies; its sandboxes do not. This test binary is the server, too: it starts itself again with the name of
//! a part to play, and is killed with SIGKILL.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests: helpers outside of test functions count as code"
)]

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use codecourier_sandbox::ns::{NsBackend, NsConfig};
use codecourier_sandbox::{Backend, EndedBecause, ExitStatus, JournalStream, ProcessSpec, Sandbox, Stdin};
use common::{assert_nothing_left, is_alive, layers, only_directories, say, spec};
use futures::StreamExt;

const PART: &str = "CODECOURIER_TEST_PART";
const DATA: &str = "CODECOURIER_TEST_DATA";

/// Writes a numbered line every few milliseconds; 300 of them.
const COUNTING: &str = "for i in $(seq 1 300); do echo line-$i; sleep 0.01; done";

/// Not a test by itself: the server that is killed.
#[tokio::test(flavor = "multi_thread")]
async fn the_part_of_the_server() {
    let (Ok(part), Ok(data)) = (std::env::var(PART), std::env::var(DATA)) else {
        return;
    };
    let backend = NsBackend::open(NsConfig::new(&data)).unwrap();
    // The same identifier in both processes: the data directory is their own.
    let mut spec = spec(1, &layers().await);
    spec.id = fixed_id();
    match part.as_str() {
        "count" => {
            let sandbox = backend.create(spec).await.unwrap();
            sandbox.start(ProcessSpec::shell("count", COUNTING)).await.unwrap();
            let stdin = Stdin::Open {
                initial: Bytes::from_static(b"initial\n"),
            };
            let cat = ProcessSpec {
                stdin,
                ..ProcessSpec::new("cat", "cat", Vec::<String>::new())
            };
            sandbox.start(cat).await.unwrap();
            say_ready(&data);
            std::future::pending::<()>().await;
        }
        "create" => {
            say_ready(&data);
            loop {
                backend.create(spec.clone()).await.unwrap();
                backend.destroy(&spec.id).await.unwrap();
            }
        }
        other => panic!("no such part: {other}"),
    }
}

fn fixed_id() -> codecourier_domain::id::SandboxId {
    "sbx_018900000000700080000000000000aa".parse().unwrap()
}

fn say_ready(data: &str) {
    std::fs::write(Path::new(data).join("ready"), "").unwrap();
}

fn start_server(part: &str, data: &Path) -> Child {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_part_of_the_server", "--nocapture"])
        .env(PART, part)
        .env(DATA, data)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !data.join("ready").exists() {
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "the server does not come up"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

async fn collect(sandbox: &dyn Sandbox, tag: &str, offset: u64) -> Vec<u8> {
    let mut chunks = sandbox.journal(tag, JournalStream::Stdout, offset).await.unwrap();
    let mut all = Vec::new();
    while let Some(chunk) = tokio::time::timeout(Duration::from_secs(30), chunks.next())
        .await
        .unwrap()
    {
        all.extend_from_slice(&chunk.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_servers_sandbox_is_adopted_and_no_byte_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    layers().await;
    let mut server = start_server("count", directory.path());
    server.kill().unwrap();
    server.wait().unwrap();

    let backend = NsBackend::open(NsConfig::new(directory.path())).unwrap();
    assert_eq!(backend.list().await.unwrap(), [fixed_id()]);
    let sandbox = backend
        .open(&fixed_id())
        .await
        .unwrap()
        .expect("it outlived its server");
    // Both are there already: nothing is started twice.
    sandbox.start(ProcessSpec::shell("count", COUNTING)).await.unwrap();
    sandbox
        .send_input("cat", "after", Bytes::from_static(b"after\n"))
        .await
        .unwrap();
    sandbox.close_stdin("cat").await.unwrap();
    assert_eq!(collect(&*sandbox, "cat", 0).await, b"initial\nafter\n");

    let expected: String = (1..=300).map(|number| format!("line-{number}\n")).collect();
    // Up to some byte, as a server does that stops anywhere, and on from there.
    let mut head = Vec::new();
    let mut chunks = sandbox.journal("count", JournalStream::Stdout, 0).await.unwrap();
    while head.len() < 500 {
        head.extend_from_slice(&chunks.next().await.unwrap().unwrap());
    }
    drop(chunks);
    let tail = collect(&*sandbox, "count", u64::try_from(head.len()).unwrap()).await;
    assert_eq!(String::from_utf8([head, tail].concat()).unwrap(), expected);
    assert_eq!(
        String::from_utf8(collect(&*sandbox, "count", 0).await).unwrap(),
        expected
    );
    assert_eq!(sandbox.wait("count").await.unwrap().status, ExitStatus::Exited(0));
    let listener = sandbox.gateway_listener().await.unwrap();
    assert_eq!(listener.local_addr().unwrap().port(), 4180);

    assert_eq!(backend.destroy(&fixed_id()).await.unwrap().survivors, 0);
    assert_nothing_left(&backend).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_at_any_moment_of_creation_or_destruction_leaves_nothing_for_good() {
    let directory = tempfile::tempdir().unwrap();
    layers().await;
    for round in 0..25_u32 {
        drop(std::fs::remove_file(directory.path().join("ready")));
        let mut server = start_server("create", directory.path());
        // Spread over what a creation and a destruction take together.
        std::thread::sleep(Duration::from_micros(u64::from(round) * 1_700));
        server.kill().unwrap();
        server.wait().unwrap();
        let backend = NsBackend::open(NsConfig::new(directory.path())).unwrap();
        if round % 2 == 0 {
            let mut spec = spec(1, &layers().await);
            spec.id = fixed_id();
            let sandbox = backend.create(spec).await.unwrap();
            assert_eq!(say(&*sandbox, "echo alive").await, "alive", "round {round}");
        }
        assert_eq!(
            backend.destroy(&fixed_id()).await.unwrap().survivors,
            0,
            "round {round}"
        );
        assert_nothing_left(&backend).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shim_that_dies_takes_everything_with_it() {
    let bench = common::Bench::new().await;
    let sandbox = bench.create(1).await;
    sandbox
        .start(ProcessSpec::new("sleep", "sleep", ["1000"]))
        .await
        .unwrap();
    let left = bench.backend.leftovers();
    let shim: i32 = std::fs::read_to_string(
        bench
            .directory
            .path()
            .join(format!("sandboxes/{}/shim.pid", sandbox.id())),
    )
    .unwrap()
    .parse()
    .unwrap();
    assert!(
        left.processes.iter().any(|line| line.starts_with(&format!("{shim} "))),
        "{left:#?}"
    );
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(shim).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    let exit = tokio::time::timeout(Duration::from_secs(10), sandbox.wait("sleep"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(exit.status, ExitStatus::SandboxEnded(EndedBecause::Crashed));
    assert!(bench.backend.open(sandbox.id()).await.unwrap().is_none());
    let start = Instant::now();
    while !only_directories(bench.backend.leftovers()).processes.is_empty() {
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{:#?}",
            bench.backend.leftovers()
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(!is_alive(shim));
    assert_eq!(bench.backend.destroy(sandbox.id()).await.unwrap().survivors, 0);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shim_that_does_not_answer_is_killed() {
    let bench = common::Bench::new().await;
    let sandbox = bench.create(1).await;
    let file = bench
        .directory
        .path()
        .join(format!("sandboxes/{}/shim.pid", sandbox.id()));
    let shim = rustix::process::Pid::from_raw(std::fs::read_to_string(file).unwrap().parse().unwrap()).unwrap();
    rustix::process::kill_process(shim, rustix::process::Signal::STOP).unwrap();
    assert_eq!(bench.backend.destroy(sandbox.id()).await.unwrap().survivors, 0);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_whose_data_directory_was_deleted_ends_itself() {
    let bench = common::Bench::new().await;
    let sandbox = bench.create(1).await;
    sandbox
        .start(ProcessSpec::new("sleep", "sleep", ["1000"]))
        .await
        .unwrap();
    std::fs::remove_dir_all(bench.directory.path()).unwrap();
    let start = Instant::now();
    while !bench.backend.leftovers().is_empty() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{:#?}",
            bench.backend.leftovers()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
