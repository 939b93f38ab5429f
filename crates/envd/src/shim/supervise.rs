//! The shim's long life: answer requests, keep the time, watch the disk, and write down how it ended.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Signal, WaitId, WaitIdOptions, WaitIdStatus};
use rustix::time::{ClockId, clock_gettime};

use super::countdown::{Countdown, Stands};
use super::launch::{Answer, EndReason, EndRecord, LaunchSpec, Request, name};
use super::start::Running;
use super::{group, message, watch};

/// More at once is no server of ours.
const MOST_CONNECTIONS: usize = 64;

/// How often it is looked whether the sandbox's directory is still there.
const FORGOTTEN_EVERY_MS: u64 = 5_000;

/// What the loop came to know.
enum Event {
    Over(EndReason, String),
    /// Everything is dead and written down.
    Done,
    InitEnded,
    /// Its directory was deleted: there is nobody who will ever destroy it.
    Forgotten,
    Again,
}

/// Milliseconds of a clock that also runs while the host sleeps.
pub(super) fn now_ms() -> u64 {
    milliseconds(ClockId::Boottime)
}

fn milliseconds(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// Serves until the sandbox is over. Returns when nothing of it lives and the reason is written down.
pub(super) fn until_the_end(spec: &LaunchSpec, running: Running) {
    let mut connections: Vec<OwnedFd> = Vec::new();
    let mut disk = watch::DiskWatch::new(spec);
    let mut countdown = Countdown::until(running.deadline_ms);
    loop {
        match turn(spec, &running, &mut countdown, &mut connections, &mut disk) {
            Event::Again => {}
            Event::Done => break,
            Event::Forgotten => {
                end(&running);
                group::remove(&running.groups);
                break;
            }
            Event::Over(reason, detail) => {
                end(&running);
                record(&running, reason, detail);
                break;
            }
            Event::InitEnded => {
                let (reason, detail) = why(&running);
                record(&running, reason, detail);
                break;
            }
        }
    }
}

fn turn(
    spec: &LaunchSpec,
    running: &Running,
    countdown: &mut Countdown,
    connections: &mut Vec<OwnedFd>,
    disk: &mut Option<watch::DiskWatch>,
) -> Event {
    let stands = if group::is_frozen(&running.groups) {
        Stands::Still
    } else {
        Stands::NotStill
    };
    let left = countdown.left(now_ms(), stands);
    if left == 0 {
        return Event::Over(
            EndReason::TimedOut,
            format!("its time of {} s was over", spec.life_ms / 1000),
        );
    }
    if is_forgotten(running) {
        return Event::Forgotten;
    }
    let due = match stands {
        Stands::Still => FORGOTTEN_EVERY_MS,
        Stands::NotStill => left,
    };
    let wait = disk
        .as_ref()
        .map_or(due, |disk| due.min(disk.due_in_ms()))
        .min(FORGOTTEN_EVERY_MS);
    let (init_ended, asked, ready) = {
        let mut polled = vec![
            PollFd::new(&running.init_descriptor, PollFlags::IN),
            PollFd::new(&running.requests, PollFlags::IN),
        ];
        polled.extend(
            connections
                .iter()
                .map(|connection| PollFd::new(connection, PollFlags::IN)),
        );
        let wait = Duration::from_millis(wait);
        let wait = Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(1),
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        if poll(&mut polled, Some(&wait)).is_err() {
            return Event::Again;
        }
        let ready: Vec<bool> = polled.iter().map(|polled| !polled.revents().is_empty()).collect();
        (ready[0], ready[1], ready[2..].to_vec())
    };
    if init_ended {
        return Event::InitEnded;
    }
    let mut ready = ready.into_iter();
    let mut killed = false;
    connections.retain(|connection| {
        if killed || !ready.next().unwrap_or(false) {
            return true;
        }
        match answer(running, left, connection) {
            Answered::Open => true,
            Answered::Closed => false,
            Answered::Killed => {
                killed = true;
                true
            }
        }
    });
    if killed {
        return Event::Done;
    }
    if asked {
        accept(running, connections);
    }
    match disk.as_mut().and_then(watch::DiskWatch::exceeded) {
        Some(detail) => Event::Over(EndReason::DiskFull, detail),
        None => Event::Again,
    }
}

fn is_forgotten(running: &Running) -> bool {
    rustix::fs::fstat(&running.state).is_ok_and(|state| state.st_nlink == 0)
}

fn accept(running: &Running, connections: &mut Vec<OwnedFd>) {
    let accepted = rustix::net::accept_with(&running.requests, rustix::net::SocketFlags::CLOEXEC);
    connections.extend(accepted.ok().filter(|_| connections.len() < MOST_CONNECTIONS));
}

enum Answered {
    Open,
    Closed,
    Killed,
}

fn answer(running: &Running, left_ms: u64, connection: &OwnedFd) -> Answered {
    let Ok((bytes, _)) = message::receive(connection) else {
        return Answered::Closed;
    };
    if bytes.is_empty() {
        return Answered::Closed;
    }
    let reply = match serde_json::from_slice::<Request>(&bytes) {
        Err(error) => (
            Answer::Refused {
                message: error.to_string(),
            },
            None,
        ),
        Ok(Request::Status) => {
            let status = Answer::Status {
                init_pid: running.init_pid(),
                shim_pid: i32::try_from(std::process::id()).unwrap_or(0),
                left_ms,
            };
            (status, None)
        }
        Ok(Request::GatewayListener) => match &running.gateway {
            Some(listener) => (Answer::Listener, Some(listener.as_fd())),
            None => (
                Answer::Refused {
                    message: "this sandbox has no gateway".to_owned(),
                },
                None,
            ),
        },
        Ok(Request::Kill { reason }) => {
            let processes = group::processes(&running.groups).unwrap_or(1);
            end(running);
            record(running, reason, "it was asked to end".to_owned());
            reply(connection, &Answer::Killed { processes }, None);
            return Answered::Killed;
        }
    };
    if self::reply(connection, &reply.0, reply.1) {
        Answered::Open
    } else {
        Answered::Closed
    }
}

fn reply(connection: &OwnedFd, answer: &Answer, descriptor: Option<std::os::fd::BorrowedFd<'_>>) -> bool {
    serde_json::to_vec(answer).is_ok_and(|bytes| message::send(connection, &bytes, descriptor).is_ok())
}

/// Kills pid 1 and waits for it. The kernel lets it end only when every process of its namespace has ended.
fn end(running: &Running) {
    group::thaw(&running.groups);
    let _ = rustix::process::pidfd_send_signal(&running.init_descriptor, Signal::KILL);
    let wait = || rustix::process::waitid(WaitId::PidFd(running.init_descriptor.as_fd()), WaitIdOptions::EXITED);
    while matches!(wait(), Err(rustix::io::Errno::INTR)) {}
}

fn why(running: &Running) -> (EndReason, String) {
    let status: Option<WaitIdStatus> =
        rustix::process::waitid(WaitId::PidFd(running.init_descriptor.as_fd()), WaitIdOptions::EXITED)
            .ok()
            .flatten();
    let signal = status.as_ref().and_then(WaitIdStatus::terminating_signal);
    let code = status.as_ref().and_then(WaitIdStatus::exit_status);
    match (signal, code) {
        (Some(9), _) if group::memory_kills(&running.groups) > 0 => (
            EndReason::OutOfMemory,
            "its first process was killed for want of memory".to_owned(),
        ),
        (Some(signal), _) => (
            EndReason::Crashed,
            format!("its first process was killed by signal {signal}"),
        ),
        (None, Some(code)) => (
            EndReason::Crashed,
            format!("its first process ended with {code}. {}", complaints(running)),
        ),
        (None, None) => (EndReason::Crashed, "its first process is gone".to_owned()),
    }
}

/// The end of what pid 1 said.
fn complaints(running: &Running) -> String {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::openat(&running.state, name::COMPLAINTS, flags, Mode::empty()) else {
        return String::new();
    };
    let text = std::io::read_to_string(std::fs::File::from(file)).unwrap_or_default();
    text.lines().rev().take(3).collect::<Vec<_>>().join(" ")
}

/// Whole or not at all, and on disk: the next server reads it.
fn record(running: &Running, reason: EndReason, detail: String) {
    let at_ms = i64::try_from(milliseconds(ClockId::Realtime)).unwrap_or(0);
    let Ok(text) = serde_json::to_vec(&EndRecord { reason, at_ms, detail }) else {
        return;
    };
    let draft = "ended.json.draft";
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::openat(&running.state, draft, flags, Mode::RUSR | Mode::WUSR) else {
        return;
    };
    if rustix::io::write(&file, &text).is_ok() && rustix::fs::fsync(&file).is_ok() {
        let _ = rustix::fs::renameat(&running.state, draft, &running.state, name::ENDED);
    }
}
