//! Reaps every child: those that were started here and every orphan the kernel hands to pid 1.

use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::process::{WaitOptions, wait};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use super::super::Server;
use super::OwnExit;

/// What the reaper has seen, for those who wait for the dead.
#[derive(Debug, Default)]
pub(crate) struct Reaped {
    /// Children reaped since the start.
    count: Cell<u64>,
    changed: Notify,
}

impl Reaped {
    /// How many so far.
    pub(crate) fn count(&self) -> u64 {
        self.count.get()
    }

    /// Resolves at the next round of reaping.
    pub(crate) async fn next_round(&self) {
        self.changed.notified().await;
    }
}

/// Reaps as long as the daemon lives.
pub(crate) async fn reap_for_ever(server: Rc<Server>) -> io::Result<()> {
    let mut children = signal(SignalKind::child())?;
    loop {
        reap(&server);
        if children.recv().await.is_none() {
            return Ok(());
        }
    }
}

/// Whether anybody is left to reap, now or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Children {
    /// There are living ones.
    Some,
    /// There is none, so there are no descendants either: an orphan would have become a child.
    None,
}

/// Reaps whoever is dead now.
pub(crate) fn reap(server: &Server) -> Children {
    let mut anybody = false;
    let children = loop {
        let (pid, status) = match wait(WaitOptions::NOHANG) {
            Ok(Some(reaped)) => reaped,
            Ok(None) => break Children::Some,
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => break Children::None,
        };
        let exit = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => OwnExit::Code(code),
            (None, Some(number)) => OwnExit::Signal {
                number,
                out_of_memory: number == libc::SIGKILL && server.out_of_memory.happened(),
            },
            // Stopped or continued: not asked for, and not an end.
            (None, None) => continue,
        };
        server.reaped.count.set(server.reaped.count.get() + 1);
        anybody = true;
        if let Ok(pid) = u32::try_from(pid.as_raw_nonzero().get()) {
            server.processes.reaped(pid, exit);
        }
    };
    if anybody {
        server.reaped.changed.notify_waiters();
    }
    children
}

/// Tells whether the sandbox's memory ran out since the last question.
#[derive(Debug)]
pub(crate) struct OutOfMemory {
    events: Option<OwnedFd>,
    kills: Cell<u64>,
}

impl OutOfMemory {
    /// `events` is the cgroup's `memory.events` or `memory.oom_control`.
    pub(crate) fn new(events: Option<OwnedFd>) -> Self {
        let this = Self {
            events,
            kills: Cell::new(0),
        };
        this.kills.set(this.read());
        this
    }

    fn happened(&self) -> bool {
        let now = self.read();
        now > self.kills.replace(now)
    }

    fn read(&self) -> u64 {
        let mut text = [0; 1024];
        let read = self
            .events
            .as_ref()
            .and_then(|events| rustix::io::pread(events, &mut text, 0).ok())
            .unwrap_or(0);
        parse_kills(text.get(..read).unwrap_or_default())
    }
}

fn parse_kills(events: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(events);
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_counted_in_both_cgroup_versions() {
        assert_eq!(
            parse_kills(b"low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n"),
            1
        );
        assert_eq!(parse_kills(b"oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"), 4);
        assert_eq!(parse_kills(b""), 0);
    }

    #[test]
    fn each_kill_is_told_once() {
        use std::io::Write as _;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"oom_kill 1\n").unwrap();
        let watch = OutOfMemory::new(Some(file.try_clone().unwrap().into()));
        assert!(!watch.happened());
        file.write_all(b"oom_kill 9\n").unwrap();
        rustix::io::pwrite(&file, b"oom_kill 2\n", 0).unwrap();
        assert!(watch.happened());
        assert!(!watch.happened());
    }
}
