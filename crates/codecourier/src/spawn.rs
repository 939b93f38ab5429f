//! The one place in this crate that starts programs of the host: for `doctor`, which asks tools for their versions, and
//! for `demo`, which makes and merges its sample repository.
//!
//! Invariant: programs get a fixed environment and no standard input, so that nobody's configuration changes what they do.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the module that the lint points to: it fixes the environment"
)]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Whether it ended well.
    pub(crate) is_success: bool,
    /// What it wrote to standard output.
    pub(crate) stdout: String,
    /// What it wrote to standard error.
    pub(crate) stderr: String,
}

/// Runs a program to its end. `PATH` is all it gets of the environment, besides what is given here.
pub(crate) fn run(
    program: &Path,
    arguments: &[&str],
    directory: &Path,
    search_path: &OsStr,
    environment: &[(&str, &str)],
) -> std::io::Result<Ended> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", search_path)
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", "/nonexistent")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()?;
    Ok(Ended {
        is_success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Where a program is in the search path.
pub(crate) fn find(name: &str, search_path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(search_path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|path| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok())
}
