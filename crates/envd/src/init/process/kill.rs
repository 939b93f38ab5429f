//! Ending processes: one group, one tree, or everything.

use std::collections::HashSet;
use std::rc::Rc;
use std::time::Duration;

use codecourier_e2b::extension::KillAllResponse;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::super::{Scope, Server};
use super::reaper::Children;
use super::{KillCause, Process, reaper, tree};

/// Rounds of stopping a tree that keeps growing before everything is killed instead.
const TREE_ROUNDS: u32 = 64;
/// How long `/kill-all` waits for the dead.
const KILL_ALL_PATIENCE: Duration = Duration::from_secs(5);
/// A look at the process table even if nobody was reaped: a process may end without a word to us.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Sends a signal to a process and its group. Kill also cuts the wait for its output short.
pub(crate) fn send_signal(process: &Process, number: i32) -> rustix::io::Result<()> {
    if number == libc::SIGKILL {
        process.request_kill(KillCause::Requested);
    }
    signal_group(process.pid, number)
}

/// Does what the cause asks for.
pub(crate) async fn enforce(server: &Rc<Server>, process: &Process, cause: Option<KillCause>) {
    match cause {
        None => {}
        Some(KillCause::Requested | KillCause::Timeout) => {
            // Nobody left in the group is what was wanted.
            let _ = signal_group(process.pid, libc::SIGKILL);
        }
        Some(KillCause::JournalLimit | KillCause::JournalError) => kill_tree(server, process).await,
    }
}

fn signal_group(pid: u32, number: i32) -> rustix::io::Result<()> {
    let (Some(pid), Some(signal)) = (raw_pid(pid), Signal::from_named_raw(number)) else {
        return Err(rustix::io::Errno::INVAL);
    };
    match kill_process_group(pid, signal) {
        // Between fork and `setsid` there is no group yet.
        Err(rustix::io::Errno::SRCH) => kill_process(pid, signal),
        result => result,
    }
}

/// Kills a process and everything that [`tree::members`] finds. A tree that grows faster than it can be stopped takes
/// everything else in the sandbox with it.
async fn kill_tree(server: &Rc<Server>, process: &Process) {
    match stop_all(|| tree::members(process.pid, process.tag.as_deref())).await {
        Some(members) => members.into_iter().for_each(|pid| signal_one(pid, Signal::KILL)),
        None => kill_everything(server.scope).await,
    }
}

/// Stops whoever `find` gives, again and again until nobody new appears, so that none can fork away. Gives all of them as
/// they were found last, or nothing if they appear faster than they can be stopped.
async fn stop_all(find: impl Fn() -> Vec<u32>) -> Option<Vec<u32>> {
    let mut stopped = HashSet::new();
    for _ in 0..TREE_ROUNDS {
        let found = find();
        let new: Vec<u32> = found.iter().copied().filter(|pid| !stopped.contains(pid)).collect();
        if new.is_empty() {
            return Some(found);
        }
        for pid in new {
            signal_one(pid, Signal::STOP);
            stopped.insert(pid);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// `POST /kill-all`: kills everything but this process, again and again, and waits until it is gone.
pub(crate) async fn kill_all(server: &Rc<Server>) -> KillAllResponse {
    for process in server.processes.living() {
        process.request_kill(KillCause::Requested);
    }
    // Reading the process table takes descriptors.
    server.reserve.release();
    let before = server.reaped.count();
    let patience = tokio::time::sleep(KILL_ALL_PATIENCE);
    tokio::pin!(patience);
    let remaining = loop {
        kill_everything(server.scope).await;
        // Also the dead that nobody has reaped yet: only then nothing of them is left. And whoever is in the namespace
        // without being a descendant.
        let nobody = reaper::reap(server) == Children::None;
        let remaining = count_living(server.scope);
        if nobody && remaining == 0 {
            break 0;
        }
        tokio::select! {
            () = server.reaped.next_round() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            // Somebody is there, even if the table cannot be read.
            () = &mut patience => break remaining.max(1),
        }
    };
    // Tried again with the next connection.
    let _ = server.reserve.refill();
    let killed = server.reaped.count() - before;
    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    KillAllResponse {
        killed: count(killed),
        remaining: count(remaining as u64),
    }
}

fn count_living(scope: Scope) -> usize {
    let there = match scope {
        Scope::PidNamespace => tree::table(),
        Scope::Descendants => tree::descendants(),
    };
    there.iter().filter(|entry| !entry.is_dead).count()
}

async fn kill_everything(scope: Scope) {
    match scope {
        // One system call under the kernel's lock: nobody can fork past it.
        Scope::PidNamespace => super::super::sys::kill_everyone_else(),
        Scope::Descendants => {
            let living = || {
                let descendants = tree::descendants();
                descendants
                    .iter()
                    .filter(|entry| !entry.is_dead)
                    .map(|entry| entry.pid)
                    .collect()
            };
            // Those that appear faster than they can be stopped are killed all the same; the caller looks again.
            let found = stop_all(living).await.unwrap_or_else(living);
            found.into_iter().for_each(|pid| signal_one(pid, Signal::KILL));
        }
    }
}

fn signal_one(pid: u32, signal: Signal) {
    if let Some(pid) = raw_pid(pid) {
        // Gone already is what was wanted.
        let _ = kill_process(pid, signal);
    }
}

fn raw_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}
