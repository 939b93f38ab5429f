//! What a client says first on a connection that was opened for it, before any of it goes on: TLS, and to whom.
//!
//! Invariants: it reads no more than its bounds; what it read goes on as it came, byte for byte; a client that says
//! another name than the host's, none, or no TLS at all, says it to nobody.

use std::time::Duration;

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The most bytes of a client's first message. Those of today have two thousand.
pub(super) const LONGEST_HELLO: usize = 16 * 1024;

/// How much is read at once.
const PIECE: usize = 4 * 1024;

/// An alert of TLS: fatal, `unrecognized_name` (RFC 6066, section 3). So an honest client can say what is wrong.
pub(super) const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// Why nothing goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotHeard {
    /// The client left before it had said whom it wants.
    Left,
    /// It says another name than the host's, or none.
    OtherName,
    /// It speaks no TLS, or does not speak.
    NoTls,
}

/// Reads until the client has said whom it wants, and gives all that was read, if that is `host`.
pub(super) async fn hear<C>(client: &mut C, host: &str, patience: Duration) -> Result<Vec<u8>, NotHeard>
where
    C: AsyncRead + Unpin,
{
    let listening = async {
        let mut reader = HelloReader::default();
        let mut said = Vec::new();
        while said.len() < LONGEST_HELLO {
            let start = said.len();
            let room = PIECE.min(LONGEST_HELLO - start) as u64;
            let read = (&mut *client).take(room).read_buf(&mut said).await;
            if !matches!(read, Ok(1..)) {
                return Err(NotHeard::Left);
            }
            match reader.take(said.get(start..).unwrap_or_default()) {
                Heard::NotYet => {}
                Heard::Name(name) if name.eq_ignore_ascii_case(host) => return Ok(said),
                Heard::Name(_) | Heard::NoName => return Err(NotHeard::OtherName),
                Heard::NoTls => return Err(NotHeard::NoTls),
            }
        }
        Err(NotHeard::NoTls)
    };
    tokio::time::timeout(patience, listening)
        .await
        .unwrap_or(Err(NotHeard::NoTls))
}

/// Reads the first message of a TLS client as it comes.
#[derive(Default)]
pub(crate) struct HelloReader(Acceptor);

/// What the first message says so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is not whole.
    NotYet,
    /// It is for this host.
    Name(String),
    /// It names no host.
    NoName,
    /// It is none.
    NoTls,
}

impl HelloReader {
    /// Takes the next piece in. After anything but [`Heard::NotYet`] there is nothing more to say.
    pub(crate) fn take(&mut self, mut piece: &[u8]) -> Heard {
        while !piece.is_empty() {
            if !matches!(self.0.read_tls(&mut piece), Ok(1..)) {
                return Heard::NoTls;
            }
            match self.0.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => {
                    let hello = accepted.client_hello();
                    return hello
                        .server_name()
                        .map_or(Heard::NoName, |name| Heard::Name(name.to_owned()));
                }
                Err(_) => return Heard::NoTls,
            }
        }
        Heard::NotYet
    }
}
