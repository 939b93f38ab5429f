//! Attacks from inside, with what each must give. A probe passes if the *output* is right, not if the command fails.
//!
//! Every probe has a number and a name, so that a failure says which wall is down.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests: helpers outside of test functions count as code"
)]

mod common;

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use codecourier_domain::limits::SandboxLimits;
use codecourier_sandbox::{Backend, ExitStatus, FileOwner, ProcessSpec, Sandbox, SandboxSpec};
use common::{Bench, OUTPUT, say, words};

use FileOwner::{Root, User};

/// One attack: its number and name, who tries, what is tried, what must be said, and what must not.
struct Probe {
    name: &'static str,
    user: FileOwner,
    line: String,
    /// One of these must be in the output.
    must: &'static [&'static str],
    /// None of these may be.
    never: &'static [&'static str],
}

fn probe(name: &'static str, user: FileOwner, line: impl Into<String>, must: &'static [&'static str]) -> Probe {
    Probe {
        name,
        user,
        line: line.into(),
        must,
        never: &[],
    }
}

impl Probe {
    fn never(self, never: &'static [&'static str]) -> Self {
        Self { never, ..self }
    }
}

async fn try_all(sandbox: &dyn Sandbox, probes: Vec<Probe>) {
    let mut broken = Vec::new();
    for probe in probes {
        let said = words(sandbox, probe.user, &probe.line).await;
        let right = probe.must.is_empty() || probe.must.iter().any(|must| said.contains(must));
        let leaked = probe.never.iter().find(|never| said.contains(**never));
        if !right || leaked.is_some() {
            broken.push(format!("{} ({}): {said}", probe.name, probe.user.as_str()));
        }
    }
    assert!(broken.is_empty(), "walls that are down:\n{}", broken.join("\n"));
}

/// A system call by number, from Python: what it returns and the name of its error.
fn system_call(arguments: &str) -> String {
    format!(
        "python3 -c \"\nimport ctypes, errno, os\nlibc = ctypes.CDLL(None, use_errno=True)\n\
         result = libc.syscall({arguments})\nerror = ctypes.get_errno()\n\
         print('GOT' if result >= 0 else errno.errorcode.get(error, error))\""
    )
}

