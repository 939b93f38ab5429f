//! The tier as an ordinary user. This binary starts itself again under another user id, with the test to run there.
//!
//! The template is built by root, so its files belong to nobody in such a sandbox; a second layer gives the user a home.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests: helpers outside of test functions count as code"
)]

mod common;

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use codecourier_domain::limits::SandboxLimits;
use codecourier_sandbox::ns::{NsBackend, NsConfig};
use codecourier_sandbox::{
    Backend, Degraded, EndedBecause, Error, ExitStatus, FileOwner, Guarantee, JournalStream, LayerManifest, LayerRef,
    ProcessSpec, Sandbox, SandboxSpec,
};
use common::{assert_nothing_left, layers, say, spec, words};

const PART: &str = "CODECOURIER_TEST_PART";
const DIRECTORY: &str = "CODECOURIER_TEST_DIRECTORY";
const LAYERS: &str = "CODECOURIER_TEST_LAYERS";
const USER: u32 = 61_001;
const FIRST_SUBORDINATE: u32 = 0x6fff_0000 - 0x2_0000;

/// A directory of the user's, with a data directory and the second layer.
fn prepare(home_owner: u32) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("layer/rootfs/home/user");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::create_dir(directory.path().join("layer/rootfs/root")).unwrap();
    std::fs::create_dir(directory.path().join("data")).unwrap();
    let manifest = LayerManifest {
        id_base: 0,
        description: "a home".to_owned(),
        more: serde_json::Map::default(),
    };
    manifest.write(&directory.path().join("layer")).unwrap();
    for path in [
        "",
        "data",
        "layer",
        "layer/rootfs",
        "layer/rootfs/home",
        "layer/rootfs/root",
    ] {
        let path = directory.path().join(path);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        chown(&path, Some(USER), Some(USER)).unwrap();
    }
    chown(&home, Some(home_owner), Some(home_owner)).unwrap();
    directory
}

