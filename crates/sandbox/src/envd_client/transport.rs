//! One request, one connection: connecting to a unix socket costs less than keeping a pool honest about dead sandboxes.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use codecourier_e2b::ConnectError;
use futures::StreamExt;
use futures::stream::BoxStream;
use http::{Request, Response, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, BodyStream, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::FileOwner;

/// How long a call that has nothing to wait for may take. A paused sandbox does not answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The largest answer that is held in memory whole, where the call names no limit.
const LARGEST_ANSWER: usize = 1 << 20;

/// A body to send.
pub(super) type Body = BoxBody<Bytes, std::io::Error>;

/// A daemon.
#[derive(Debug, Clone)]
pub(crate) struct EnvdClient {
    directory: Arc<OwnedFd>,
    socket: &'static str,
    pub(super) users: Users,
}

/// Whether the sandbox has users to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Users {
    /// `user` and `root`.
    Named,
    /// A single one, the daemon's default.
    Single,
}

impl Users {
    /// The name to ask for; `None` for the default user.
    pub(super) const fn name(self, owner: FileOwner) -> Option<&'static str> {
        match self {
            Self::Named => Some(owner.as_str()),
            Self::Single => None,
        }
    }
}

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The connection could not be made or broke: the sandbox may be over.
    Connection(Box<dyn std::error::Error + Send + Sync>),
    /// No answer in time.
    Silent,
    /// It refused.
    Refused {
        /// The HTTP status; 200 for an error at the end of a stream.
        status: u16,
        /// What it said.
        error: ConnectError,
    },
    /// It broke the protocol.
    Protocol(String),
    /// More bytes than the caller allows.
    TooLarge,
    /// A file of the host.
    Host(std::io::Error),
}

impl Failed {
    pub(super) fn connection(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Connection(error.into())
    }
}

impl EnvdClient {
    /// The daemon that listens at `socket` in this directory.
    pub(crate) fn new(directory: Arc<OwnedFd>, socket: &'static str, users: Users) -> Self {
        Self {
            directory,
            socket,
            users,
        }
    }

    /// Sends a request and waits for the head of the answer; a status other than success is [`Failed::Refused`].
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: Body,
    ) -> Result<Response<Incoming>, Failed> {
        // By way of the descriptor: a path may be longer than an address.
        let path_of_socket = format!("/proc/self/fd/{}/{}", self.directory.as_raw_fd(), self.socket);
        let stream = UnixStream::connect(path_of_socket).await.map_err(Failed::connection)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(Failed::connection)?;
        crate::tasks::drive_connection(async move {
            // Its error is seen by whoever reads the answer.
            drop(connection.await);
        });
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "sandbox");
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request
            .body(body)
            .map_err(|error| Failed::Protocol(error.to_string()))?;
        let response = sender.send_request(request).await.map_err(Failed::connection)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let text = collect(response.into_body(), LARGEST_ANSWER).await?;
        Err(Failed::Refused {
            status,
            error: read_error(status, &text),
        })
    }

    /// One message in, one message out.
    pub(super) async fn unary<Answer: DeserializeOwned>(
        &self,
        path: &str,
        message: &impl serde::Serialize,
    ) -> Result<Answer, Failed> {
        let message = serde_json::to_vec(message).map_err(|error| Failed::Protocol(error.to_string()))?;
        in_time(async {
            let response = self
                .send("POST", path, Some(codecourier_e2b::CONTENT_TYPE_UNARY), whole(message))
                .await?;
            read_json(response).await
        })
        .await
    }
}

/// Gives up after [`PATIENCE`].
pub(super) async fn in_time<T>(call: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    tokio::time::timeout(PATIENCE, call)
        .await
        .unwrap_or(Err(Failed::Silent))
}

/// A body of bytes at hand.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// A whole JSON answer.
pub(super) async fn read_json<Answer: DeserializeOwned>(response: Response<Incoming>) -> Result<Answer, Failed> {
    let bytes = collect(response.into_body(), LARGEST_ANSWER).await?;
    serde_json::from_slice(&bytes).map_err(|error| Failed::Protocol(error.to_string()))
}

/// The whole body, or [`Failed::TooLarge`].
pub(super) async fn collect(body: Incoming, limit: usize) -> Result<Bytes, Failed> {
    let mut stream = stream(body);
    let mut all = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if all.len() + chunk.len() > limit {
            return Err(Failed::TooLarge);
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.freeze())
}

/// The body as it comes.
pub(super) fn stream(body: Incoming) -> BoxStream<'static, Result<Bytes, Failed>> {
    BodyStream::new(body)
        .filter_map(|frame| async move {
            match frame {
                Ok(frame) => frame.into_data().ok().map(Ok),
                Err(error) => Some(Err(Failed::connection(error))),
            }
        })
        .boxed()
}

/// `{"code":"not_found",…}` of the Connect services, or `{"code":404,…}` of the plain routes.
fn read_error(status: u16, text: &[u8]) -> ConnectError {
    let code = codecourier_e2b::Code::from_http_status(status);
    serde_json::from_slice::<ConnectError>(text).unwrap_or_else(|_| {
        let plain = serde_json::from_slice::<codecourier_e2b::files::HttpError>(text);
        let message = plain.map_or_else(|_| String::from_utf8_lossy(text).into_owned(), |plain| plain.message);
        ConnectError::new(code, message)
    })
}

/// For a value in a query.
pub(super) fn percent_encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_carries_any_path() {
        assert_eq!(percent_encoded("/a b/ü&c=d#?+"), "/a%20b/%C3%BC%26c%3Dd%23%3F%2B");
    }

    #[test]
    fn both_shapes_of_an_error_are_read() {
        let connect = read_error(404, br#"{"code":"not_found","message":"m"}"#);
        let plain = read_error(404, br#"{"code":404,"message":"m"}"#);
        assert_eq!(connect, plain);
        assert_eq!(read_error(500, b"<html>").message, "<html>");
    }
}
