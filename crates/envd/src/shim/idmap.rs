//! User id maps: of the sandbox's own user namespace, and of namespaces that only serve to shift a layer's ids.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, WaitOptions, getgid, getuid};

use super::launch::Ids;
use super::sys::{Cloned, clone_child};
use super::{Fallible, InStep};

/// How many ids a sandbox has.
const IDS: u32 = 65_536;

/// Writes the maps of a fresh user namespace, whose only process is `child`.
pub(super) fn write(child: Pid, ids: &Ids) -> Fallible<()> {
    let step = "map user ids";
    match *ids {
        Ids::Mapped { base } => write_files(child, 0, base, IDS).in_step(step),
        Ids::Single => {
            let (user, group) = (getuid().as_raw(), getgid().as_raw());
            let process = child.as_raw_nonzero();
            fs::write(format!("/proc/{process}/setgroups"), "deny").in_step(step)?;
            fs::write(format!("/proc/{process}/uid_map"), format!("0 {user} 1")).in_step(step)?;
            fs::write(format!("/proc/{process}/gid_map"), format!("0 {group} 1")).in_step(step)
        }
        Ids::Delegated {
            uid_start,
            gid_start,
            count,
        } => {
            delegated("newuidmap", child, getuid().as_raw(), uid_start, count)?;
            delegated("newgidmap", child, getgid().as_raw(), gid_start, count)
        }
    }
}

/// A user namespace in which the ids from `stored` on are the ids from `base` on: for showing a layer's tree shifted.
pub(super) fn shifting_namespace(stored: u32, base: u32) -> io::Result<OwnedFd> {
    let (ours, theirs) = rustix::pipe::pipe()?;
    let flags = libc::CLONE_NEWUSER as u64;
    match clone_child(flags)? {
        Cloned::Child => {
            // Lives until it is killed, or until the shim is gone.
            drop(theirs);
            let mut byte = [0];
            let _ = rustix::io::read(&ours, &mut byte);
            std::process::exit(0)
        }
        Cloned::Parent { pid, pidfd } => {
            let namespace = write_files(pid, stored, base, IDS).and_then(|()| namespace_of(pid));
            rustix::process::pidfd_send_signal(&pidfd, Signal::KILL)?;
            rustix::process::waitpid(Some(pid), WaitOptions::empty())?;
            namespace
        }
    }
}

/// The user namespace of a process.
pub(super) fn namespace_of(process: Pid) -> io::Result<OwnedFd> {
    let path = format!("/proc/{}/ns/user", process.as_raw_nonzero());
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

fn write_files(process: Pid, inside: u32, outside: u32, count: u32) -> io::Result<()> {
    let process = process.as_raw_nonzero();
    let line = format!("{inside} {outside} {count}");
    fs::write(format!("/proc/{process}/uid_map"), &line)?;
    fs::write(format!("/proc/{process}/gid_map"), &line)
}

/// uid 0 inside is the user itself, so that it can reach its own directories; the rest are its subordinate ids.
#[expect(
    clippy::disallowed_methods,
    reason = "the two helpers of `uidmap` are the only programs the shim starts"
)]
fn delegated(helper: &str, child: Pid, own: u32, start: u32, count: u32) -> Fallible<()> {
    let arguments = [
        child.as_raw_nonzero().to_string(),
        "0".to_owned(),
        own.to_string(),
        "1".to_owned(),
        "1".to_owned(),
        start.to_string(),
        count.min(IDS - 1).to_string(),
    ];
    let status = std::process::Command::new(helper)
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/local/bin")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .in_step(helper)?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("it failed: {status}")).in_step(helper)
    }
}
