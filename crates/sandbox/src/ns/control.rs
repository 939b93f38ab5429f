//! The server's side of the shim's control socket: one packet, one answer, with a bound on the wait.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt};

use super::launch::{Answer, Request, name};
use super::message;

/// Asks the shim whose directory this is. Blocks, at most for `patience`.
pub(super) fn ask(state: &OwnedFd, request: &Request, patience: Duration) -> io::Result<(Answer, Option<OwnedFd>)> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    // By way of the descriptor: a path may be longer than an address.
    let path = format!("/proc/self/fd/{}/{}", state.as_raw_fd(), name::CONTROL);
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(patience))?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(patience))?;
    connect(&socket, &SocketAddrUnix::new(path.as_str())?)?;
    message::send(&socket, &serde_json::to_vec(request)?, None)?;
    let (bytes, descriptor) = message::receive(&socket)?;
    if bytes.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((serde_json::from_slice(&bytes)?, descriptor))
}
