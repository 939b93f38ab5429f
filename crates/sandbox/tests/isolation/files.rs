//! The host's files, the template, and what could be secret.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use codecourier_sandbox::FileOwner::{Root, User};

use crate::common::{Bench, say, words};
use crate::probe::{both, probe, system_call, try_all};

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
