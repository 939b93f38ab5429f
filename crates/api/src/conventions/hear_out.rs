//! An answer reaches the client although it was given before the end of the body.
//!
//! A server that answers and closes while bytes are still on their way makes the kernel reset the connection, and a
//! client that is busy sending sees "connection reset" in place of "too large" or "sign in". So what is left of such a
//! body is taken in and forgotten before the answer goes out, within bounds (RFC 9112, section 9.6).
//!
//! Invariant: nothing is taken in of a body whose client waits for a word first (`Expect: 100-continue`), and at most
//! [`REST`] bytes for at most [`PATIENCE`] of any other.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use futures::{FutureExt as _, StreamExt as _};
use http_body::{Frame, SizeHint};
use tokio::sync::oneshot;

/// The most that is taken in of a body that nobody reads, in bytes.
const REST: u64 = 4 * super::upload::LONGEST as u64;

/// How long a client may take to send it.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn hear_out(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let (unread, left) = oneshot::channel();
    let request = request.map(|body| {
        Body::new(Watched {
            body,
            unread: Some(unread),
        })
    });
    let response = next.run(request).await;
    if let Some(Ok(body)) = left.now_or_never() {
        let _ = tokio::time::timeout(PATIENCE, forget(body)).await;
    }
    response
}

/// Reads what is left of a body, unless it says that it is too long to.
async fn forget(body: Body) {
    if body.size_hint().lower() > REST {
        return;
    }
    let mut read = 0;
    let mut frames = body.into_data_stream();
    while let Some(Ok(bytes)) = frames.next().await {
        read += bytes.len() as u64;
        if read > REST {
            return;
        }
    }
}

/// A body that is handed back when it is given up before its end.
struct Watched {
    body: Body,
    unread: Option<oneshot::Sender<Body>>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(unread) = self.unread.take()
            && !self.body.is_end_stream()
        {
            let _ = unread.send(std::mem::take(&mut self.body));
        }
    }
}
