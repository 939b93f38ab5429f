//! Carrying bytes between the two ends until one of them is done, and nothing else.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What is on its way in each direction, at most.
const BUFFER: usize = 16 * 1024;

/// Carries until both directions are closed, one of the ends breaks, or nothing has moved for `idle`.
pub(super) async fn carry<C, S>(client: C, mut server: S, idle: Duration)
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let moved = Arc::new(Mutex::new(Instant::now()));
    let mut client = Watched {
        stream: client,
        moved: Arc::clone(&moved),
    };
    let carrying = tokio::io::copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER);
    let silent = async {
        loop {
            let until = *moved.lock() + idle;
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    };
    tokio::select! {
        // Broken ends are what connections have; there is nobody to tell.
        _ = carrying => {}
        () = silent => {}
    }
}

/// One end, and when anything last went in or out of it. Whatever moves passes here.
struct Watched<S> {
    stream: S,
    moved: Arc<Mutex<Instant>>,
}

impl<S> Watched<S> {
    fn note(&self) {
        *self.moved.lock() = Instant::now();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.note();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_ready() {
            self.note();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_carries_both_ways_and_ends_with_the_ends() {
        let ((mut near, client), (server, mut far)) = (tokio::io::duplex(64), tokio::io::duplex(64));
        let ends = async {
            near.write_all(b"there").await.unwrap();
            let mut bytes = [0; 5];
            far.read_exact(&mut bytes).await.unwrap();
            far.write_all(b"again").await.unwrap();
            near.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"again");
            drop((near, far));
        };
        let start = Instant::now();
        tokio::join!(carry(client, server, Duration::from_secs(60)), ends);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_it() {
        let ((mut near, client), (server, _far)) = (tokio::io::duplex(64), tokio::io::duplex(64));
        let start = Instant::now();
        let says_something_late = async {
            tokio::time::sleep(Duration::from_secs(50)).await;
            near.write_all(b"x").await.unwrap();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = carry(client, server, Duration::from_secs(60)) => {}
            () = says_something_late => {}
        }
        assert_eq!(start.elapsed().as_secs(), 110);
    }
}
