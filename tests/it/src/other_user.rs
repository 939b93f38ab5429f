//! Running a part of a test as another user of this machine, with ids of its own choice.
//!
//! The test binary starts itself again. What the user needs in `/etc` is mounted for that process alone, so this
//! machine's own files stay as they are.

use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The user.
pub const USER: u32 = 1_001;
/// The first subordinate id that the user has.
pub const FIRST_SUBORDINATE: u32 = 1_100_000;
/// Tells the part of the test that it is one, and gives it a directory of the user's.
pub const PLACE: &str = "CODECOURIER_TEST_PLACE";

const BECOME: &str = r#"set -e
for f in passwd subuid subgid; do [ -e /etc/$f ] || touch /etc/$f; mount --bind "$0/etc/$f" /etc/$f; done
cd "$0/home"
exec setpriv --reuid "$1" --regid "$1" --clear-groups --bounding-set=+setuid,+setgid -- \
    env HOME="$0/home" TMPDIR="$0/home" "$2" --exact "$3" --nocapture
"#;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/testdata-user");

/// Which ids the user may give away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subordinates {
    /// None: `/etc/subuid` does not name the user.
    None,
    /// As many as a system has.
    All,
}

/// Runs a test of this binary as the user, who finds a directory in [`PLACE`].
pub fn run_as_other_user(test: &str, subordinates: Subordinates) -> io::Result<Output> {
    prepare_templates()?;
    let directory = tempfile::Builder::new().prefix("codecourier-user-").tempdir()?;
    let place = directory.path();
    std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o755))?;
    std::fs::create_dir(place.join("etc"))?;
    std::fs::create_dir(place.join("home"))?;
    chown(place.join("home"), Some(USER), Some(USER))?;
    let range = match subordinates {
        Subordinates::None => String::new(),
        Subordinates::All => format!("tester:{FIRST_SUBORDINATE}:65536\n"),
    };
    let passwd = std::fs::read_to_string("/etc/passwd")?;
    let passwd = format!("{passwd}tester:x:{USER}:{USER}::{}/home:/bin/sh\n", place.display());
    for (name, text) in [("passwd", &passwd), ("subuid", &range), ("subgid", &range)] {
        std::fs::write(place.join("etc").join(name), text)?;
    }
    #[expect(clippy::disallowed_methods, reason = "a test starts itself as another user")]
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", BECOME])
        .arg(place)
        .arg(USER.to_string())
        .arg(program(place)?)
        .arg(test)
        .env(PLACE, place.join("home"))
        .output()
}

/// This program, and beside it the one under test, where the user can start them.
fn program(place: &Path) -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    if is_reachable(&own) {
        return Ok(own);
    }
    let copy = place.join("test");
    std::fs::copy(&own, &copy)?;
    std::fs::copy(crate::server::binary(), place.join("codecourier"))?;
    Ok(copy)
}

/// A data directory for the templates that the user builds: kept beside the other tests' data, so that they are built
/// once, or else in the user's place.
#[must_use]
pub fn templates_of_user(place: &Path) -> PathBuf {
    let own = rustix::process::geteuid().as_raw();
    let is_own = |path: &Path| path.metadata().is_ok_and(|metadata| metadata.uid() == own);
    let kept = Path::new(KEPT).canonicalize().ok();
    kept.filter(|path| is_reachable(path) && is_own(path))
        .unwrap_or_else(|| place.join("templates"))
}

fn prepare_templates() -> io::Result<()> {
    std::fs::create_dir_all(KEPT)?;
    std::fs::set_permissions(KEPT, std::fs::Permissions::from_mode(0o755))?;
    chown(KEPT, Some(USER), Some(USER))
}

fn is_reachable(path: &Path) -> bool {
    let can_enter = |path: &Path| path.metadata().is_ok_and(|metadata| metadata.mode() & 0o001 != 0);
    path.ancestors().all(can_enter)
}
