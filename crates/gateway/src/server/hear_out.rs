//! A refusal reaches the client although it is given before the end of the body.
//!
//! A server that answers and closes while bytes are still on their way makes the kernel reset the connection, and a client
//! that is busy sending sees "connection reset" in place of the reason: an agent takes that for a bad line and sends the
//! same megabytes again. So the answer goes out at once, and what is left of the body is taken in beside it and
//! forgotten (RFC 9112, section 9.6).
//!
//! Called by whatever refuses a request on the listener of a sandbox. Invariants: nothing of the rest is kept, and it has
//! bounds of bytes and time; nothing is taken in of a body whose client waits for a word first (`Expect: 100-continue`).

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio_util::task::TaskTracker;

/// How much of a body nobody reads is taken in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rest {
    /// Bytes, at most.
    pub(crate) bytes: u64,
    /// For as long, at most.
    pub(crate) patience: Duration,
}

/// What a client does with its body before it has an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// It sends.
    AtOnce,
    /// It waits for a word, and sends nothing after a refusal.
    WhenTold,
}

impl Sending {
    /// As the head of the request says.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(header::EXPECT) {
            Self::WhenTold
        } else {
            Self::AtOnce
        }
    }
}

/// Takes in what is left of a refused request, in a task of its own, and says in the answer that its connection ends.
pub(crate) fn hear_out<B, A>(
    tasks: &TaskTracker,
    rest: Rest,
    sending: Sending,
    body: Pin<Box<B>>,
    mut answer: Response<A>,
) -> Response<A>
where
    B: Body<Data = Bytes> + Send + 'static,
{
    if body.is_end_stream() {
        return answer;
    }
    // The bounds may be reached first, and then the connection cannot be used again.
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    match sending {
        Sending::AtOnce if body.size_hint().lower() <= rest.bytes => {
            tasks.spawn(tokio::time::timeout(rest.patience, forget(body, rest.bytes)));
        }
        Sending::AtOnce | Sending::WhenTold => {}
    }
    answer
}

async fn forget<B: Body<Data = Bytes>>(mut body: Pin<Box<B>>, most: u64) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
        if read > most {
            return;
        }
    }
}
