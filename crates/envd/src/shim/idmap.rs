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

/// What an ordinary user is in its own sandbox: the id after those that the sandbox uses.
pub(super) const SERVER_INSIDE: u32 = IDS;

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
        Ids::Delegated { uid_start, gid_start } => {
            delegated("newuidmap", child, getuid().as_raw(), uid_start)?;
            delegated("newgidmap", child, getgid().as_raw(), gid_start)
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

/// The ids inside are the user's subordinate ids, as in the layers that it built. The user itself is the one after them,
/// so that the sandbox's root can reach the user's directories.
#[expect(
    clippy::disallowed_methods,
    reason = "the two helpers of `uidmap` are the only programs the shim starts"
)]
fn delegated(helper: &str, child: Pid, own: u32, start: u32) -> Fallible<()> {
    let maps = [0, start, IDS, SERVER_INSIDE, own, 1];
    let arguments = [child.as_raw_nonzero().to_string()]
        .into_iter()
        .chain(maps.map(|number| number.to_string()));
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
