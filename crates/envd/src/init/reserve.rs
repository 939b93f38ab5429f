//! A few descriptors kept back, so that an emergency can be heard and dealt with when all others are in use.
//!
//! Released when the listener cannot accept for want of a descriptor and when `/kill-all` reads the process table; taken
//! back as soon as there are some. While it is not whole, new connections are for emergencies only.

use std::cell::RefCell;
use std::os::fd::OwnedFd;

/// One for a connection, the others for a directory and a file of `/proc`.
const DESCRIPTORS: usize = 4;

/// The descriptors.
#[derive(Debug, Default)]
pub(crate) struct Reserve(RefCell<Vec<OwnedFd>>);

impl Reserve {
    /// Takes descriptors until it is whole. Says whether it is.
    pub(crate) fn refill(&self) -> bool {
        let mut held = self.0.borrow_mut();
        while held.len() < DESCRIPTORS {
            let flags = rustix::event::EventfdFlags::CLOEXEC;
            let Ok(descriptor) = rustix::event::eventfd(0, flags) else {
                return false;
            };
            held.push(descriptor);
        }
        true
    }

    /// Gives all of them up. Says whether there were any.
    pub(crate) fn release(&self) -> bool {
        !self.0.take().is_empty()
    }
}
