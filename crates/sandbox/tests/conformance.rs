//! What every backend must do, on the tier `ns`, with real sandboxes.

#![expect(
    clippy::unwrap_used,
    reason = "tests: helpers outside of test functions count as code"
)]

mod common;

use std::time::{Duration, Instant};

use bytes::Bytes;
use codecourier_domain::limits::SandboxLimits;
use codecourier_sandbox::{
    Backend, EndedBecause, Error, ExitStatus, FileKind, FileOwner, JournalStream, Network, ProcessSpec, Sandbox,
    SandboxSpec, State, Stdin,
};
use common::{Bench, OUTPUT, say, shell, shell_as, words};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_as_the_user_in_its_home() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    assert_eq!(
        say(&*sandbox, "id -un; pwd; hostname; echo $HOME $FROM_SPEC").await,
        "user\n/home/user\nbox\n/home/user yes"
    );
    let failed = shell(&*sandbox, "echo out; echo err >&2; exit 3").await;
    assert_eq!(failed.exit.status, ExitStatus::Exited(3));
    assert_eq!(
        (failed.stdout_text().as_str(), failed.stderr_text().as_str()),
        ("out\n", "err\n")
    );
    assert!(failed.exit.started_at.unwrap() <= failed.exit.ended_at.unwrap());
    let killed = shell(&*sandbox, "kill -9 $$").await;
    assert_eq!(killed.exit.status, ExitStatus::Signalled(9));
    assert!(
        sandbox.isolation().degraded.is_empty(),
        "{:?}",
        sandbox.isolation().degraded
    );
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn creating_again_finds_the_same_sandbox() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    say(&*sandbox, "echo kept > /home/user/file").await;
    let again = bench.create(1).await;
    assert_eq!(say(&*again, "cat /home/user/file").await, "kept");
    assert_eq!(bench.backend.list().await.unwrap(), [*sandbox.id()]);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_started_once() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    let process = || ProcessSpec::shell("once", "echo started >> /home/user/log; sleep 0.2; echo done");
    sandbox.start(process()).await.unwrap();
    sandbox.start(process()).await.unwrap();
    let output = sandbox.run(process(), OUTPUT).await.unwrap();
    assert_eq!(output.stdout_text(), "done\n");
    // Ended long ago, and still not started again.
    sandbox.start(process()).await.unwrap();
    assert_eq!(say(&*sandbox, "cat /home/user/log").await, "started");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn input_is_written_once_by_its_id_and_a_journal_is_followed_from_any_byte() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    let process = ProcessSpec {
        stdin: Stdin::Open {
            initial: Bytes::from_static(b"first\n"),
        },
        ..ProcessSpec::new("cat", "cat", Vec::<String>::new())
    };
    sandbox.start(process).await.unwrap();
    for _ in 0..2 {
        sandbox
            .send_input("cat", "second", Bytes::from_static(b"second\n"))
            .await
            .unwrap();
    }
    // The echo comes when it comes, and what is not written yet cannot be asked for.
    drop(read_journal(&*sandbox, 0, 13).await);
    let (seen, mut journal) = read_journal(&*sandbox, 6, 7).await;
    sandbox.close_stdin("cat").await.unwrap();
    // The stream ends with the process.
    assert!(
        timeout(Duration::from_secs(10), journal.next())
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(String::from_utf8(seen).unwrap(), "second\n");
    assert_eq!(sandbox.wait("cat").await.unwrap().status, ExitStatus::Exited(0));
    bench.end().await;
}

