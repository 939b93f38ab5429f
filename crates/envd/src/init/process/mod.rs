//! Processes: starting, feeding, listening to, following and ending them.
//!
//! A process *lives* from its fork until its end is told: its own exit was reaped **and** everything it wrote was
//! delivered (or the wait for that was cut short by a kill). The pid cannot be reused before the first, so signals sent
//! by pid always meet the right process.

mod confine;
mod follow;
mod journal;
mod kill;
mod output;
mod pump;
mod reaper;
mod registry;
mod rpc;
mod spawn;
mod start;
mod stdin;
mod stream;
mod supervise;
mod terminal;
mod tree;

use std::cell::RefCell;

use codecourier_e2b::extension::{ExitReason, ExitRecord};
use codecourier_e2b::process::{ProcessConfig, ProcessEnd};
use tokio::sync::watch;

pub(crate) use follow::{follow_journal, wait_for_exit};
pub(crate) use journal::prepare_directory as prepare_journal_directory;
pub(crate) use kill::kill_all;
pub(crate) use reaper::{OutOfMemory, Reaped, reap_for_ever};
pub(crate) use registry::Registry;
pub(crate) use rpc::{CallOptions, call_stream, call_unary};

/// One process that was started here.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    tag: Option<String>,
    started_at: i64,
    retention: Retention,
    /// For listings; emptied at the end, because environments can be long.
    config: RefCell<ProcessConfig>,
    input: stdin::Input,
    output: output::Output,
    terminal: Option<terminal::TerminalEnd>,
    /// How the process itself ended, from the reaper.
    own_exit: watch::Sender<Option<OwnExit>>,
    /// Why it was killed from here, if it was.
    killed: watch::Sender<Option<KillCause>>,
    /// The end, as told to everybody.
    end: watch::Sender<Option<End>>,
}

/// How long a process that ended is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retention {
    /// Long enough for a late attach.
    Briefly,
    /// As long as the sandbox: somebody may ask again with `once`, or for its journal.
    ForEver,
}

/// What the kernel said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OwnExit {
    /// Exit code.
    Code(i32),
    /// Signal, and whether it came from the out-of-memory killer.
    Signal {
        /// Its number.
        number: i32,
        /// Whether the sandbox ran out of memory just then.
        out_of_memory: bool,
    },
}

/// Why this daemon ended a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KillCause {
    /// Somebody asked for it.
    Requested,
    /// Its time was over.
    Timeout,
    /// It wrote too much.
    JournalLimit,
    /// What it wrote could not be stored.
    JournalError,
}

impl KillCause {
    const fn ends_journal(self) -> bool {
        match self {
            Self::JournalLimit | Self::JournalError => true,
            Self::Requested | Self::Timeout => false,
        }
    }
}

/// The end of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    record: ExitRecord,
    /// The caller of `Start` hears of a deadline instead of an exit.
    timed_out: bool,
}

impl End {
    fn event(&self) -> ProcessEnd {
        match self.record.signal {
            None => ProcessEnd::exited(self.record.exit_code),
            Some(signal) => ProcessEnd::signalled(signal),
        }
    }
}

impl Process {
    /// Why it is being killed, if it is.
    fn kill_cause(&self) -> Option<KillCause> {
        *self.killed.borrow()
    }

    /// Notes why it is to die; the supervisor does it. The first cause that explains missing output stays.
    fn request_kill(&self, cause: KillCause) {
        self.killed.send_if_modified(|current| {
            let replaces = match current {
                None | Some(KillCause::Requested) => true,
                Some(KillCause::Timeout) => cause.ends_journal(),
                Some(KillCause::JournalLimit | KillCause::JournalError) => false,
            };
            if replaces {
                *current = Some(cause);
            }
            replaces
        });
    }

    /// The end, if it was told.
    fn ended(&self) -> Option<End> {
        self.end.borrow().clone()
    }

    fn reason(exit: OwnExit, cause: Option<KillCause>) -> ExitReason {
        match (cause, exit) {
            (Some(KillCause::JournalLimit), _) => ExitReason::JournalLimit,
            (Some(KillCause::JournalError), _) => ExitReason::JournalError,
            (Some(KillCause::Timeout), OwnExit::Signal { .. }) => ExitReason::Timeout,
            (
                _,
                OwnExit::Signal {
                    out_of_memory: true, ..
                },
            ) => ExitReason::Oom,
            (_, OwnExit::Signal { .. }) => ExitReason::Signal,
            (_, OwnExit::Code(_)) => ExitReason::Exited,
        }
    }
}
