//! A connection that ends when its client stops taking what it is sent.
//!
//! Without it a reader of an event stream who stops reading would hold its place, and what the engine keeps for it, for
//! ever: the answer waits for the connection, and the connection waits for the client. Live sockets have the same rule.
//! Invariant: only a client that takes not one byte for [`STALL`] is let go, however slow it is otherwise.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a client may keep us from sending anything.
pub(super) const STALL: Duration = Duration::from_secs(20);

/// A stream whose writes give up.
pub(super) struct Patient<S> {
    stream: S,
    /// Runs out when the client has taken nothing for too long.
    limit: Pin<Box<Sleep>>,
    client: Client,
}

/// What the client does with what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Takes,
    Stalls,
}

impl<S> Patient<S> {
    /// A stream with the rule.
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            limit: Box::pin(sleep(STALL)),
            client: Client::Takes,
        }
    }

    /// The answer of the stream to a write, unless it has been waited for too long.
    fn judge<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.client = Client::Takes;
            return written;
        }
        if self.client == Client::Takes {
            self.client = Client::Stalls;
            self.limit.as_mut().reset(Instant::now() + STALL);
        }
        match self.limit.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client takes nothing of what it is sent",
            ))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_let_go_and_a_slow_one_is_not() {
        let (server, mut client) = duplex(8);
        let mut server = Patient::new(server);
        let writing = tokio::join!(
            async {
                let written = server.write_all(&[7; 64]).await;
                (written, server)
            },
            async {
                let mut byte = [0];
                for _ in 0..56 {
                    tokio::time::sleep(STALL - Duration::from_secs(1)).await;
                    client.read_exact(&mut byte).await.unwrap();
                }
            }
        );
        let (written, mut server) = writing.0;
        written.unwrap();

        let began = Instant::now();
        let refused = server.write_all(&[7; 64]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), STALL);
    }

    #[tokio::test(start_paused = true)]
    async fn reading_has_no_limit() {
        let (server, mut client) = duplex(8);
        let mut server = Patient::new(server);
        let mut byte = [0];
        let (read, ()) = tokio::join!(server.read_exact(&mut byte), async {
            tokio::time::sleep(STALL * 100).await;
            client.write_all(&[1]).await.unwrap();
        });
        read.unwrap();
    }
}
