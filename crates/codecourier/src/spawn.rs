//! The one place in this crate that starts programs of the host: for `doctor`, which asks tools for their versions,
//! for `demo`, which makes and merges its sample repository, for commands of the configuration that print a secret, and
//! for the editor of a person.
//!
//! Invariant: programs get no standard input and, but for those commands and the editor, a fixed environment, so that
//! nobody's configuration changes what they do.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the module that the lint points to: it fixes the environment"
)]

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::problem::Problem;

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

/// How long a command that prints a secret may take.
const SECRET_PATIENCE: Duration = Duration::from_secs(30);

/// What a shell command of the configuration prints, at most `limit` bytes of it. It gets this program's whole environment:
/// clients of key services find their own credentials there. An error says nothing of what was printed.
pub(crate) fn output_of_shell(command: &str, limit: u64) -> Result<String, String> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}."))?;
    let Some(stdout) = child.stdout.take() else {
        return Err("it has no output.".to_owned());
    };
    let (sender, printed) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.take(limit).read_to_string(&mut text).map(|_| text);
        // Nobody waits any more when it took too long.
        let _ = sender.send(read);
    });
    let Ok(text) = printed.recv_timeout(SECRET_PATIENCE) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("it took longer than {} seconds.", SECRET_PATIENCE.as_secs()));
    };
    match child.wait() {
        Ok(status) if status.success() => text.map_err(|error| format!("its output cannot be read: {error}.")),
        Ok(status) => Err(format!("it ended with {status}.")),
        Err(error) => Err(format!("{error}.")),
    }
}

/// Lets a person edit a file with the editor that they named, or with `vi`. The editor gets this program's own terminal
/// and environment.
pub(crate) fn edit(editor: Option<&str>, file: &Path) -> Result<(), Problem> {
    let editor = editor.unwrap_or("vi");
    let failed = |why: String| {
        Problem::usage(format!("The editor `{editor}` {why}.")).with_remedy("Name one that works in EDITOR.")
    };
    // As Git and others do it: the name may come with arguments, which a shell takes apart.
    let status = Command::new("/bin/sh")
        .args(["-c", &format!("exec {editor} \"$1\""), "editor"])
        .arg(file)
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(format!("ended with {status}"))),
        Err(error) => Err(failed(format!("cannot be started: {error}"))),
    }
}

/// Whether a person can be asked something.
pub(crate) fn is_at_terminal() -> bool {
    use std::io::IsTerminal as _;
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Where a program is in the search path.
pub(crate) fn find(name: &str, search_path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(search_path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|path| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok())
}
