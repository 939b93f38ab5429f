//! An answer reaches the client although it was given before the end of the body.
//!
//! A server that answers and closes while bytes are still on their way makes the kernel reset the connection, and a
//! client that is busy sending sees "connection reset" in place of "too large" or "sign in". So what is left of such a
//! body is taken in beside the answer and forgotten, within bounds (RFC 9112, section 9.6).
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
use futures::StreamExt as _;
use http_body::{Frame, SizeHint};
use tokio::runtime::Handle;

/// The most that is taken in of a body that nobody reads, in bytes.
const REST: u64 = 4 * super::upload::LONGEST as u64;

/// How long a client may take to send it.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn hear_out(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    next.run(request.map(|body| Body::new(HeardOut(body)))).await
}

/// A body of which the rest is heard out when it is given up before its end.
struct HeardOut(Body);

impl HttpBody for HeardOut {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for HeardOut {
    fn drop(&mut self) {
        // A server that has ended drops what it was at, and hears nobody out.
        if let Ok(runtime) = Handle::try_current()
            && !self.0.is_end_stream()
            && self.0.size_hint().lower() <= REST
        {
            let rest = forget(std::mem::take(&mut self.0));
            runtime.spawn(async { tokio::time::timeout(PATIENCE, rest).await });
        }
    }
}

async fn forget(body: Body) {
    let mut read = 0;
    let mut frames = body.into_data_stream();
    while let Some(Ok(bytes)) = frames.next().await {
        read += bytes.len() as u64;
        if read > REST {
            return;
        }
    }
}
