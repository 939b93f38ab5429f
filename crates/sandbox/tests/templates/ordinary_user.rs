//! A template built by an ordinary user, whose files belong to its subordinate ids.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use codecourier_sandbox::templates::{Error, TemplateStore, base_template};

use crate::support::{GOOD, Heard, left_in, local_package, program_in, with_tool};

/// The first subordinate id that root gives the user in the test.
const FIRST: u32 = 1_000_000;

/// Becomes the user `nobody` with subordinate ids, in a mount namespace of its own, so that this host's files stay as
/// they are; then runs this test again.
const AS_NOBODY: &str = r#"set -e
mount --bind "$1/subids" /etc/subuid
mount --bind "$1/subids" /etc/subgid
exec setpriv --reuid=65534 --regid=65534 --clear-groups -- env HOME="$1/home" TMPDIR="$1/home" \
    "$1/test" --exact ordinary_user::an_ordinary_user_builds_with_subordinate_ids --nocapture
"#;

#[tokio::test]
async fn an_ordinary_user_builds_with_subordinate_ids() {
    if rustix::process::geteuid().is_root() {
        as_nobody();
    } else {
        build_as_this_user().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the test starts itself as another user")]
fn as_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    std::fs::write(path.join("subids"), format!("nobody:{FIRST}:65536\n")).unwrap();
    std::fs::copy(std::env::current_exe().unwrap(), path.join("test")).unwrap();
    std::fs::create_dir(path.join("home")).unwrap();
    std::os::unix::fs::chown(path.join("home"), Some(65534), Some(65534)).unwrap();
    open_to_all(path);
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", AS_NOBODY, "sh"])
        .arg(path)
        .current_dir(path)
        .status()
        .unwrap();
    assert!(status.success(), "see above");
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

async fn build_as_this_user() {
    // A directory that only the user may enter: the builder's subordinate ids must not need to.
    let directory = tempfile::tempdir().unwrap();
    let store = TemplateStore::open(directory.path()).unwrap();
    let mut spec = with_tool(local_package(directory.path(), "1.0.0", GOOD));
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
    assert_ne!(base_layer, base_template().digest());
    let swept = store.sweep_unused(&BTreeSet::from([base_layer])).await.unwrap();
    assert_eq!(swept.layers, [template.digest]);
    store.sweep_unused(&BTreeSet::new()).await.unwrap();
    assert_eq!(left_in(directory.path()), [""; 0], "it can delete what it built");
}
