//! The one place where building a template starts programs.
//!
//! Invariants: no program reads this process's standard input; its output is one stream, in the order it was written;
//! a dropped future kills the program. Those that run [`super::identity`]-wrapped take their whole tree with them.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is where the templates' programs are spawned"
)]

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::identity::IdMap;

/// A line longer than this is cut into several.
const LONGEST_LINE: usize = 16 * 1024;

/// A program to run.
#[derive(Debug)]
pub(super) struct Tool {
    /// Program and arguments.
    pub(super) argv: Vec<OsString>,
    /// Its working directory.
    pub(super) directory: PathBuf,
    /// What it is given as standard input: nothing, a file that it and all its children then hold open, or the
    /// handshake of a new user namespace.
    pub(super) input: Input,
}

/// What a program has as standard input.
#[derive(Debug)]
pub(super) enum Input {
    Nothing,
    File(File),
    /// The program writes one line when it is in its new user namespace; then these maps are set and it is told to go on.
    UserNamespace(IdMap),
}

/// Runs a program to its end and hands over each line of its output.
pub(super) async fn run(tool: Tool, on_line: &mut (dyn FnMut(&str) + Send)) -> io::Result<ExitStatus> {
    let (reader, writer) = io::pipe()?;
    let mut output = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
    let mut map = None;
    let mut child = {
        let mut command = Command::new(tool.argv.first().map_or_else(OsString::new, Clone::clone));
        command
            .args(tool.argv.iter().skip(1))
            .current_dir(&tool.directory)
            .env("LC_ALL", "C.UTF-8")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::from(writer.try_clone()?))
            .stderr(Stdio::from(writer))
            .kill_on_drop(true);
        match tool.input {
            Input::Nothing => command.stdin(Stdio::null()),
            Input::File(file) => command.stdin(Stdio::from(file)),
            Input::UserNamespace(ids) => {
                map = Some(ids);
                command.stdin(Stdio::piped())
            }
        };
        command.spawn()?
        // The command is dropped here, and with it our ends of the pipe: end of file means that all writers are gone.
    };
    if let Some(map) = map {
        enter_user_namespace(&mut child, &mut output, &map).await?;
    }
    read_lines(&mut output, on_line).await?;
    child.wait().await
}

/// The program's side is [`IdMap::wrap`].
async fn enter_user_namespace(child: &mut Child, output: &mut pipe::Receiver, map: &IdMap) -> io::Result<()> {
    let mut first = [0];
    if output.read(&mut first).await? == 0 || first != *b"." {
        let mut rest = String::from_utf8_lossy(&first).into_owned();
        read_lines(output, &mut |line| rest.push_str(line)).await?;
        let message = format!("an ordinary user can't make a user namespace here: {rest}");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    let pid = child.id().ok_or_else(|| io::Error::other("ended early"))?;
    for arguments in map.commands(pid) {
        let done = Command::new(&arguments[0])
            .args(&arguments[1..])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        if !done.status.success() {
            let message = String::from_utf8_lossy(&done.stderr).trim().to_owned();
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
    }
    match child.stdin.take() {
        Some(mut stdin) => stdin.write_all(b"go\n").await,
        None => Ok(()),
    }
}

async fn read_lines(output: &mut pipe::Receiver, on_line: &mut (dyn FnMut(&str) + Send)) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut chunk = vec![0; 8192];
    loop {
        match output.read(&mut chunk).await? {
            0 => break,
            length => lines.push(&chunk[..length], on_line),
        }
    }
    lines.finish(on_line);
    Ok(())
}

/// Cuts output into lines: at line feeds, at carriage returns (progress bars), and where a line is too long. Empty ones
/// are left out.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8], on_line: &mut (dyn FnMut(&str) + Send)) {
        for &byte in bytes {
            let ends = matches!(byte, b'\n' | b'\r');
            if !ends {
                self.pending.push(byte);
            }
            if ends || self.pending.len() >= LONGEST_LINE {
                self.finish(on_line);
            }
        }
    }

    /// What came after the last end of a line.
    pub(super) fn finish(&mut self, on_line: &mut (dyn FnMut(&str) + Send)) {
        if !self.pending.is_empty() {
            on_line(&String::from_utf8_lossy(&self.pending));
            self.pending.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Tool {
        Tool {
            argv: ["sh", "-c", script].map(OsString::from).to_vec(),
            directory: PathBuf::from("/"),
            input: Input::Nothing,
        }
    }

    #[tokio::test]
    async fn output_and_errors_come_in_the_order_they_were_written() {
        let mut lines = Vec::new();
        let script = "echo one; echo two >&2; printf 'three\\rfour'; exit 3";
        let status = run(shell(script), &mut |line| lines.push(line.to_owned()))
            .await
            .unwrap();
        assert_eq!(lines, ["one", "two", "three", "four"]);
        assert_eq!(status.code(), Some(3));
    }

    #[tokio::test]
    async fn a_program_that_reads_gets_end_of_file_at_once() {
        let mut lines = Vec::new();
        run(shell("cat; echo done"), &mut |line| lines.push(line.to_owned()))
            .await
            .unwrap();
        assert_eq!(lines, ["done"]);
    }
}
