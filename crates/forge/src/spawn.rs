//! The one place that starts `git`. Everything else in the crate goes through [`Git::command`].
//!
//! Invariants of every process started here:
//! - the program is an absolute path, arguments are a list, no shell reads them; callers put `--end-of-options` or `--`
//!   before whatever came from outside;
//! - the environment is empty but for what is set here: no system or user configuration, no prompt, no pager, no editor,
//!   messages in English so that they can be told apart;
//! - configuration given here wins over that of the repository: no hooks, no file system monitor, no automatic
//!   maintenance, no `ext::` transport, objects checked on transfer and fsynced;
//! - no transport at all unless the caller names the protocols it means ([`Protocols`]);
//! - it has a time limit, its output a size limit, and its whole process group dies with the future that waits for it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt, BufReader};

use crate::error::Error;
use crate::git::Git;

/// Configuration of every call. On the command line, so that it wins over the repository's own.
const CONFIGURATION: [&str; 17] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.fsync=all",
    "core.bigFileThreshold=16m",
    "core.alternateRefsCommand=true",
    "protocol.ext.allow=never",
    "transfer.fsckObjects=true",
    "transfer.unpackLimit=1",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "credential.helper=",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
];

/// How much of what Git says on its error stream is kept: the last lines name the cause.
const DETAIL_LIMIT: usize = 8 * 1024;
/// How much of a file is read at once when it is sent through a pipe.
const SEND_BUFFER_BYTES: usize = 256 * 1024;

impl Git {
    /// A command that is to do `operation` (said in errors: "git could not {operation}") in a directory.
    pub(crate) fn command(&self, operation: &'static str, directory: &Path) -> GitCommand {
        GitCommand {
            git: self.clone(),
            operation,
            directory: directory.to_owned(),
            configuration: Vec::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            input: Input::Nothing,
            output_file: None,
            protocols: Protocols::None,
            time_limit: Duration::from_secs(120),
            output_limit: 16 * 1024 * 1024,
            overflow: Overflow::Fail,
            memory_limit: None,
        }
    }
}

/// The transports that a command may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocols {
    /// None: the command works inside one repository.
    None,
    /// Paths of this machine.
    LocalFiles,
    /// HTTPS and SSH.
    Network,
}

impl Protocols {
    fn allowed(self) -> &'static str {
        match self {
            Self::None => "",
            Self::LocalFiles => "file",
            Self::Network => "https:ssh",
        }
    }
}

/// What a command reads.
#[derive(Debug)]
pub(crate) enum Input {
    /// End of file at once.
    Nothing,
    /// These bytes.
    Bytes(Vec<u8>),
    /// A file, from its current position. Also the way to lend a lock to the process: it stays locked until the process
    /// has ended, even if this server is killed in between.
    File(File),
    /// What a file holds from its current position, sent through a pipe once the memory limit is in force: a process
    /// that had its hostile input from the start could unpack it before it is limited.
    Hostile(File),
}

/// One call of Git, being built.
#[derive(Debug)]
#[must_use]
pub(crate) struct GitCommand {
    git: Git,
    operation: &'static str,
    directory: PathBuf,
    configuration: Vec<String>,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    input: Input,
    output_file: Option<File>,
    protocols: Protocols,
    time_limit: Duration,
    output_limit: u64,
    overflow: Overflow,
    memory_limit: Option<u64>,
}

/// What happens to output above the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overflow {
    Fail,
    Cut,
}

/// How a call ended that was let run to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    operation: &'static str,
    pub(crate) status: ExitStatus,
    pub(crate) output: Vec<u8>,
    pub(crate) cut: Cut,
    pub(crate) detail: String,
}

/// Whether the output is all there was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Whole,
    Cut,
}

impl Finished {
    /// The output, or [`Error::GitFailed`].
    pub(crate) fn success(self) -> Result<Vec<u8>, Error> {
        if self.status.success() || self.cut == Cut::Cut {
            Ok(self.output)
        } else {
            Err(self.failed())
        }
    }

