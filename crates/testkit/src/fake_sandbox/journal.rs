//! The output of a process: bytes that stay, and readers that follow them to the end.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

/// One stream's bytes.
#[derive(Debug)]
pub(crate) struct Journal {
    bytes: Mutex<Vec<u8>>,
    grown: watch::Sender<Grown>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Grown {
    length: usize,
    is_closed: bool,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            bytes: Mutex::default(),
            grown: watch::Sender::new(Grown::default()),
        }
    }
}

impl Journal {
    /// Adds bytes, and gives the length afterwards.
    pub(crate) fn append(&self, more: &[u8]) -> usize {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend_from_slice(more);
        let length = bytes.len();
        drop(bytes);
        self.grown.send_modify(|grown| grown.length = length);
        length
    }

    /// Says that nothing follows.
    pub(crate) fn close(&self) {
        self.grown.send_modify(|grown| grown.is_closed = true);
    }

    pub(crate) fn all(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The next bytes from an offset, at most `most` of them, waiting for some; `None` at the end.
    pub(crate) async fn next(self: &Arc<Self>, offset: usize, most: usize) -> Option<Bytes> {
        let mut grown = self.grown.subscribe();
        let seen = grown
            .wait_for(|grown| grown.length > offset || grown.is_closed)
            .await
            .map(|seen| *seen);
        let length = seen.map_or(0, |seen| seen.length);
        if length <= offset {
            return None;
        }
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let end = bytes.len().min(offset + most);
        Some(Bytes::copy_from_slice(&bytes[offset..end]))
    }
}
