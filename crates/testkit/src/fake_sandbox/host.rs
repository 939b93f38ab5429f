//! Running a real process on the host for a fake sandbox.

use std::process::Stdio;
use std::sync::Arc;

use bytes::Bytes;
use codecourier_sandbox::{ExitStatus, Signal};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::{Journal, Process, Room};
use crate::spawn;

/// Starts the process and sees it through to its end.
pub(super) async fn run(room: Arc<Room>, process: Arc<Process>, mut input: mpsc::UnboundedReceiver<Bytes>) {
    let spec = &process.spec;
    let mut command = spawn::command(room.on_host(&spec.command));
    command
        .args(spec.args.iter().map(|argument| room.on_host(argument)))
        .current_dir(
            spec.cwd
                .as_ref()
                .map_or_else(|| room.home(), |cwd| room.on_host(cwd).into()),
        )
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", room.home())
        .env("TMPDIR", room.root.join("tmp"))
        .envs(spec.env.iter().map(|(name, value)| (name, room.on_host(value))))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = match tokio::process::Command::from(command).kill_on_drop(true).spawn() {
        Ok(child) => child,
        Err(error) => {
            process.stderr.append(format!("{}: {error}\n", spec.command).as_bytes());
            return process.end(ExitStatus::Exited(127));
        }
    };
    let group = child
        .id()
        .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            while let Some(bytes) = input.recv().await {
                if stdin.write_all(&bytes).await.is_err() {
                    break;
                }
            }
        }
        std::future::pending::<()>().await;
    };
    let pumps = async {
        tokio::join!(pump(stdout, &process.stdout), pump(stderr, &process.stderr));
    };
    let end = child.wait();
    tokio::pin!(pumps, feed, end);
    let mut pumped = false;
    let mut least = Signal::Terminate;
    // The end of the process is the end of its output, whoever else holds the pipes.
    let status = loop {
        tokio::select! {
            () = &mut pumps, if !pumped => pumped = true,
            () = &mut feed => {}
            signal = process.signalled(least) => {
                kill(group, signal);
                if signal == Signal::Kill {
                    break (&mut end).await;
                }
                least = Signal::Kill;
            }
            status = &mut end => break status,
        }
    };
    if !pumped {
        // What is in the pipes comes at once; what a child of the process goes on to write is nobody's.
        let rest = std::time::Duration::from_millis(50);
        let _ = tokio::time::timeout(rest, pumps).await;
    }
    kill(group, Signal::Kill);
    process.end(match status {
        Ok(status) => match (status.code(), std::os::unix::process::ExitStatusExt::signal(&status)) {
            (Some(code), _) => ExitStatus::Exited(code),
            (None, signal) => ExitStatus::Signalled(signal.unwrap_or(9)),
        },
        Err(_) => ExitStatus::Exited(126),
    });
}

async fn pump(stream: Option<impl AsyncRead + Unpin>, journal: &Arc<Journal>) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        journal.append(&buffer[..read]);
    }
}

fn kill(group: Option<rustix::process::Pid>, signal: Signal) {
    let signal = match signal {
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    if let Some(group) = group {
        // Nobody left in it is what was wanted.
        let _ = rustix::process::kill_process_group(group, signal);
    }
}
