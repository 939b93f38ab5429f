//! Calls that no safe wrapper offers.
#![expect(
    unsafe_code,
    reason = "raw system calls, and a registration that trusts its descriptor"
)]

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::unix::AsyncFd;

/// SIGKILL to every process this one may signal, but itself. Only for pid 1 of a pid namespace.
pub(crate) fn kill_everyone_else() {
    // On a plain host this would be a catastrophe.
    if std::process::id() != 1 {
        return;
    }
    // SAFETY: kill has no memory effects. Pid -1 means "everybody but pid 1 and the caller", within this namespace.
    unsafe { libc::kill(-1, libc::SIGKILL) };
}

/// Lets tasks wait for a descriptor, which must not block.
pub(crate) fn watch_descriptor(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` always names the same open descriptor until it is dropped, which `AsyncFd` does itself.
    Ok(unsafe { AsyncFd::register(descriptor) }?)
}
