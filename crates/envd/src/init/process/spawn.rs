//! The one place that forks.
//!
//! `std::process` does the fork, the descriptors and the report of a failed exec; [`Prepared`] confines the child in
//! between. This process has one thread, so a fork copies a consistent state.
#![expect(
    unsafe_code,
    reason = "`pre_exec` is unsafe by signature: its closure runs between fork and exec"
)]

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use super::confine::Prepared;

/// What to start.
#[derive(Debug)]
pub(crate) struct Launch<'request> {
    /// Executable, looked up in the `PATH` of `environment`.
    pub(crate) command: &'request str,
    /// Arguments without the executable's name.
    pub(crate) arguments: &'request [String],
    /// The whole environment.
    pub(crate) environment: Vec<(String, String)>,
    /// Descriptors 0, 1 and 2; `None` is `/dev/null`.
    pub(crate) standard_streams: [Option<OwnedFd>; 3],
    /// Everything else about the child.
    pub(crate) prepared: Prepared,
}

/// Starts it and returns its process id. The reaper learns of its end; nobody else may wait for it.
pub(crate) fn spawn(launch: Launch<'_>) -> io::Result<u32> {
    let [stdin, stdout, stderr] = launch
        .standard_streams
        .map(|stream| stream.map_or_else(Stdio::null, Stdio::from));
    #[expect(clippy::disallowed_methods, reason = "this is the crate's spawn module")]
    let mut command = Command::new(launch.command);
    command
        .args(launch.arguments)
        .env_clear()
        .envs(launch.environment)
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr);
    let prepared = launch.prepared;
    // SAFETY: `apply` only makes system calls on memory prepared before the fork.
    unsafe { command.pre_exec(move || prepared.apply()) };
    // Dropping the handle neither waits for nor kills the child.
    Ok(command.spawn()?.id())
}
