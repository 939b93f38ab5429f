//! The one place of this tier that starts programs of the host: the shim, and `mkfs.ext4`.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the spawn module: fixed environment, fixed directory"
)]

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Stdio;

/// Starts a shim, detached: dropping the handle leaves it running, and it is reaped when it ends.
pub(super) fn shim(arguments: &[&str], log: File) -> io::Result<tokio::process::Child> {
    tokio::process::Command::new(super::program::path()?)
        .arg("shim")
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(false)
        .spawn()
}

/// Deletes a tree that belongs to subordinate ids: `removal` is what `envd shim remove` reads.
pub(super) fn remove_tree(removal: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let mut remover = std::process::Command::new(super::program::path()?)
        .args(["shim", "remove"])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = remover.stdin.take() {
        stdin.write_all(removal)?;
    }
    let output = remover.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Makes an ext4 file system in `image`, for a sandbox's writes: no journal, nothing reserved, many inodes.
pub(super) fn make_ext4(image: &Path) -> io::Result<()> {
    let output = std::process::Command::new("mkfs.ext4")
        .args(["-q", "-F", "-b", "4096", "-I", "256", "-i", "8192", "-m", "0"])
        .args(["-O", "^has_journal,^resize_inode", "-E", "lazy_itable_init=1,nodiscard"])
        .arg(image)
        .env_clear()
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin")
        .current_dir("/")
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "mkfs.ext4: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}
