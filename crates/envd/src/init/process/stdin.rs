//! The way into a process: an ordered queue in front of its pipe or terminal.
//!
//! Whoever sends waits until the process has taken the bytes (back-pressure), but giving up the wait takes nothing back:
//! what is in the queue is written in order, whole, once. So an input id can be acknowledged for ever once it was queued.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::super::tasks;

/// More than this unread by the process is refused.
pub(crate) const PENDING_BYTES_LIMIT: usize = 64 * 1024 * 1024;

/// Why bytes cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InputRefused {
    /// Standard input was never open, or is closed.
    Closed,
    /// The process does not read and too much waits already.
    TooMuchPending,
}

/// Something bytes can be written to without blocking the thread.
pub(crate) trait InputTarget: 'static {
    /// Writes some of the bytes, waiting until that is possible.
    fn write_some(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>>;
}

impl InputTarget for tokio::net::unix::pipe::Sender {
    async fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.writable().await?;
            match self.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }
}

struct Item {
    bytes: Bytes,
    written: oneshot::Sender<()>,
}

/// The sending half, owned by the process.
#[derive(Debug, Default)]
pub(crate) struct Input {
    queue: RefCell<Option<mpsc::UnboundedSender<Item>>>,
    pending: Rc<Cell<usize>>,
    seen: RefCell<HashSet<String>>,
    writer: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Item({} bytes)", self.bytes.len())
    }
}

impl Input {
    /// No input at all.
    pub(crate) fn closed() -> Self {
        Self::default()
    }

    /// Input that a task writes to `target`, which is closed with the queue.
    pub(crate) fn to(target: impl InputTarget) -> Self {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Item>();
        let pending = Rc::new(Cell::new(0_usize));
        let counter = Rc::clone(&pending);
        let writer = tasks::spawn(async move {
            while let Some(item) = receiver.recv().await {
                let mut rest = item.bytes.clone();
                while !rest.is_empty() {
                    let Ok(written) = target.write_some(&rest).await else {
                        // The process closed its end or is gone: every waiter learns by its dropped sender.
                        return;
                    };
                    rest = rest.slice(written..);
                }
                counter.set(counter.get().saturating_sub(item.bytes.len()));
                // Whoever stopped waiting does not mind.
                let _ = item.written.send(());
            }
        });
        Self {
            queue: RefCell::new(Some(sender)),
            pending,
            seen: RefCell::default(),
            writer: Some(writer),
        }
    }

    /// Queues bytes. The receiver yields when they were written, or fails when they never will be.
    pub(crate) fn send(&self, bytes: Bytes) -> Result<oneshot::Receiver<()>, InputRefused> {
        let pending = self.pending.get() + bytes.len();
        // One message always fits, however long: its size was bounded when it was read.
        if self.pending.get() > 0 && pending > PENDING_BYTES_LIMIT {
            return Err(InputRefused::TooMuchPending);
        }
        let queue = self.queue.borrow();
        let (written, waiter) = oneshot::channel();
        queue
            .as_ref()
            .ok_or(InputRefused::Closed)?
            .send(Item { bytes, written })
            .map_err(|_| InputRefused::Closed)?;
        self.pending.set(pending);
        Ok(waiter)
    }

    /// As [`Input::send`], unless the id was queued before: then `None`.
    pub(crate) fn send_once(&self, id: &str, bytes: Bytes) -> Result<Option<oneshot::Receiver<()>>, InputRefused> {
        if self.seen.borrow().contains(id) {
            return Ok(None);
        }
        let waiter = self.send(bytes)?;
        self.seen.borrow_mut().insert(id.to_owned());
        Ok(Some(waiter))
    }

    /// Closes the process's input after everything queued was written.
    pub(crate) fn close(&self) {
        self.queue.borrow_mut().take();
    }

    /// Closes it now: the process is gone, nobody will read what is queued.
    pub(crate) fn abandon(&self) {
        self.close();
        if let Some(writer) = &self.writer {
            writer.abort();
        }
    }
}
