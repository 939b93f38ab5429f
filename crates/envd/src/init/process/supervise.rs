//! One task per process: waits for its exit and its output, cuts the wait short when it must, and tells the end once.

use std::rc::Rc;
use std::time::Duration;

use codecourier_e2b::extension::{ExitRecord, JournalStream};
use codecourier_e2b::process::ProcessConfig;
use tokio::time::{Instant, sleep_until};

use super::super::{Server, clock, tasks};
use super::pump::{OutputEnds, pump};
use super::{End, KillCause, OwnExit, Process, kill};

/// How long what is left of a killed process may still hold its output.
const KILL_GRACE: Duration = Duration::from_millis(250);

/// When to stop waiting.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Deadlines {
    /// The process is killed this long after its start.
    pub(crate) timeout: Option<Duration>,
    /// Its output may be held by others this long after its exit; `None` is for ever.
    pub(crate) drain_grace: Option<Duration>,
}

/// Looks after a process that was just started.
pub(crate) async fn supervise(server: Rc<Server>, process: Rc<Process>, ends: OutputEnds, deadlines: Deadlines) {
    let pumps = tasks::spawn(pump(Rc::clone(&process), ends));
    let stop_pumps = pumps.abort_handle();
    let mut pumps = Some(pumps);
    let mut own_exit = process.own_exit.subscribe();
    let mut killed = process.killed.subscribe();
    let mut exit = *own_exit.borrow_and_update();
    let mut timeout = deadlines.timeout.map(|timeout| Instant::now() + timeout);
    let mut cutoff = None;
    while exit.is_none() || pumps.is_some() {
        let pumps_ended = async {
            match &mut pumps {
                // A pump that panicked has ended, too.
                Some(pumps) => drop(pumps.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = pumps_ended => pumps = None,
            _ = own_exit.changed(), if exit.is_none() => {
                exit = *own_exit.borrow_and_update();
                cutoff = match (process.kill_cause(), deadlines.drain_grace) {
                    (Some(_), _) => Some(Instant::now() + KILL_GRACE),
                    (None, Some(grace)) => Some(Instant::now() + grace),
                    (None, None) => None,
                };
            }
            _ = killed.changed() => {
                let cause = *killed.borrow_and_update();
                kill::enforce(&server, &process, cause).await;
                if exit.is_some() {
                    let soon = Instant::now() + KILL_GRACE;
                    cutoff = Some(cutoff.map_or(soon, |cutoff: Instant| cutoff.min(soon)));
                }
            }
            () = wait_until(timeout) => {
                timeout = None;
                process.request_kill(KillCause::Timeout);
            }
            () = wait_until(cutoff) => break,
        }
    }
    let output_held = pumps.is_some();
    stop_pumps.abort();
    let exit = exit.unwrap_or(OwnExit::Code(0));
    tell_end(&server, &process, exit, output_held);
}

/// Never, for `None`.
pub(crate) async fn wait_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn tell_end(server: &Rc<Server>, process: &Rc<Process>, exit: OwnExit, output_held: bool) {
    let cause = process.kill_cause();
    let (exit_code, signal) = match exit {
        OwnExit::Code(code) => (code, None),
        OwnExit::Signal { number, .. } => (-1, Some(number)),
    };
    let journal = process.output.journal();
    let length = |stream| journal.map_or(0, |journal| journal.length(stream));
    let record = ExitRecord {
        exit_code,
        signal,
        reason: Process::reason(exit, cause),
        started_at_ms: process.started_at,
        ended_at_ms: clock::now_milliseconds(),
        stdout_bytes: length(JournalStream::Stdout),
        stderr_bytes: length(JournalStream::Stderr),
        output_held,
    };
    process.input.abandon();
    process.output.close();
    if let Some(journal) = journal {
        journal.complete(&record);
    }
    process.config.replace(ProcessConfig::default());
    process.end.send_replace(Some(End {
        record,
        timed_out: cause == Some(KillCause::Timeout),
    }));
    server.processes.forget_later(process);
}
