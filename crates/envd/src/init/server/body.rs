//! Response bodies: one piece, a file, or chunks from a task.
//!
//! Whatever the source, at most a chunk or two wait in memory: the connection asks for the next when it has sent the last.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use super::super::files::FileReader;

/// What is sent after the headers.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it.
    Whole(Option<Bytes>),
    /// Chunks as they come.
    Chunks(mpsc::Receiver<io::Result<Bytes>>),
    /// Part of a file.
    File(FileReader),
}

/// The other side of [`Body::channel`].
#[derive(Debug, Clone)]
pub(crate) struct BodySender(mpsc::Sender<io::Result<Bytes>>);

/// The client is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientGone;

impl Body {
    /// A body in one piece.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()))
    }

    /// A body without bytes.
    pub(crate) const fn empty() -> Self {
        Self::Whole(None)
    }

    /// A body that a task fills; it ends when the sender is dropped.
    pub(crate) fn channel() -> (BodySender, Self) {
        let (sender, receiver) = mpsc::channel(1);
        (BodySender(sender), Self::Chunks(receiver))
    }
}

impl BodySender {
    /// Sends a chunk when the client has taken those before it.
    pub(crate) async fn send(&self, bytes: Bytes) -> Result<(), ClientGone> {
        self.0.send(Ok(bytes)).await.map_err(|_| ClientGone)
    }

    /// Cuts the connection: the client must not take what it has for the whole.
    pub(crate) async fn fail(&self, error: io::Error) {
        // A client that left needs no telling.
        let _ = self.0.send(Err(error)).await;
    }

    /// Resolves when the client is gone.
    pub(crate) async fn closed(&self) {
        self.0.closed().await;
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let chunk = match self.get_mut() {
            Self::Whole(bytes) => bytes.take().map(Ok),
            Self::Chunks(receiver) => match receiver.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(chunk) => chunk,
            },
            Self::File(reader) => reader.next_chunk(),
        };
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Chunks(_) => SizeHint::default(),
            Self::File(reader) => SizeHint::with_exact(reader.remaining()),
        }
    }
}
