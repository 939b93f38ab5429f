//! The kernel's doors.

use codecourier_sandbox::FileOwner::{Root, User};

use crate::common::Bench;
use crate::probe::{both, probe, system_call, try_all};

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
