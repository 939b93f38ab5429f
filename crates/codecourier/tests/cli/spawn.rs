//! Starts the real binary, with nothing of the test's own environment but `PATH`.
#![expect(
    clippy::disallowed_methods,
    reason = "the one module of these tests that starts programs"
)]

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// A command line that ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `codecourier` in a data directory.
pub(crate) fn codecourier(data: &Path, arguments: &[&str]) -> Ended {
    codecourier_with(data, arguments, &[], "")
}

/// Runs `codecourier` with more in its environment and on its standard input.
pub(crate) fn codecourier_with(data: &Path, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_codecourier"))
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("CODECOURIER_DATA_DIR", data)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    Ended {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

impl Ended {
    /// The command ended with this code, and its standard error says all of this.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, says: &[&str]) {
        assert_eq!(self.code, code, "stderr: {}", self.stderr);
        // Lines are wrapped; what they say is not.
        let said = self.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in says {
            assert!(said.contains(words), "`{words}` is missing in: {said}");
        }
        assert_eq!(self.stdout, "", "standard output is for data");
    }
}

/// A command line that writes JSON while it goes on. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// Starts `codecourier --json` in a data directory.
pub(crate) fn start(data: &Path, arguments: &[&str]) -> Running {
    start_with(data, arguments, &[])
}

/// The same with more in its environment.
pub(crate) fn start_with(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Running {
    let mut child = Command::new(env!("CARGO_BIN_EXE_codecourier"))
        .args(arguments)
        .arg("--json")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("CODECOURIER_DATA_DIR", data)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    Running { child, lines }
}

impl Running {
    /// Reads until an object of this kind comes.
    #[track_caller]
    pub(crate) fn until(&mut self, is_it: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        for line in &mut self.lines {
            let value = serde_json::from_str(&line.unwrap()).unwrap();
            if is_it(&value) {
                return value;
            }
        }
        panic!("the command ended before");
    }

    /// Waits for its end and gives its exit code.
    pub(crate) fn wait(mut self) -> Option<i32> {
        for line in &mut self.lines {
            drop(line);
        }
        self.child.wait().unwrap().code()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
