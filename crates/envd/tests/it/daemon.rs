//! One daemon per test: started on a socket in a directory of its own, ended with everything it started.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub(crate) struct Daemon {
    child: Child,
    directory: TempDir,
}

impl Daemon {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        Self::launch(&[env!("CARGO_BIN_EXE_envd")], arguments)
    }

    /// As pid 1 of a pid namespace, with a `/proc` of its own.
    pub(crate) fn start_as_pid_one() -> Self {
        let unshare = [
            "unshare",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            env!("CARGO_BIN_EXE_envd"),
        ];
        Self::launch(&unshare, &[])
    }

    fn launch(command: &[&str], arguments: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        #[expect(clippy::disallowed_methods, reason = "the test's one place that spawns")]
        let mut child = Command::new(command[0])
            .args(&command[1..])
            .arg("serve")
            .arg("--socket")
            .arg(directory.path().join("envd.sock"))
            .args(["--journal".as_ref(), directory.path().join("journal").as_os_str()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "listening\n");
        Self { child, directory }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("envd.sock")
    }

    /// A directory for the test's own files.
    pub(crate) fn scratch(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn journal_file(&self, name: &str) -> PathBuf {
        self.directory.path().join("journal").join(name)
    }

    /// Kibibytes of a line of `/proc/PID/status`.
    pub(crate) fn memory(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim_start_matches(':')
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The daemon's own children, dead ones included.
    pub(crate) fn children(&self) -> Vec<u32> {
        let path = format!("/proc/{0}/task/{0}/children", self.child.id());
        let text = std::fs::read_to_string(path).unwrap();
        text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Its processes would outlive it: it is not really pid 1.
        if let Ok(mut stream) = UnixStream::connect(self.socket()) {
            let _ = stream.write_all(
                b"POST /kill-all HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Access-Token: secret\r\n\r\n",
            );
            let _ = stream.read_to_end(&mut Vec::new());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