/// Both users try.
fn both(name: &'static str, line: impl Into<String>, must: &'static [&'static str]) -> [Probe; 2] {
    let line = line.into();
    [probe(name, User, line.clone(), must), probe(name, Root, line, must)]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_files_are_out_of_reach() {
    let bench = Bench::new().await;
    let mut secret = tempfile::NamedTempFile::new().unwrap();
    write!(secret, "HOST-SECRET").unwrap();
    let path = secret.path().display().to_string();
    let sandbox = bench.create(1).await;
    let mut probes = Vec::new();
    probes.extend(both(
        "1 a host file by its path",
        format!("cat {path}"),
        &["No such file"],
    ));
    probes.extend(both(
        "2 by /proc/1/root",
        format!("cat /proc/1/root{path}; ls /proc/1/root; cat /proc/1/cwd{path}"),
        &["Permission denied"],
    ));
    probes.extend(both(
        "3 descriptors left open",
        "ls -l /proc/self/fd; ls -l /proc/1/fd; true",
        &["Permission denied"],
    ));
    probes.extend(both("4 a file handle of inode 2", system_call("304, -100, ctypes.create_string_buffer(b'\\\\x08\\\\0\\\\0\\\\0\\\\x01\\\\0\\\\0\\\\0\\\\x02\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0'), 0"), &["EPERM"]));
    probes.push(probe(
        "5 remount the root",
        Root,
        "mount -o remount,rw / ; mount --bind /etc /mnt; mount -t tmpfs x /mnt",
        &["permission denied", "must be superuser", "not permitted"],
    ));
    probes.push(probe(
        "6 a block device",
        Root,
        "mknod /tmp/vda b 254 0 && cat /tmp/vda",
        &["not permitted"],
    ));
    probes.push(probe(
        "7 double chroot",
        Root,
        "python3 -c \"\nimport os\nroot = os.open('/', os.O_RDONLY)\nos.makedirs('/tmp/jail', exist_ok=True)\nos.chroot('/tmp/jail')\nos.fchdir(root)\nfor _ in range(64): os.chdir('..')\nos.chroot('.')\nprint(open('/etc/hostname').read().strip())\"",
        &["box"],
    ));
    probes.push(
        probe("11 device nodes", Root, "ls /dev", &["urandom"])
            .never(&["kvm", "mem", "fuse", "vda", "loop", "tun", "net"]),
    );
    probes.extend(both(
        "43 write to the daemon's binary",
        "echo x > /proc/1/exe",
        &["Permission denied", "Text file busy"],
    ));
    probes.push(probe(
        "44 the working directory",
        User,
        "readlink /proc/self/cwd",
        &["/home/user"],
    ));
    for probe in &mut probes {
        if probe.never.is_empty() {
            probe.never = &["HOST-SECRET", "socket.sock"];
        }
    }
    try_all(&*sandbox, probes).await;
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_template_is_never_written_and_files_belong_to_nobody_outside() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    let line = "echo pwn > /usr/bin/PWNED; cp /bin/bash /home/user/suid; chmod 4755 /home/user/suid; rm /bin/true; ls /usr/bin/PWNED";
    assert!(
        words(&*sandbox, Root, line).await.contains("/usr/bin/PWNED"),
        "8 writing inside works"
    );
    for layer in &bench.layers {
        assert!(
            !layer.rootfs().join("usr/bin/PWNED").exists(),
            "8 the template was written"
        );
    }
    assert!(
        bench.layers[0].rootfs().join("usr/bin/true").exists(),
        "8 a file of the template was removed"
    );
    let shim = std::fs::read_to_string(
        bench
            .directory
            .path()
            .join(format!("sandboxes/{}/shim.pid", sandbox.id())),
    )
    .unwrap();
    let suid = Path::new("/proc").join(shim).join("root/disk/upper/home/user/suid");
    let owner = std::fs::metadata(suid).unwrap().uid();
    assert!(owner >= 0x7000_0000, "9 a set-user-id file belongs to {owner} outside");
    // 10: the file interface runs inside, so links lead to the sandbox's own files.
    say(
        &*sandbox,
        "ln -s /etc/shadow /home/user/l; ln -s /proc/1/root /home/user/r",
    )
    .await;
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let through = sandbox.read_file("/home/user/r/etc/hostname", 1_000).await;
    assert!(
        through.is_err() || through.unwrap() != host.as_bytes(),
        "10 a link led to the host"
    );
    bench.end().await;
}

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

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_the_host_gets_in() {
    // The server's environment is not a place of trust: whatever is in it must not be in the sandbox, in any process's.
    let bench = Bench::new().await;
    let path = std::env::var("PATH").unwrap();
    let canary = std::env::vars()
        .find(|(name, _)| name.starts_with("NEXTEST") || name.starts_with("CARGO"))
        .unwrap();
    let sandbox = bench.create(1).await;
    let seen = words(
        &*sandbox,
        Root,
        "cat /proc/[0-9]*/environ | tr '\\0' '\\n'; cat /proc/[0-9]*/cmdline | tr '\\0' ' '",
    )
    .await;
    assert!(!seen.contains(&canary.0), "15 {} got in", canary.0);
    assert!(!seen.contains("CARGO_") && !seen.contains("NEXTEST_"), "{seen}");
    assert!(path.is_empty() || !seen.contains("rustup"), "{seen}");
    assert!(
        !seen.contains(&bench.directory.path().display().to_string()),
        "the host's paths got in: {seen}"
    );
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernels_doors_are_shut() {
    let bench = Bench::new().await;
    let sandbox = bench.create(1).await;
    let mut probes = vec![
        probe(
            "16 core_pattern",
            Root,
            "echo x > /proc/sys/kernel/core_pattern",
            &["Read-only", "Permission denied"],
        ),
        probe(
            "16 sysrq",
            Root,
            "echo b > /proc/sysrq-trigger",
            &["Read-only", "Permission denied", "nonexistent"],
        ),
        probe(
            "16 uevent_helper",
            Root,
            "ls /sys/kernel/uevent_helper",
            &["No such file"],
        ),
        probe("17 kernel log", Root, "dmesg", &["not permitted", "not found"]),
        probe(
            "17 kernel addresses",
            Root,
            "head -1 /proc/kallsyms",
            &["0000000000000000"],
        ),
        probe("17 kernel memory", Root, "head -c 4 /proc/kcore | wc -c", &["0\n"]),
        probe("17 keys", Root, "cat /proc/keys | wc -c", &["0\n"]),
        probe("18 a user namespace", Root, "unshare -U true", &["not permitted"]),
        probe(
            "20 enter a namespace",
            Root,
            "nsenter -t 1 -n true",
            &["ermission denied", "not permitted"],
        ),
        probe(
            "20 setns to its own",
            Root,
            system_call("308, os.open('/proc/self/ns/net', os.O_RDONLY), 0"),
            &["EPERM"],
        ),
        probe(
            "22 a control group mount",
            Root,
            "mount -t cgroup x /mnt; mount -t cgroup2 x /mnt; find / -name release_agent 2>/dev/null | wc -l",
            &["0\n"],
        ),
        probe(
            "23 its own limits",
            Root,
            "find / -xdev \\( -name memory.max -o -name memory.limit_in_bytes \\) 2>/dev/null | wc -l",
            &["0\n"],
        ),
        probe(
            "27 capabilities",
            User,
            "grep CapBnd /proc/self/status",
            &["00000000800405fb"],
        ),
        probe(
            "27 capabilities of root",
            Root,
            "grep -E 'Cap(Bnd|Eff|Prm)' /proc/self/status | sort -u -k2 | wc -l; grep CapEff /proc/self/status",
            &["1\nCapEff:\t00000000800405fb"],
        ),
        probe(
            "28 set-user-id gain",
            User,
            "su root -c id </dev/null; grep NoNewPrivs /proc/self/status",
            &["NoNewPrivs:\t1"],
        )
        .never(&["uid=0"]),
        probe(
            "33 push input into a terminal",
            User,
            "script -qc \"python3 -c 'import fcntl,termios; fcntl.ioctl(0, termios.TIOCSTI, b\\\"x\\\")'\" /dev/null </dev/null || python3 -c \"\nimport fcntl,os,termios\nleader, follower = os.openpty()\nfcntl.ioctl(follower, termios.TIOCSTI, b'x')\"",
            &["Operation not permitted", "PermissionError"],
        ),
        probe(
            "38 raw sockets",
            Root,
            "python3 -c \"import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\"",
            &["not permitted"],
        ),
    ];
    probes.extend(both("19 clone3", system_call("435, 0, 0"), &["ENOSYS"]));
    for (name, call) in [
        ("21 fsopen", "430, b'tmpfs', 0"),
        ("21 open_tree", "428, -100, b'/', 1"),
        ("21 pivot_root", "155, b'/', b'/'"),
        ("21 mount_setattr", "442, -100, b'/', 0, 0, 0"),
        ("18 unshare by call", "272, 0x10000000"),
        ("18 clone with a namespace", "56, 0x10000000 | 17, 0, 0, 0, 0"),
        ("29 load a module", "175, 0, 0, b''"),
        ("29 kexec", "246, 0, 0, 0, 0"),
        ("29 reboot", "169, 0xfee1dead, 672274793, 0x4321fedc, 0"),
        ("29 set the time", "227, 0, ctypes.create_string_buffer(16)"),
        ("29 swap", "167, b'/dev/vda', 0"),
        ("30 bpf", "321, 0, 0, 0"),
        ("30 perf", "298, 0, 0, -1, -1, 0"),
        ("30 keyctl", "250, 0, -3, 1"),
        ("30 add_key", "248, b'user', b'a', b'b', 1, -3"),
        ("30 userfaultfd", "323, 0"),
        ("30 io_uring", "425, 8, ctypes.create_string_buffer(120)"),
        ("30 steal a descriptor", "438, 0, 0, 0"),
        ("30 personality", "135, 0x0040000"),
        ("30 vmsplice", "278, 1, 0, 0, 0"),
    ] {
        probes.extend(both(name, system_call(call), &["EPERM"]));
    }
    for (name, family) in [
        ("VSOCK", 40),
        ("ALG", 38),
        ("PACKET", 17),
        ("XDP", 44),
        ("TIPC", 30),
        ("RDS", 21),
        ("BLUETOOTH", 31),
        ("CAN", 29),
    ] {
        let _ = name;
        probes.push(probe(
            "31 a socket of another family",
            Root,
            system_call(&format!("41, {family}, 3, 0")),
            &["EAFNOSUPPORT"],
        ));
    }
    probes.push(probe(
        "31 netfilter's netlink",
        Root,
        system_call("41, 16, 3, 12"),
        &["EAFNOSUPPORT"],
    ));
    try_all(&*sandbox, probes).await;
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_network_but_the_gateway() {
    let bench = Bench::new().await;
    let host = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = host.local_addr().unwrap().port();
    let sandbox = bench.create(1).await;
    let dial = |address: &str, port: u16| {
        format!(
            "python3 -c \"\nimport socket\ns = socket.socket(socket.AF_INET6 if ':' in '{address}' else socket.AF_INET)\ns.settimeout(5)\ns.connect(('{address}', {port}))\nprint('CONNECTED')\""
        )
    };
    let unreachable: &[&str] = &["unreachable"];
    let mut probes = vec![
        probe(
            "34 the metadata address",
            User,
            dial("169.254.169.254", 80),
            unreachable,
        ),
        probe(
            "35 a service on the host's loopback",
            User,
            dial("127.0.0.1", port),
            &["refused"],
        ),
        probe("36 another machine", User, dial("192.0.2.2", 22), unreachable),
        probe("36 the internet", User, dial("1.1.1.1", 443), unreachable),
        probe("40 IPv6", User, dial("2606:4700::1111", 443), unreachable),
        probe("40 names", User, "getent hosts example.com; echo code=$?", &["code=2"]),
        probe(
            "39 make a device",
            Root,
            "python3 -c \"\nimport socket\ns = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\ns.send(bytes.fromhex('20000000100005060100000000000000000000000000000000000000ffffffff'))\nimport struct\nprint('error', struct.unpack('i', s.recv(100)[16:20])[0])\"",
            &["error -1"],
        ),
        probe(
            "39 devices",
            User,
            "cat /proc/net/dev | tail -n +3 | cut -d: -f1",
            &["lo"],
        )
        .never(&["eth", "docker"]),
        probe("39 routes", User, "tail -n +2 /proc/net/route | wc -l", &["0\n"]),
    ];
    for probe in &mut probes {
        if probe.never.is_empty() {
            probe.never = &["CONNECTED"];
        }
    }
    try_all(&*sandbox, probes).await;
    bench.end().await;
}

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

#[tokio::test(flavor = "multi_thread")]
async fn one_sandbox_cannot_reach_anothers_files_sockets_or_gateway() {
    let bench = Bench::new().await;
    let (victim, attacker) = (bench.create(1).await, bench.create(2).await);
    say(
        &*victim,
        "echo VICTIM > /home/user/secret; (python3 -m http.server 8080 >/dev/null 2>&1 &); true",
    )
    .await;
    let listener = victim.gateway_listener().await.unwrap();
    try_all(
        &*attacker,
        vec![
            probe(
                "60 another's files",
                Root,
                "grep -r VICTIM /home /tmp /run 2>/dev/null; echo searched",
                &["searched"],
            )
            .never(&["VICTIM"]),
            probe(
                "60 another's server",
                Root,
                "python3 -c \"import socket; socket.create_connection(('127.0.0.1', 8080))\"",
                &["refused"],
            ),
            probe("60 shared memory", Root, "ls -A /dev/shm | wc -l", &["0\n"]),
        ],
    )
    .await;
    // A connection to the attacker's own gateway port must not come out at the victim's listener.
    words(
        &*attacker,
        User,
        "timeout 1 python3 -c \"import socket; socket.create_connection(('127.0.0.1', 4180))\"",
    )
    .await;
    assert!(
        tokio::time::timeout(Duration::from_millis(200), listener.accept())
            .await
            .is_err()
    );
    bench.end().await;
}
