//! The limits of a sandbox.

use std::time::{Duration, Instant};

use codecourier_domain::limits::SandboxLimits;
use codecourier_sandbox::FileOwner::{Root, User};
use codecourier_sandbox::{Backend, ExitStatus, ProcessSpec, SandboxSpec};

use crate::common::{Bench, OUTPUT, words};
use crate::probe::{probe, try_all};

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold() {
    let bench = Bench::new().await;
    let limits = SandboxLimits::new(256, 1, 64, 64, 3_600).unwrap();
    let sandbox = bench
        .backend
        .create(SandboxSpec {
            limits,
            ..bench.spec(1)
        })
        .await
        .unwrap();
    let bomb = "x = []\nwhile True: x.append(bytearray(b'x' * (1 << 20)))";
    let output = sandbox
        .run(ProcessSpec::new("memory", "python3", ["-c", bomb]), OUTPUT)
        .await
        .unwrap();
    assert_eq!(output.exit.status, ExitStatus::OutOfMemory, "24 a memory bomb");

    try_all(
        &*sandbox,
        vec![
            probe("25 shared memory", User, "dd if=/dev/zero of=/dev/shm/x bs=1M count=100; stat -c size=%s /dev/shm/x; rm /dev/shm/x", &["size=67108864"]),
            probe("26 a fork bomb", User, "python3 -c \"\nimport os, time\nmade = 0\ntry:\n  for _ in range(500):\n    if os.fork() == 0: time.sleep(5); os._exit(0)\n    made += 1\nexcept OSError as error: print('stopped at', made, error)\"", &["temporarily unavailable"]),
            probe("65 fill the disk", Root, "dd if=/dev/zero of=/big bs=1M count=500; rm /big", &["No space left"]),
            probe("65 fill the device directory", Root, "dd if=/dev/zero of=/dev/big bs=1M count=50; rm -f /dev/big", &["No space left"]),
        ],
    )
    .await;

    // Two busy loops on one CPU for a second of wall time may use one second of CPU time.
    let before = sandbox.usage().await.unwrap().cpu_microseconds.unwrap();
    let start = Instant::now();
    words(
        &*sandbox,
        User,
        "timeout 1 sh -c 'while :; do :; done' & timeout 1 sh -c 'while :; do :; done' & wait",
    )
    .await;
    let wall = start.elapsed();
    let used = Duration::from_micros(sandbox.usage().await.unwrap().cpu_microseconds.unwrap() - before);
    assert!(used < wall.mul_f64(1.2), "used {used:?} of CPU in {wall:?}");
    bench.end().await;
}
