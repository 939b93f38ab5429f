//! Processes: the host's and those of another sandbox.

use codecourier_sandbox::FileOwner::{Root, User};
use codecourier_sandbox::ProcessSpec;

use crate::common::{Bench, say, words};
use crate::probe::{both, probe, system_call, try_all};

#[tokio::test(flavor = "multi_thread")]
async fn other_processes_are_out_of_reach() {
    let bench = Bench::new().await;
    let (sandbox, other) = (bench.create(1).await, bench.create(2).await);
    other
        .start(ProcessSpec::new("neighbour", "sleep", ["4242"]))
        .await
        .unwrap();
    let mut probes = vec![
        probe("12 see the host's processes", Root, "ps -e | wc -l; ps -ef", &[]).never(&[
            "4242",
            "codecourier-sandbox",
            "systemd",
        ]),
        probe(
            "13 signal by number",
            Root,
            "for p in $(seq 2 400); do kill -0 $p 2>/dev/null && echo hit-$p $(cat /proc/$p/comm); done; echo swept",
            &["swept"],
        )
        .never(&["sleep"]),
        probe(
            "14 the daemon's memory",
            Root,
            "python3 -c \"open('/proc/1/mem','rb')\"; cat /proc/1/maps",
            &["ermission denied", "PermissionError"],
        ),
        probe(
            "14 the daemon by ptrace",
            Root,
            system_call("101, 16, 1, 0, 0"),
            &["EPERM"],
        ),
        probe(
            "14 the daemon's memory by call",
            Root,
            system_call("310, 1, 0, 0, 0, 0, 0"),
            &["EPERM", "GOT"],
        ),
        probe(
            "32 an x32 call",
            User,
            system_call("0x40000000 + 39"),
            &["Signalled(31)", "Exited(159)"],
        ),
        probe(
            "41 the host's shared memory",
            Root,
            "tail -n +2 /proc/sysvipc/shm | wc -l",
            &["0\n"],
        ),
        probe("37 abstract sockets", Root, "grep -c @ /proc/net/unix", &["0\n"]),
        probe("42 core files", User, "ulimit -c", &["0\n"]),
    ];
    probes.extend(both(
        "15 the daemon's environment",
        "cat /proc/1/environ; env",
        &["Permission denied"],
    ));
    for probe in &mut probes {
        if probe.never.is_empty() {
            probe.never = &["sk-ant-canary"];
        }
    }
    try_all(&*sandbox, probes).await;
    // 13: and the neighbour lived through `kill -9 -1`.
    words(&*sandbox, Root, "kill -9 -1").await;
    assert_eq!(say(&*other, "pgrep -f 4242 >/dev/null && echo alive").await, "alive");
    bench.end().await;
}
