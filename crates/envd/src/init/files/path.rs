//! Paths as requests name them.

use std::ffi::CString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};

use super::super::users::Identity;

/// The absolute, normalised form: `~` and relative paths start at the home directory, `.` and `..` are resolved without
/// looking at the disk.
pub(crate) fn resolve(path: &str, home: &Path) -> PathBuf {
    let rooted = match path.strip_prefix('~') {
        Some("") => home.to_path_buf(),
        Some(rest) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        Some(_) | None => home.join(path),
    };
    let mut resolved = PathBuf::from("/");
    for component in rooted.components() {
        match component {
            Component::Normal(part) => resolved.push(part),
            Component::ParentDir => {
                resolved.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    resolved
}

/// Makes the directory and every missing parent, each owned by the user.
pub(crate) fn make_directories(path: &Path, owner: &Identity) -> io::Result<()> {
    let mut missing = Vec::new();
    let mut ancestor = Some(path);
    while let Some(directory) = ancestor {
        match fs::metadata(directory) {
            Ok(metadata) if metadata.is_dir() => break,
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(directory),
            Err(error) => return Err(error),
        }
        ancestor = directory.parent();
    }
    for directory in missing.into_iter().rev() {
        match DirBuilder::new().mode(0o755).create(directory) {
            Ok(()) => own(directory, owner)?,
            // Somebody inside was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn own(path: &Path, owner: &Identity) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    std::os::unix::fs::lchown(path, Some(owner.uid), Some(owner.gid))
}

/// For system calls.
pub(crate) fn as_c_string(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_where_users_expect() {
        let home = Path::new("/home/user");
        for (asked, expected) in [
            ("/tmp/x", "/tmp/x"),
            ("~", "/home/user"),
            ("~/a", "/home/user/a"),
            ("~//a", "/home/user/a"),
            ("~other", "/home/user/~other"),
            ("a/b", "/home/user/a/b"),
            ("", "/home/user"),
            (".", "/home/user"),
            ("../x", "/home/x"),
            ("/../../etc/./x//y/", "/etc/x/y"),
            ("/", "/"),
        ] {
            assert_eq!(resolve(asked, home), PathBuf::from(expected), "{asked}");
        }
    }
}
