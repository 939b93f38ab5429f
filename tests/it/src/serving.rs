//! `codecourier serve` as a process: started on an installation, ready, killed or stopped, and started again.

use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::server::Installation;

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that is ready. It is killed when it is dropped.
pub struct Server {
    child: Child,
    /// Where it is: `http://127.0.0.1:40000`.
    pub url: String,
    /// Where it listens: `127.0.0.1:40000`.
    pub address: String,
}

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct Start<'a> {
    /// Where it listens; a free port when absent.
    pub at: Option<&'a str>,
    /// More arguments.
    pub arguments: Vec<&'a str>,
    /// More of an environment.
    pub environment: Vec<(&'a str, String)>,
}

impl Server {
    /// Starts one, and waits until it is ready. What it logs goes to `serve.log` in the data directory.
    pub async fn start(installation: &Installation, start: Start<'_>) -> io::Result<Self> {
        let mut arguments = vec!["serve", "--json", "--listen", start.at.unwrap_or("127.0.0.1:0")];
        arguments.extend(start.arguments);
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log_of(installation.data()))?;
        let mut child = installation
            .command(&arguments)
            .envs(start.environment)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let line = tokio::time::timeout(PATIENCE, reading).await???;
        let ready: Value = serde_json::from_str(&line)?;
        let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
        if text("type") != "ready" {
            let _ = child.kill();
            let _ = child.wait();
            return Err(io::Error::other(format!("the server is not ready: {line}")));
        }
        Ok(Self {
            child,
            url: text("url"),
            address: text("listening"),
        })
    }

    /// The number of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Asks it to stop, and gives its exit code.
    pub async fn stop(mut self) -> io::Result<Option<i32>> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or(io::ErrorKind::NotFound)?, Signal::TERM)?;
        let ended = tokio::task::spawn_blocking(move || self.child.wait());
        Ok(tokio::time::timeout(PATIENCE, ended).await???.code())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A search path with which a server reaches repositories at `ssh://git@example.org/PATH`: no host in the world has them,
/// and what SSH would run there is run here.
pub fn reach_repositories(installation: &Installation) -> io::Result<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = installation.data().join("bin");
    std::fs::create_dir_all(&directory)?;
    let ssh = directory.join("ssh");
    std::fs::write(&ssh, "#!/bin/sh\nfor last; do :; done\neval \"exec $last\"\n")?;
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755))?;
    #[expect(clippy::disallowed_methods, reason = "the server needs to find git, too")]
    let path = std::env::var("PATH").unwrap_or_default();
    Ok(format!("{}:{path}", directory.display()))
}

/// Where the servers of a data directory log.
#[must_use]
pub fn log_of(data: &Path) -> std::path::PathBuf {
    data.join("serve.log")
}
