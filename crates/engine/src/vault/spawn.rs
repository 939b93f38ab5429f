//! The one place in the engine that starts a program of the host: the command that gives the master keys.
//!
//! Invariants: the program is an absolute path and no shell reads its arguments; its environment is what was given and
//! nothing else; it has a time limit, its output a size limit, and it dies with its whole process group when either is
//! passed or whoever waits goes away; what it prints to its standard output is in no error and no log line.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use zeroize::Zeroizing;

use super::VaultError;
use super::source::CommandSource;

/// How much it may print.
const OUTPUT_LIMIT: usize = 64 * 1024;
/// How much of what it complains of is told.
const COMPLAINT_LIMIT: usize = 500;

/// What the command prints, once it has ended well.
pub(super) async fn output(source: &CommandSource) -> Result<Zeroizing<String>, VaultError> {
    let failed = |reason: String| VaultError::Command {
        program: source.program.display().to_string(),
        reason,
    };
    if !source.program.is_absolute() {
        return Err(failed("must be named by its absolute path".to_owned()));
    }
    let mut child = command(source)
        .spawn()
        .map_err(|error| failed(format!("could not be started: {error}")))?;
    let group = ProcessGroup::of(&child);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (printed, complained) = tokio::join!(read(stdout, OUTPUT_LIMIT + 1), read(stderr, 8 * 1024));
        (printed, complained, child.wait().await)
    };
    let ended = tokio::time::timeout(source.timeout, work).await;
    let seconds = source.timeout.as_secs();
    let (printed, complained, status) = ended.map_err(|_| failed(format!("did not end within {seconds} s")))?;
    group.ended();
    let status = status.map_err(|error| failed(format!("cannot be waited for: {error}")))?;
    if !status.success() {
        let complaint = presentable(&complained);
        return Err(failed(format!("failed ({status}): {complaint}")));
    }
    if printed.len() > OUTPUT_LIMIT {
        return Err(failed(format!("printed more than {OUTPUT_LIMIT} bytes")));
    }
    let text = std::str::from_utf8(&printed).map_err(|_| failed("printed what is no text".to_owned()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the crate's spawn module: it fixes the environment, the directory and the limits"
)]
fn command(source: &CommandSource) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(&source.program);
    command
        .args(&source.arguments)
        .env_clear()
        .envs(source.environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// Reads to the end or to the limit, into memory that is wiped.
async fn read(stream: Option<impl AsyncRead + Unpin>, limit: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit));
    if let Some(stream) = stream {
        // What was read before a failure counts; the exit status says the rest.
        let _ = stream
            .take(u64::try_from(limit).unwrap_or(u64::MAX))
            .read_to_end(&mut bytes)
            .await;
    }
    bytes
}

fn presentable(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let line = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it says nothing");
    line.chars()
        .filter(|character| !character.is_control())
        .take(COMPLAINT_LIMIT)
        .collect()
}

/// Kills the group of a command that was not waited for.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    fn of(child: &tokio::process::Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// The command was waited for: its number may be another's by now.
    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Whoever is gone already needs no signal.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
