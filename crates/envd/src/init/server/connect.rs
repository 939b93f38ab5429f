//! Connect calls: one JSON message in, one message or a stream of frames out.

use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use codecourier_e2b::{
    CONTENT_TYPE_STREAM, CONTENT_TYPE_UNARY, Code, ConnectError, DEFAULT_KEEPALIVE_SECONDS, Decoder, HEADER_KEEPALIVE,
    HEADER_TIMEOUT, encode_end, filesystem, process,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;

use super::super::process::{CallOptions, call_stream, call_unary};
use super::super::{Server, files};
use super::{Body, RequestBody, access, json_response};

/// Longest message of a call. Holds an agent's first prompt with a few pictures.
const MESSAGE_BYTES: usize = 48 * 1024 * 1024;
/// A keepalive more often than this only burns time.
const SHORTEST_KEEPALIVE: Duration = Duration::from_secs(1);
const LONGEST_KEEPALIVE: Duration = Duration::from_secs(3600);

/// Serves a call; `path` is one of the services' methods.
pub(crate) async fn serve_call(server: &Rc<Server>, request: Request<RequestBody>) -> Response<Body> {
    let (head, body) = request.into_parts();
    match content_kind(&head.headers) {
        Some(ContentKind::Unary) => match unary(server, head.uri.path(), &head.headers, body).await {
            Ok(message) => {
                let mut response = Response::new(Body::whole(message));
                set_content_type(&mut response, CONTENT_TYPE_UNARY);
                response
            }
            Err(error) => {
                let status =
                    StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                json_response(status, &error)
            }
        },
        Some(ContentKind::Stream) => {
            let body = match stream(server, head.uri.path(), &head.headers, body).await {
                Ok(body) => body,
                // A stream that fails is still answered with 200: the error is in its last frame.
                Err(error) => Body::whole(encode_end(Some(error))),
            };
            let mut response = Response::new(body);
            set_content_type(&mut response, CONTENT_TYPE_STREAM);
            response
        }
        None => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let accepted = HeaderValue::from_static("application/json, application/connect+json");
            response.headers_mut().insert("accept-post", accepted);
            response
        }
    }
}

enum ContentKind {
    Unary,
    Stream,
}

fn content_kind(headers: &HeaderMap) -> Option<ContentKind> {
    let value = headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = value.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(CONTENT_TYPE_UNARY) {
        Some(ContentKind::Unary)
    } else if kind.eq_ignore_ascii_case(CONTENT_TYPE_STREAM) {
        Some(ContentKind::Stream)
    } else {
        None
    }
}

fn set_content_type(response: &mut Response<Body>, value: &'static str) {
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, HeaderValue::from_static(value));
}

async fn unary(server: &Rc<Server>, path: &str, headers: &HeaderMap, body: RequestBody) -> Result<Bytes, ConnectError> {
    check_encoding(headers, "content-encoding")?;
    let message = read_whole(body, MESSAGE_BYTES).await?;
    if let Some(method) = path.strip_prefix(process::SERVICE) {
        call_unary(server, method, &message).await
    } else if let Some(method) = path.strip_prefix(filesystem::SERVICE) {
        files::call(server, method, &message, access::basic_user(headers).as_deref()).await
    } else {
        Err(unknown(path))
    }
}

async fn stream(server: &Rc<Server>, path: &str, headers: &HeaderMap, body: RequestBody) -> Result<Body, ConnectError> {
    check_encoding(headers, "connect-content-encoding")?;
    let options = options(headers)?;
    let message = read_one_frame(body).await?;
    match path.strip_prefix(process::SERVICE) {
        Some(method) => call_stream(server, method, &message, &options),
        None => Err(unknown(path)),
    }
}

fn unknown(path: &str) -> ConnectError {
    ConnectError::new(Code::Unimplemented, format!("{path} is not implemented"))
}

fn check_encoding(headers: &HeaderMap, name: &str) -> Result<(), ConnectError> {
    match headers.get(name).map(HeaderValue::as_bytes) {
        None | Some(b"" | b"identity") => Ok(()),
        Some(_) => Err(ConnectError::new(
            Code::Unimplemented,
            "compressed requests are not supported: use identity",
        )),
    }
}

fn options(headers: &HeaderMap) -> Result<CallOptions, ConnectError> {
    let number = |name: &str| match headers.get(name) {
        None => Ok(None),
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|text| text.trim().parse::<u64>().ok())
            .map(Some)
            .ok_or_else(|| ConnectError::new(Code::InvalidArgument, format!("{name} is not a number"))),
    };
    let timeout = number(HEADER_TIMEOUT)?
        .filter(|milliseconds| *milliseconds > 0)
        .map(Duration::from_millis);
    let keepalive = number(HEADER_KEEPALIVE)?
        .filter(|seconds| *seconds > 0)
        .unwrap_or(DEFAULT_KEEPALIVE_SECONDS);
    Ok(CallOptions {
        user: access::basic_user(headers),
        // A timer cannot be set for longer than this, and nobody waits a year.
        timeout: timeout.map(|timeout| timeout.min(Duration::from_secs(365 * 24 * 3600))),
        keepalive: Duration::from_secs(keepalive).clamp(SHORTEST_KEEPALIVE, LONGEST_KEEPALIVE),
    })
}

async fn read_whole(mut body: RequestBody, limit: usize) -> Result<Bytes, ConnectError> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = next_chunk(&mut body).await? {
        if whole.len() + chunk.len() > limit {
            return Err(ConnectError::new(
                Code::ResourceExhausted,
                format!("a message is at most {limit} bytes long"),
            ));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// The one message of a server stream's request.
async fn read_one_frame(mut body: RequestBody) -> Result<Bytes, ConnectError> {
    let invalid = |error: &dyn std::fmt::Display| ConnectError::new(Code::InvalidArgument, error.to_string());
    let mut decoder = Decoder::new(MESSAGE_BYTES);
    let mut message = None;
    while let Some(chunk) = next_chunk(&mut body).await? {
        decoder.push(&chunk);
        while let Some(frame) = decoder.next_frame().map_err(|error| invalid(&error))? {
            if frame.flags.is_end_stream() {
                continue;
            }
            if message.replace(frame.payload).is_some() {
                return Err(invalid(&"more than one message"));
            }
        }
    }
    decoder.finish().map_err(|error| invalid(&error))?;
    message.ok_or_else(|| invalid(&"no message"))
}

async fn next_chunk(body: &mut RequestBody) -> Result<Option<Bytes>, ConnectError> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                // Trailers are nobody's message.
                if let Ok(chunk) = frame.into_data() {
                    return Ok(Some(chunk));
                }
            }
            Some(Err(error)) => {
                return Err(ConnectError::new(
                    Code::Canceled,
                    format!("cannot read the request: {error}"),
                ));
            }
        }
    }
}
