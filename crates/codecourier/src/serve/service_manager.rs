//! What a service manager passes on, and what it is told: systemd's protocol, which others speak too.
//!
//! Invariant: without a service manager nothing of this does anything.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::config::{Config, ServiceSurroundings};
use crate::problem::Problem;

/// The number of the first descriptor that is passed on.
const FIRST: i32 = 3;

/// The service manager, if there is one.
pub(super) struct ServiceManager {
    notify: Option<OsString>,
    sockets: u32,
}

impl ServiceManager {
    /// The one that started this process.
    pub(super) fn of(config: &Config) -> Self {
        let ServiceSurroundings {
            listen_pid,
            listen_fds,
            notify_socket,
        } = &config.service;
        let is_for_us = listen_pid
            .as_deref()
            .and_then(|pid| pid.parse::<i32>().ok())
            .is_some_and(|pid| Pid::from_raw(pid) == Some(getpid()));
        let sockets = listen_fds.as_deref().and_then(|count| count.parse().ok()).unwrap_or(0);
        Self {
            notify: notify_socket.clone(),
            sockets: if is_for_us { sockets } else { 0 },
        }
    }

    /// The socket to listen on, if one was passed on.
    pub(super) fn socket(&self) -> Result<Option<OwnedFd>, Problem> {
        match self.sockets {
            0 => return Ok(None),
            1 => {}
            more => {
                return Err(Problem::usage(format!(
                    "The service manager passes on {more} sockets, and this server listens on one."
                )));
            }
        }
        // A duplicate, by the one way that needs no promise about who owns the original.
        let duplicate = pidfd_open(getpid(), PidfdFlags::empty())
            .and_then(|own| pidfd_getfd(&own, FIRST, PidfdGetfdFlags::empty()))
            .map_err(|error| Problem::internal("Taking the service manager's socket", &error))?;
        Ok(Some(duplicate))
    }

    /// Tells that the server is ready.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// Tells that the server ends.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, state: &str) {
        let Some(path) = &self.notify else { return };
        let address = match path.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(path),
        };
        let told = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
        if let Err(error) = told {
            tracing::warn!("the service manager was not told `{state}`: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_manager_is_told() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let manager = ServiceManager {
            notify: Some(path.into_os_string()),
            sockets: 0,
        };
        manager.ready();
        let mut told = [0; 64];
        let length = socket.recv(&mut told).unwrap();
        assert_eq!(&told[..length], b"READY=1");
        assert!(manager.socket().unwrap().is_none());
    }
}