/// Runs a part of this file as the user. In a mount namespace with its own `/etc/subuid`, if ranges are given, and with the
/// shared layers in the user's directory: this checkout may lie where the user cannot go.
fn run_as_user(part: &str, directory: &Path, layers: &[LayerRef], ranges: Option<(u32, u32)>) {
    let files = directory.join("etc");
    std::fs::create_dir(&files).unwrap();
    std::fs::create_dir(directory.join("layers")).unwrap();
    let shared = layers[0].path.parent().unwrap().canonicalize().unwrap();
    let digests: Vec<&str> = layers.iter().map(|layer| layer.digest.as_str()).collect();
    let range = ranges
        .map(|(first, count)| format!("tester:{first}:{count}\n"))
        .unwrap_or_default();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    std::fs::write(
        files.join("passwd"),
        format!("{passwd}tester:x:{USER}:{USER}::/:/bin/sh\n"),
    )
    .unwrap();
    std::fs::write(files.join("subuid"), &range).unwrap();
    std::fs::write(files.join("subgid"), &range).unwrap();
    let mounts = "for f in passwd subuid subgid; do [ -e /etc/$f ] || touch /etc/$f; mount --bind \"$0/$f\" /etc/$f; done; \
        mount --bind \"$4\" \"$5\"; \
        exec setpriv --reuid \"$1\" --regid \"$1\" --clear-groups --bounding-set=+setuid,+setgid -- \"$2\" --exact \"$3\" --nocapture";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", mounts])
        .arg(&files)
        .arg(USER.to_string())
        .arg(std::env::current_exe().unwrap())
        .arg("the_part_of_the_user")
        .arg(shared)
        .arg(directory.join("layers"))
        .env(PART, part)
        .env(LAYERS, digests.join(","))
        .env(DIRECTORY, directory)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "nothing was tested"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_user_without_ranges_has_a_sandbox_with_one_id() {
    let directory = prepare(USER);
    run_as_user("single", directory.path(), &layers().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_user_with_ranges_has_a_sandbox_with_many_ids() {
    let directory = prepare(FIRST_SUBORDINATE + 1_000);
    let ranges = Some((FIRST_SUBORDINATE, 65_536));
    run_as_user("delegated", directory.path(), &layers().await, ranges);
}

/// Not a test by itself: what runs as the ordinary user.
#[tokio::test(flavor = "multi_thread")]
async fn the_part_of_the_user() {
    let (Ok(part), Ok(directory)) = (std::env::var(PART), std::env::var(DIRECTORY)) else {
        return;
    };
    assert_eq!(rustix::process::getuid().as_raw(), USER);
    let directory = PathBuf::from(directory);
    let backend = NsBackend::open(NsConfig::new(directory.join("data"))).unwrap();
    let digests = std::env::var(LAYERS).unwrap();
    let shared = digests.split(',').map(|digest| LayerRef {
        digest: digest.to_owned(),
        path: directory.join("layers").join(digest),
    });
    let mut layers: Vec<LayerRef> = shared.collect();
    layers.push(LayerRef {
        digest: "home".to_owned(),
        path: directory.join("layer"),
    });
    let limits = SandboxLimits::new(256, 1, 256, 64, 3_600).unwrap();
    let spec = SandboxSpec {
        limits,
        ..spec(1, &layers)
    };

    // What can't be promised is refused, unless it is allowed.
    let Err(Error::Degraded(refused)) = backend.create(spec.clone()).await else {
        panic!("a weaker sandbox was made without a word");
    };
    assert!(
        refused
            .iter()
            .any(|degradation| degradation.guarantee == Guarantee::Disk),
        "{refused:?}"
    );
    let spec = SandboxSpec {
        degraded: Degraded::Allow,
        ..spec
    };
    let sandbox = backend.create(spec.clone()).await.unwrap();
    assert_eq!(sandbox.isolation().degraded, refused);
    let single = refused
        .iter()
        .any(|degradation| degradation.guarantee == Guarantee::UserIds);

    match part.as_str() {
        "single" => {
            assert!(single);
            assert_eq!(
                say(&*sandbox, "id -u; pwd; echo x > file; cat file").await,
                "0\n/home/user\nx"
            );
        }
        "delegated" => {
            assert!(!single);
            assert_eq!(
                say(&*sandbox, "id -un; pwd; echo x > file; stat -c %U file").await,
                "user\n/home/user\nuser"
            );
            let chowned = words(
                &*sandbox,
                FileOwner::Root,
                "touch /tmp/a && chown 33:33 /tmp/a && stat -c %u /tmp/a",
            )
            .await;
            assert!(chowned.starts_with("33\n"), "{chowned}");
        }
        other => panic!("no such part: {other}"),
    }
    walls(&*sandbox, &directory).await;
    files_and_adoption(&backend, &*sandbox).await;
    assert_eq!(backend.destroy(sandbox.id()).await.unwrap().survivors, 0);

    // The watched disk: a kill with its own reason.
    let sandbox = backend.create(spec.clone()).await.unwrap();
    let filler = ProcessSpec::shell("fill", "dd if=/dev/zero of=/home/user/big bs=1M count=100; sleep 100");
    sandbox.start(filler).await.unwrap();
    let exit = tokio::time::timeout(Duration::from_secs(30), sandbox.wait("fill"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(exit.status, ExitStatus::SandboxEnded(EndedBecause::DiskFull));
    assert_eq!(backend.destroy(sandbox.id()).await.unwrap().survivors, 0);
    assert_nothing_left(&backend).await;

    let support = backend.probe().await;
    assert!(support.available, "{support:#?}");
    assert!(!support.degraded.is_empty());
}

async fn walls(sandbox: &dyn Sandbox, directory: &Path) {
    std::fs::write(directory.join("data/secret"), "HOST-SECRET").unwrap();
    let secret = directory.join("data/secret");
    let line = format!(
        "cat {0} /proc/1/root{0}; cat /proc/1/environ; unshare -U true; mount -t tmpfs x /mnt",
        secret.display()
    );
    let said = words(sandbox, FileOwner::Root, &line).await;
    assert!(!said.contains("HOST-SECRET") && !said.contains(PART), "{said}");
    assert!(
        said.contains("No such file") && said.contains("ermission denied"),
        "{said}"
    );
    let status = words(
        sandbox,
        FileOwner::Root,
        "grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/self/status; ls /sys; cat /proc/net/dev | wc -l",
    )
    .await;
    assert!(
        status.contains("00000000800405fb") && status.contains("Seccomp:\t2"),
        "{status}"
    );
    assert!(
        status.contains("NoNewPrivs:\t1") && status.contains("\n3\n"),
        "{status}"
    );
}

async fn files_and_adoption(backend: &NsBackend, sandbox: &dyn Sandbox) {
    sandbox
        .write_file("/home/user/deep/er", "bytes".into(), 0o600, FileOwner::User)
        .await
        .unwrap();
    assert_eq!(sandbox.read_file("/home/user/deep/er", 100).await.unwrap(), "bytes");
    sandbox
        .start(ProcessSpec::new("sleep", "sleep", ["1000"]))
        .await
        .unwrap();
    let again = backend.open(sandbox.id()).await.unwrap().unwrap();
    let killed = again.kill_processes().await.unwrap();
    assert_eq!((killed.killed, killed.survivors), (1, 0));
    assert_eq!(again.wait("sleep").await.unwrap().status, ExitStatus::Signalled(9));
    drop(again.journal("sleep", JournalStream::Stdout, 0).await.unwrap());
    assert_eq!(
        again.gateway_listener().await.unwrap().local_addr().unwrap().port(),
        4180
    );
}