/// So many bytes of what `cat` wrote, and the stream after them.
async fn read_journal(
    sandbox: &dyn Sandbox,
    offset: u64,
    length: usize,
) -> (Vec<u8>, BoxStream<'static, Result<Bytes, Error>>) {
    let mut journal = sandbox.journal("cat", JournalStream::Stdout, offset).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < length {
        let chunk = timeout(Duration::from_secs(10), journal.next()).await.unwrap();
        seen.extend_from_slice(&chunk.unwrap().unwrap());
    }
    (seen, journal)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_has_a_limit_and_passing_it_is_told() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    let process = ProcessSpec {
        journal_limit: Some(1 << 20),
        ..ProcessSpec::new("yes", "yes", Vec::<String>::new())
    };
    let output = timeout(Duration::from_secs(30), sandbox.run(process, OUTPUT))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(output.exit.status, ExitStatus::JournalLimit);
    assert!(output.stdout.len() <= 1 << 20);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_is_out_of_the_agents_reach() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    let line = "cat /run/codecourier/journal/*; ls /run/codecourier/journal; echo x > /run/codecourier/journal/a";
    let said = words(&*sandbox, FileOwner::User, line).await;
    assert_eq!(
        said.matches("ermission denied").count() + said.matches("nonexistent").count(),
        3,
        "{said}"
    );
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_in_and_out() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    sandbox
        .write_file(
            "/home/user/a b/ü.sh",
            Bytes::from_static(b"#!/bin/sh\necho ran\n"),
            0o755,
            FileOwner::User,
        )
        .await
        .unwrap();
    assert_eq!(
        say(
            &*sandbox,
            "'/home/user/a b/ü.sh'; stat -c '%U %a' '/home/user/a b/ü.sh'"
        )
        .await,
        "ran\nuser 755"
    );
    sandbox
        .write_file("/etc/only-root", Bytes::from_static(b"secret"), 0o600, FileOwner::Root)
        .await
        .unwrap();
    assert!(
        words(&*sandbox, FileOwner::User, "cat /etc/only-root")
            .await
            .contains("Permission denied")
    );

    let host = bench.directory.path().join("big");
    let big: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    std::fs::write(&host, &big).unwrap();
    sandbox
        .write_file_from("/home/user/big", &host, 0o644, FileOwner::User)
        .await
        .unwrap();
    let back = bench.directory.path().join("back");
    assert_eq!(
        sandbox.read_file_to("/home/user/big", &back, 1 << 30).await.unwrap(),
        3_000_000
    );
    assert!(std::fs::read(&back).unwrap() == big);
    assert!(matches!(
        sandbox.read_file("/home/user/big", 100).await,
        Err(Error::FileTooLarge { limit: 100, .. })
    ));
    assert!(matches!(
        sandbox.read_file("/home/user/none", 100).await,
        Err(Error::NotFound { .. })
    ));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_sandbox_stands_still_and_then_goes_on() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    let process = ProcessSpec::shell("tick", "i=0; while true; do i=$((i+1)); echo $i; sleep 0.01; done");
    sandbox.start(process).await.unwrap();
    let mut journal = sandbox.journal("tick", JournalStream::Stdout, 0).await.unwrap();
    journal.next().await.unwrap().unwrap();
    sandbox.pause().await.unwrap();
    assert_eq!(sandbox.state().await.unwrap(), State::Paused);
    let before = sandbox.usage().await.unwrap().cpu_microseconds;
    // What was on its way arrives; then nothing does.
    while timeout(Duration::from_millis(200), journal.next()).await.is_ok() {}
    assert_eq!(sandbox.usage().await.unwrap().cpu_microseconds, before);
    sandbox.resume().await.unwrap();
    assert_eq!(sandbox.state().await.unwrap(), State::Running);
    timeout(Duration::from_secs(10), journal.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    // A paused sandbox can be destroyed, too.
    sandbox.pause().await.unwrap();
    let start = Instant::now();
    assert_eq!(bench.backend.destroy(sandbox.id()).await.unwrap().survivors, 0);
    assert!(start.elapsed() < Duration::from_secs(2));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_needs_too_much_memory_is_told_from_one_that_fails() {
    let bench = Bench::new().await;
    let limits = SandboxLimits::new(256, 2, 256, 512, 3_600).unwrap();
    let sandbox = bench
        .backend
        .create(SandboxSpec {
            limits,
            ..bench.spec(1)
        })
        .await
        .unwrap();
    let hungry =
        "import sys\nhoard = []\nfor i in range(400): hoard.append(bytearray(b'x' * (1 << 20)))\nprint('ate it all')";
    let output = sandbox
        .run(ProcessSpec::new("eat", "python3", ["-c", hungry]), OUTPUT)
        .await
        .unwrap();
    assert_eq!(output.exit.status, ExitStatus::OutOfMemory, "{}", output.stdout_text());
    // The sandbox lives on, and an ordinary failure is one.
    assert_eq!(shell(&*sandbox, "exit 137").await.exit.status, ExitStatus::Exited(137));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_sees_of_the_machine_is_what_it_may_use() {
    let bench = Bench::new().await;
    let limits = SandboxLimits::new(256, 1, 256, 512, 3_600).unwrap();
    let sandbox = bench
        .backend
        .create(SandboxSpec {
            limits,
            ..bench.spec(1)
        })
        .await
        .unwrap();
    let seen = say(
        &*sandbox,
        "nproc; grep -c ^processor /proc/cpuinfo; grep MemTotal /proc/meminfo | tr -dc 0-9",
    )
    .await;
    assert_eq!(seen, "1\n1\n262144");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_the_sandboxs_alone() {
    let bench = Bench::new().await;
    let limits = SandboxLimits::new(512, 2, 256, 64, 3_600).unwrap();
    let sandbox = bench
        .backend
        .create(SandboxSpec {
            limits,
            ..bench.spec(1)
        })
        .await
        .unwrap();
    let said = words(
        &*sandbox,
        FileOwner::User,
        "dd if=/dev/zero of=/home/user/big bs=1M count=200; stat -c %s big; rm big",
    )
    .await;
    assert!(said.contains("No space left on device"), "{said}");
    let used = sandbox.usage().await.unwrap().disk_bytes.unwrap();
    assert!(used <= 90 << 20, "{used}");
    assert_eq!(say(&*sandbox, "echo again > small; cat small").await, "again");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_sandbox_does_not_pass_while_it_is_paused() {
    let bench = Bench::with(|config| config.longest_life = Some(Duration::from_secs(4))).await;
    let paused = bench.create(1).await;
    paused.pause().await.unwrap();
    // Another one shows that more time passes than there is.
    let other = bench.create(2).await;
    let sleep = ProcessSpec::new("sleep", "sleep", ["1000"]);
    other.start(sleep.clone()).await.unwrap();
    let patience = Duration::from_secs(10);
    let exit = timeout(patience, other.wait("sleep")).await.unwrap().unwrap();
    assert_eq!(exit.status, ExitStatus::SandboxEnded(EndedBecause::TimedOut));
    assert_eq!(paused.state().await.unwrap(), State::Paused);
    paused.resume().await.unwrap();
    paused.start(sleep).await.unwrap();
    assert_eq!(paused.state().await.unwrap(), State::Running);
    // What it had left when it was paused is all that it has now.
    let exit = timeout(patience, paused.wait("sleep")).await.unwrap().unwrap();
    assert_eq!(exit.status, ExitStatus::SandboxEnded(EndedBecause::TimedOut));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_ends_when_its_time_is_over_and_says_so() {
    let bench = Bench::with(|config| config.longest_life = Some(Duration::from_millis(700))).await;
    let sandbox = bench.create(1).await;
    sandbox
        .start(ProcessSpec::new("sleep", "sleep", ["1000"]))
        .await
        .unwrap();
    let exit = timeout(Duration::from_secs(10), sandbox.wait("sleep"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(exit.status, ExitStatus::SandboxEnded(EndedBecause::TimedOut));
    assert_eq!(
        bench.backend.ended(sandbox.id()).await.unwrap().unwrap().because,
        EndedBecause::TimedOut
    );
    assert!(bench.backend.open(sandbox.id()).await.unwrap().is_none());
    assert!(matches!(
        sandbox.start(ProcessSpec::shell("x", "true")).await,
        Err(Error::Gone { ended: Some(_), .. })
    ));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_listener_is_inside_and_served_from_outside() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    let listener = sandbox.gateway_listener().await.unwrap();
    let serve = async {
        let (mut stream, peer) = listener.accept().await.unwrap();
        assert!(peer.ip().is_loopback());
        let mut asked = [0; 4];
        stream.read_exact(&mut asked).await.unwrap();
        stream.write_all(b"pong").await.unwrap();
        asked
    };
    let ask = "import socket; s = socket.create_connection(('127.0.0.1', 4180)); s.sendall(b'ping'); print(s.recv(4).decode())";
    let (asked, answer) = tokio::join!(
        serve,
        sandbox.run(ProcessSpec::new("ask", "python3", ["-c", ask]), OUTPUT)
    );
    assert_eq!(&asked, b"ping");
    assert_eq!(answer.unwrap().stdout_text(), "pong\n");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_a_layer_for_the_next_sandbox() {
    let bench = Bench::new().await;
    let first = bench.create(1).await;
    let change = "echo new > /home/user/new; mkdir -p /home/user/project/deep; ln -s new /home/user/link; \
        ln /home/user/new /home/user/hard; chmod 700 /home/user/project";
    say(&*first, change).await;
    let removed = shell_as(
        &*first,
        FileOwner::Root,
        "rm /usr/bin/git && mv /etc/hostname /etc/hostname2",
    )
    .await;
    assert!(removed.exit.is_success(), "{}", removed.stderr_text());
    let layers = bench.directory.path().join("layers");
    let layer = first.snapshot(&layers).await.unwrap();
    assert_eq!(
        first.snapshot(&layers).await.unwrap(),
        layer,
        "a second call finds the first one's layer"
    );
    bench.backend.destroy(first.id()).await.unwrap();

    let mut spec = bench.spec(2);
    spec.layers.push(layer);
    let second = bench.backend.create(spec).await.unwrap();
    let seen =
        "cat new link; stat -c '%U %a %h' project new; ls /usr/bin/git 2>/dev/null; test -d project/deep && echo deep";
    assert_eq!(say(&*second, seen).await, "new\nnew\nuser 700 3\nuser 644 2\ndeep");
    say(&*second, "echo changed > new; rm -r project; ls").await;
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sandboxes_see_nothing_of_each_other() {
    let bench = Bench::new().await;
    let (first, second) = (bench.create(1).await, bench.create(2).await);
    say(&*first, "echo canary-one > /home/user/secret; (sleep 1000 &) ; true").await;
    assert!(
        words(&*second, FileOwner::Root, "cat /home/user/secret")
            .await
            .contains("No such file")
    );
    assert!(
        !say(&*second, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
            .await
            .contains("sleep 1000")
    );
    bench.backend.destroy(first.id()).await.unwrap();
    assert_eq!(say(&*second, "echo alive").await, "alive");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_says_what_works_here() {
    let bench = Bench::new().await;
    let support = bench.backend.probe().await;
    assert!(support.available, "{support:#?}");
    assert!(support.checks.len() >= 6, "{support:#?}");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn destroying_twice_or_what_never_was_is_no_error() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    assert!(bench.backend.destroy(sandbox.id()).await.unwrap().killed >= 1);
    assert_eq!(bench.backend.destroy(sandbox.id()).await.unwrap().killed, 0);
    assert!(bench.backend.open(sandbox.id()).await.unwrap().is_none());
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offline_sandbox_has_no_gateway() {
    let bench = Bench::new().await;
    let spec = SandboxSpec {
        network: Network::Offline,
        ..bench.spec(1)
    };
    let sandbox = bench.backend.create(spec).await.unwrap();
    assert!(matches!(sandbox.gateway_listener().await, Err(Error::Protocol { .. })));
    assert_eq!(say(&*sandbox, "tail -n +2 /proc/net/tcp | wc -l").await, "0");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_wrong_in_a_creation_is_told_and_nothing_is_left() {
    let bench = Bench::new().await;
    let mut spec = bench.spec(1);
    let broken = bench.directory.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("manifest.json"), "{\"idBase\": 0}").unwrap();
    spec.layers.push(codecourier_sandbox::LayerRef {
        digest: "broken".to_owned(),
        path: broken,
    });
    let Err(error) = bench.backend.create(spec).await else {
        panic!("a sandbox without a layer was made");
    };
    assert!(error.to_string().contains("No such file"), "{error}");
    assert!(bench.backend.list().await.unwrap().is_empty());
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_repository_is_looked_at_and_nothing_else() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    // Before there is a repository.
    let missing = sandbox.list_project("", None, 10).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
    let furnish = "mkdir -p project/src && cd project && echo hello > README && echo 'fn main() {}' > src/main.rs && \
        ln -s README within && ln -s /etc/passwd out && ln -s /etc etc && mkfifo pipe && touch \"$(printf 'a\\nb')\" && \
        seq 1 300 | xargs touch";
    say(&*sandbox, furnish).await;
    let page = sandbox.list_project("", None, 4).await.unwrap();
    let names: Vec<&str> = page.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["src", "1", "10", "100"]);
    assert_eq!(page.entries[0].kind, FileKind::Directory);
    let rest = sandbox.list_project("", page.next.as_deref(), 1_000).await.unwrap();
    assert_eq!((rest.entries.len(), rest.next), (300 - 3 + 6, None));
    let entry = |name: &str| rest.entries.iter().find(|entry| entry.name == name).unwrap();
    assert_eq!(entry("within").link.as_ref().unwrap().leads_to, Some(FileKind::File));
    assert_eq!(entry("out").link.as_ref().unwrap().leads_to, None);
    assert_eq!(
        (entry("pipe").kind, entry("a\nb").kind),
        (FileKind::Other, FileKind::File)
    );

    let read = sandbox.read_project("within", 4).await.unwrap();
    assert_eq!((read.bytes.as_ref(), read.size), (b"hell".as_slice(), 6));
    for path in ["out", "etc/passwd", "../.bashrc", "/etc/passwd"] {
        let refused = sandbox.read_project(path, 100).await.unwrap_err();
        assert!(matches!(refused, Error::LeadsOut { .. }), "{path}: {refused}");
    }
    for path in ["src", "pipe"] {
        let refused = sandbox.read_project(path, 100).await.unwrap_err();
        assert!(matches!(refused, Error::WrongKind { .. }), "{path}: {refused}");
    }
    let refused = sandbox.list_project("README", None, 10).await.unwrap_err();
    assert!(matches!(refused, Error::WrongKind { .. }), "{refused}");

    // The agent exchanges the repository for the root of everything.
    say(&*sandbox, "mv project aside && ln -s / project").await;
    for path in ["", "etc"] {
        let refused = sandbox.list_project(path, None, 10).await.unwrap_err();
        assert!(matches!(refused, Error::LeadsOut { .. }), "{path}: {refused}");
    }
    bench.end().await;
}
