//! The E2B envd protocol in JSON: messages, envelopes, errors, signatures, and our own extensions of it.
//!
//! Used by the daemon inside a sandbox (which answers), by the client in `codecourier-sandbox` (which asks), and by the
//! E2B-compatible server. No I/O here: bytes in, values out. Nothing in this crate panics or allocates beyond a stated
//! bound on input from the other side.

mod code;
mod envelope;
pub mod extension;
pub mod files;
pub mod filesystem;
pub mod fuzz;
mod json;
pub mod process;
mod signature;
mod timestamp;

pub use code::{Code, ConnectError, EndStream};
pub use envelope::{Decoder, Error as EnvelopeError, Flags, Frame, encode, encode_end, encode_message};
pub use signature::{FileOperation, SignatureRefused, sign, token_matches, verify};
pub use timestamp::format_timestamp;

/// Content type of a unary call and of every plain answer.
pub const CONTENT_TYPE_UNARY: &str = "application/json";
/// Content type of a streaming call.
pub const CONTENT_TYPE_STREAM: &str = "application/connect+json";
/// Request header: milliseconds after which the call (and what it started) ends.
pub const HEADER_TIMEOUT: &str = "connect-timeout-ms";
/// Request header: seconds of silence after which a stream carries a keepalive.
pub const HEADER_KEEPALIVE: &str = "keepalive-ping-interval";
/// Request header: the sandbox's access token.
pub const HEADER_ACCESS_TOKEN: &str = "x-access-token";
/// Silence before a keepalive when the request does not say.
pub const DEFAULT_KEEPALIVE_SECONDS: u64 = 90;

/// Lenient proto3-JSON reading of one message.
///
/// # Errors
/// `invalid_argument` when the bytes are no JSON object of that shape.
pub fn parse<'message, Message: serde::Deserialize<'message>>(bytes: &'message [u8]) -> Result<Message, ConnectError> {
    // An empty body is what some clients send for an empty message.
    let bytes = if bytes.iter().all(u8::is_ascii_whitespace) {
        b"{}".as_slice()
    } else {
        bytes
    };
    serde_json::from_slice(bytes)
        .map_err(|error| ConnectError::new(Code::InvalidArgument, format!("invalid message: {error}")))
}
