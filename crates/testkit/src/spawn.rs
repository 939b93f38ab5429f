//! Processes that tests start. The only place of this crate that makes a raw command.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// A command without input and output, in the root directory. Its environment is the test's own.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the module through which this crate spawns"
)]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The directories that programs are looked for in.
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration to take the search path from"
)]
pub(crate) fn search_path() -> Vec<std::path::PathBuf> {
    std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default()
}
