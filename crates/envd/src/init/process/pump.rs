//! Moves what a process writes from its pipe or terminal to where it goes, until the last writer closed it.
//!
//! At most one chunk per descriptor is in memory, whatever the process writes: lines and encodings mean nothing here.

use std::io;
use std::rc::Rc;

use tokio::net::unix::pipe;

use super::journal::{Appended, Journal};
use super::output::{Output, Source};
use super::terminal::TerminalEnd;
use super::{KillCause, Process};

/// Chunk of a pipe: as much as a pipe holds.
const PIPE_CHUNK_BYTES: usize = 64 * 1024;
/// Chunk of a pipe that goes to listeners: what E2B's clients are used to.
const LIVE_CHUNK_BYTES: usize = 32 * 1024;
/// Chunk of a terminal.
const TERMINAL_CHUNK_BYTES: usize = 16 * 1024;

/// Our ends of the child's output.
#[derive(Debug)]
pub(crate) enum OutputEnds {
    /// Two pipes.
    Pipes {
        /// Descriptor 1.
        stdout: pipe::Receiver,
        /// Descriptor 2.
        stderr: pipe::Receiver,
    },
    /// One terminal.
    Terminal(TerminalEnd),
}

/// Runs until everything the process and its heirs wrote has gone where it goes.
pub(crate) async fn pump(process: Rc<Process>, ends: OutputEnds) {
    match ends {
        OutputEnds::Pipes { stdout, stderr } => {
            tokio::join!(
                pump_pipe(&process, &stdout, Source::Stdout),
                pump_pipe(&process, &stderr, Source::Stderr)
            );
        }
        OutputEnds::Terminal(terminal) => pump_terminal(&process, &terminal).await,
    }
}

async fn pump_pipe(process: &Process, pipe: &pipe::Receiver, source: Source) {
    let chunk = match process.output {
        Output::Live(_) => LIVE_CHUNK_BYTES,
        Output::Journaled(_) => PIPE_CHUNK_BYTES,
    };
    let mut buffer = Vec::new();
    // The buffer is made when there is something to read: most processes never use both pipes.
    while pipe.readable().await.is_ok() {
        buffer.resize(chunk, 0);
        match pipe.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => deliver(process, source, buffer.get(..read).unwrap_or_default()).await,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                buffer = Vec::new();
            }
            Err(_) => return,
        }
    }
}

async fn pump_terminal(process: &Process, terminal: &TerminalEnd) {
    let mut buffer = vec![0; TERMINAL_CHUNK_BYTES];
    while let Ok(read) = terminal.read_some(&mut buffer).await {
        if read == 0 {
            return;
        }
        deliver(process, Source::Terminal, buffer.get(..read).unwrap_or_default()).await;
    }
}

async fn deliver(process: &Process, source: Source, bytes: &[u8]) {
    match &process.output {
        Output::Live(_) => process.output.tell(source, bytes).await,
        Output::Journaled(journal) => write_down(process, journal, source, bytes),
    }
}

/// Once writing failed, nothing more is written, so that the journal never has a gap; the rest is read and dropped until
/// the kill takes effect.
fn write_down(process: &Process, journal: &Journal, source: Source, bytes: &[u8]) {
    if process.kill_cause().is_some_and(KillCause::ends_journal) {
        return;
    }
    match journal.append(source.journal_stream(), bytes) {
        Ok(Appended::Whole) => {}
        Ok(Appended::LimitReached) => process.request_kill(KillCause::JournalLimit),
        Err(_) => process.request_kill(KillCause::JournalError),
    }
}
