//! Pseudo terminals: a pair of descriptors of which the child gets one end.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::rc::Rc;

use codecourier_e2b::process::PtySize;
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::super::sys;
use super::super::users::Identity;
use super::stdin::InputTarget;

/// Our end.
#[derive(Debug, Clone)]
pub(crate) struct TerminalEnd(Rc<AsyncFd<OwnedFd>>);

/// Opens a terminal of that size for that user: our end and the child's.
pub(crate) fn open_terminal(size: PtySize, identity: &Identity) -> io::Result<(TerminalEnd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    unlockpt(&ours)?;
    let theirs = ioctl_tiocgptpeer(&ours, flags)?;
    tcsetwinsize(&ours, window_size(size))?;
    // So that the user may open it by name. Where that fails, the descriptor works all the same.
    let _ = rustix::fs::fchown(
        &theirs,
        Some(Uid::from_raw(identity.uid)),
        Some(Gid::from_raw(identity.gid)),
    );
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((TerminalEnd(Rc::new(sys::watch_descriptor(ours)?)), theirs))
}

impl TerminalEnd {
    /// Reads some bytes; 0 when every process has closed its end.
    pub(crate) async fn read_some(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self
            .0
            .async_io(Interest::READABLE, |end| Ok(rustix::io::read(end, &mut *buffer)?))
            .await;
        match read {
            // Linux says EIO where a pipe would say end of file.
            Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => Ok(0),
            other => other,
        }
    }

    /// Tells the terminal (and by SIGWINCH its foreground processes) a new size.
    pub(crate) fn resize(&self, size: PtySize) -> io::Result<()> {
        Ok(tcsetwinsize(self.0.get_ref().as_fd(), window_size(size))?)
    }
}

impl InputTarget for TerminalEnd {
    async fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .async_io(Interest::WRITABLE, |end| Ok(rustix::io::write(end, bytes)?))
            .await
    }
}

fn window_size(size: PtySize) -> Winsize {
    let cells = |count: u32| u16::try_from(count).unwrap_or(u16::MAX);
    Winsize {
        ws_row: cells(size.rows),
        ws_col: cells(size.cols),
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}
