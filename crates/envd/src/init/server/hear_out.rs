//! Request bodies, and those that are given up before their end.
//!
//! A server that answers and closes while bytes are still on their way makes the kernel break the connection, and a client
//! that is busy sending sees that in place of the reason. So what is left of a body that nobody wants any more is taken in
//! beside the answer and forgotten (RFC 9112, section 9.6).
//!
//! Invariants: nothing of the rest is kept, and it has bounds of bytes and time; nothing is taken in of a body whose client
//! waits for a word first (`Expect: 100-continue`), nor on a connection that is kept for emergencies.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::super::tasks;
use super::route::Allowed;

/// The most that is taken in of a body that nobody reads, in bytes. More than the longest message.
const REST: u64 = 128 * 1024 * 1024;
/// How long a client may take to send it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a client sends. Dropped before its end, the rest is heard out.
#[derive(Debug)]
pub(crate) struct RequestBody {
    /// There until it is dropped.
    body: Option<Incoming>,
    when_given_up: WhenGivenUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhenGivenUp {
    HearOut,
    Close,
}

impl RequestBody {
    /// The same request, with a body that is heard out if that helps its client.
    pub(crate) fn of(request: Request<Incoming>, allowed: Allowed) -> Request<Self> {
        let when_given_up = match allowed {
            Allowed::Everything if !request.headers().contains_key(header::EXPECT) => WhenGivenUp::HearOut,
            Allowed::Everything | Allowed::Emergencies => WhenGivenUp::Close,
        };
        request.map(|body| Self {
            body: Some(body),
            when_given_up,
        })
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(http_body::Body::size_hint).unwrap_or_default()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        let is_worth_it = !http_body::Body::is_end_stream(&body) && http_body::Body::size_hint(&body).lower() <= REST;
        if is_worth_it && self.when_given_up == WhenGivenUp::HearOut {
            tasks::spawn(tokio::time::timeout(PATIENCE, forget(body)));
        }
    }
}

async fn forget(mut body: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
        if read > REST {
            return;
        }
    }
}
