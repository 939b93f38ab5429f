//! A template built by an ordinary user, whose files belong to its subordinate ids.

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use codecourier_sandbox::templates::{Error, TemplateStore};

use crate::support::{GOOD, Heard, left_in, local_package, program_in, with_tool};

/// The first subordinate id that root gives the user in the test.
const FIRST: u32 = 1_000_000;

/// The user of the test, whom every system has.
const NOBODY: u32 = 65_534;

/// Becomes that user with subordinate ids, in a mount namespace of its own, so that this host's files stay as they are;
/// then runs this test again, in the data directory `$2`.
const AS_NOBODY: &str = r#"set -e
mount --bind "$1/subids" /etc/subuid
mount --bind "$1/subids" /etc/subgid
cd "$2"
exec setpriv --reuid=65534 --regid=65534 --clear-groups -- env HOME="$1/home" TMPDIR="$1/home" \
    "$1/test" --exact ordinary_user::an_ordinary_user_builds_with_subordinate_ids --nocapture
"#;

#[tokio::test]
async fn an_ordinary_user_builds_with_subordinate_ids() {
    let user = rustix::process::geteuid();
    if user.is_root() {
        as_nobody();
    } else if user.as_raw() == NOBODY {
        build_in(&std::env::current_dir().unwrap()).await;
    } else {
        let directory = tempfile::tempdir().unwrap();
        build_in(directory.path()).await;
        let store = TemplateStore::open(directory.path()).unwrap();
        store.sweep_unused(&BTreeSet::new()).await.unwrap();
        assert_eq!(left_in(directory.path()), [""; 0], "the user can delete what it built");
    }
}

#[expect(clippy::disallowed_methods, reason = "the test starts itself as another user")]
fn as_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    std::fs::write(path.join("subids"), format!("nobody:{FIRST}:65536\n")).unwrap();
    std::fs::copy(std::env::current_exe().unwrap(), path.join("test")).unwrap();
    set_mode(path, 0o755);
    let home = path.join("home");
    std::fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", AS_NOBODY, "sh"])
        .args([path, &data_of_nobody(path)])
        .current_dir("/")
        .status()
        .unwrap();
    assert!(status.success(), "see above");
}

/// A data directory that only the user may enter: the builder's subordinate ids must not need to. It is kept beside the
/// other tests' data, so that its base is built once, unless the user can't get there.
fn data_of_nobody(fallback: &Path) -> PathBuf {
    let shared = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/testdata"));
    std::fs::create_dir_all(shared).unwrap();
    let shared = shared.canonicalize().unwrap();
    let can_enter = |path: &Path| path.metadata().is_ok_and(|metadata| metadata.mode() & 0o001 != 0);
    let data = if shared.ancestors().all(can_enter) {
        shared.join("ordinary-user")
    } else {
        fallback.join("data")
    };
    std::fs::create_dir_all(&data).unwrap();
    std::os::unix::fs::chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
    set_mode(&data, 0o700);
    data
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

async fn build_in(data: &Path) {
    let packages = tempfile::tempdir().unwrap();
    let store = TemplateStore::open(data).unwrap();
    let mut spec = with_tool(local_package(packages.path(), "1.0.0", GOOD));
    spec.base.packages.clear();
    let template = match store.ensure(&spec, &Heard::default()).await {
        Ok(template) => template,
        Err(Error::NoSubordinateIds { reason, advice }) => panic!("{reason}. {advice}"),
        Err(error) => panic!("{error}"),
    };

    let base = template.layers[0].manifest().unwrap().id_base;
    assert_ne!(base, 0);
    let owner = |path: &Path| std::fs::symlink_metadata(path).unwrap().uid();
    let rootfs = template.layers[0].rootfs();
    assert_eq!(owner(&rootfs), base);
    assert_eq!(owner(&rootfs.join("usr/bin/env")), base);
    assert_eq!(owner(&rootfs.join("home/user")), base + 1000);
    assert_eq!(owner(&program_in(&template)), base);
    assert_eq!(store.verify().await.unwrap(), []);

    let base_layer = template.layers[0].digest.parse().unwrap();
    let swept = store.sweep_unused(&BTreeSet::from([base_layer])).await.unwrap();
    assert_eq!(swept.layers, [template.digest]);
    assert_eq!(
        left_in(data),
        [template.layers[0].digest.as_str()],
        "the user can delete what it built"
    );
}