    pub(crate) fn failed(self) -> Error {
        let detail = if self.detail.is_empty() {
            self.status.to_string()
        } else {
            self.detail
        };
        Error::GitFailed {
            operation: self.operation,
            detail,
        }
    }
}

impl GitCommand {
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, arguments: I) -> Self {
        self.arguments
            .extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// `key=value` for this call, after and above the fixed configuration.
    pub(crate) fn config(mut self, entry: impl Into<String>) -> Self {
        self.configuration.push(entry.into());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn input(mut self, input: Input) -> Self {
        self.input = input;
        self
    }

    pub(crate) fn protocols(mut self, protocols: Protocols) -> Self {
        self.protocols = protocols;
        self
    }

    pub(crate) fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    pub(crate) fn output_limit(mut self, bytes: u64) -> Self {
        self.output_limit = bytes;
        self
    }

    /// Keeps the first bytes of the output and stops the process, instead of failing.
    pub(crate) fn cut_output_at(mut self, bytes: u64) -> Self {
        self.output_limit = bytes;
        self.overflow = Overflow::Cut;
        self
    }

    /// Sends what it prints to a file, at its current position, instead of returning it.
    pub(crate) fn output_to(mut self, file: File) -> Self {
        self.output_file = Some(file);
        self
    }

    /// Most private memory that the process may have, for calls that read what a stranger packed.
    pub(crate) fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// Runs it; anything but success is an error.
    pub(crate) async fn output(self) -> Result<Vec<u8>, Error> {
        self.finish().await?.success()
    }

    /// Runs it to its end, however it ends.
    pub(crate) async fn finish(self) -> Result<Finished, Error> {
        let limit = self.time_limit;
        let operation = self.operation;
        tokio::time::timeout(limit, self.run())
            .await
            .unwrap_or(Err(Error::GitTimedOut { operation, limit }))
    }

    async fn run(mut self) -> Result<Finished, Error> {
        let operation = self.operation;
        let not_run = |source| Error::GitNotRun { operation, source };
        let input = std::mem::replace(&mut self.input, Input::Nothing);
        let output_file = self.output_file.take();
        let (memory_limit, time_limit) = (self.memory_limit, self.time_limit);
        let (output_limit, overflow) = (self.output_limit, self.overflow);
        let mut command = self.process();
        if let Some(file) = output_file {
            command.stdout(Stdio::from(file));
        }
        let mut to_send: Option<Box<dyn AsyncBufRead + Send + Unpin>> = None;
        match input {
            Input::Nothing => {
                command.stdin(Stdio::null());
            }
            Input::File(file) => {
                command.stdin(Stdio::from(file));
            }
            Input::Bytes(bytes) => {
                command.stdin(Stdio::piped());
                to_send = Some(Box::new(Cursor::new(bytes)));
            }
            Input::Hostile(file) => {
                command.stdin(Stdio::piped());
                let file = tokio::fs::File::from_std(file);
                to_send = Some(Box::new(BufReader::with_capacity(SEND_BUFFER_BYTES, file)));
            }
        }
        let mut child = command.spawn().map_err(not_run)?;
        // The command holds the lent file; only the process may keep it now.
        drop(command);
        let mut group = ProcessGroup::of(&child);
        if let Some(bytes) = memory_limit {
            group.limit(Resource::Data, bytes);
            group.limit(Resource::Cpu, time_limit.as_secs().max(1));
        }

        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let write = async {
            if let (Some(mut stdin), Some(mut to_send)) = (stdin, to_send) {
                // A process that ends early closes its end; its exit status says why.
                let _ = tokio::io::copy_buf(&mut to_send, &mut stdin).await;
            }
        };
        let read = async {
            let mut output = read_up_to(stdout, output_limit + 1).await.map_err(not_run)?;
            if output.len() as u64 <= output_limit {
                return Ok((output, Cut::Whole));
            }
            match overflow {
                Overflow::Fail => Err(Error::GitOutputTooLong {
                    operation,
                    limit: output_limit,
                }),
                Overflow::Cut => {
                    output.pop();
                    Ok((output, Cut::Cut))
                }
            }
        };
        let written = async {
            write.await;
            Ok(())
        };
        let tail = async { Ok(read_tail(stderr).await) };
        let ((), (output, cut), detail) = tokio::try_join!(written, read, tail)?;
        let status = child.wait().await.map_err(not_run)?;
        group.ended();
        Ok(Finished {
            operation,
            status,
            output,
            cut,
            detail: clean(&detail),
        })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the crate's spawn module: it fixes the environment, the directory and the limits"
    )]
    fn process(self) -> tokio::process::Command {
        let inner = &self.git.inner;
        let mut command = tokio::process::Command::new(&inner.program);
        command
            .arg("--no-pager")
            .arg("--no-replace-objects")
            .arg("--literal-pathspecs")
            .env_clear()
            .envs(inner.environment.iter().map(|(name, value)| (name, value)))
            .env("PATH", &inner.search_path)
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "/bin/false")
            .env("SSH_ASKPASS", "/bin/false")
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("GIT_SSH_COMMAND", &inner.ssh_command)
            .env("GIT_SSH_VARIANT", "ssh")
            .env("GIT_EDITOR", "/bin/false")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_PROTOCOL_FROM_USER", "0")
            .env("GIT_ALLOW_PROTOCOL", self.protocols.allowed())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        for entry in CONFIGURATION
            .iter()
            .copied()
            .chain(self.configuration.iter().map(String::as_str))
        {
            command.arg("-c").arg(entry);
        }
        command
            .args(&self.arguments)
            .current_dir(&self.directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

/// Kills the group of a process that was not waited for: Git starts helpers, and they must not outlive it.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    fn of(child: &tokio::process::Child) -> Self {
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self(pid)
    }

    fn limit(&self, resource: Resource, value: u64) {
        let limit = Rlimit {
            current: Some(value),
            maximum: Some(value),
        };
        if let Err(error) = prlimit(self.0, resource, limit) {
            // It ended before it could be limited, or the limit is above what we may set: both are harmless.
            tracing::debug!(%error, "a limit of git was not set");
        }
    }

    fn ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // Already gone is as good as killed.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

async fn read_up_to<R: AsyncRead + Unpin>(stream: Option<R>, count: u64) -> io::Result<Vec<u8>> {
    let mut output = Vec::new();
    if let Some(stream) = stream {
        stream.take(count).read_to_end(&mut output).await?;
    }
    Ok(output)
}

async fn read_tail<R: AsyncRead + Unpin>(stream: Option<R>) -> Vec<u8> {
    let mut tail = Vec::new();
    let Some(mut stream) = stream else { return tail };
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        tail.extend_from_slice(&buffer[..count]);
        if tail.len() > 2 * DETAIL_LIMIT {
            tail.drain(..tail.len() - DETAIL_LIMIT);
        }
    }
    tail
}

/// What Git and its helpers said, fit for a message: the last lines, without advice and control characters.
fn clean(detail: &[u8]) -> String {
    const ADVICE: [&str; 4] = [
        "hint:",
        "Please make sure you have",
        "and the repository exists",
        "Cloning into",
    ];
    let text = String::from_utf8_lossy(detail);
    let lines: Vec<&str> = text
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty() && !ADVICE.iter().any(|advice| line.starts_with(advice)))
        .collect();
    let last = &lines[lines.len().saturating_sub(6)..];
    let joined = last.join("; ");
    joined
        .chars()
        .filter(|character| !character.is_control())
        .take(600)
        .collect()
}

#[cfg(test)]
mod tests;
