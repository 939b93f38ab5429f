//! The vault: what seals secrets before they are stored and opens them when they are needed.
//!
//! The engine's features call it with the place a secret is kept at; the binary makes it from a [`MasterKeySource`].
//! XChaCha20-Poly1305 with a random nonce. Invariants: a value opens only at the place it was sealed for, and only
//! unchanged; the newest master key seals and every one opens; a secret in memory is wiped when it is dropped and shown
//! by no `Debug`, error or log line; whatever is given to open, nothing panics.

mod envelope;
mod key_file;
mod key_ring;
pub mod rotate;
mod source;
mod spawn;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use parking_lot::RwLock;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use codecourier_store::sealed::SealedPlace;

pub use codecourier_store::sealed::Sealed;

pub use key_file::renew as renew_key_file;
pub use key_ring::{KeyId, KeyRing};
pub use source::{CommandSource, MasterKeySource};

use crate::error::{Error, ErrorCode, chain};
use crate::random;
use envelope::Envelope;

/// The longest secret that is sealed, in bytes: a guard against sealing by mistake what is no secret.
const MAX_SECRET_BYTES: usize = 1 << 20;

/// Seals and opens. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    ring: Arc<RwLock<Arc<KeyRing>>>,
}

/// Where a secret is kept: what it is bound to when it is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The row: everything that names it, its project first.
    pub row: String,
    /// The column.
    pub column: &'static str,
}

impl From<&SealedPlace> for Place {
    fn from(place: &SealedPlace) -> Self {
        Self {
            table: place.column.table(),
            row: format!("{}/{}", place.scope, place.row),
            column: place.column.column(),
        }
    }
}

/// Why a secret is not sealed or not opened, or why there is no vault.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The stored text is no envelope of this vault.
    #[error("a sealed value is not in a form that this version knows")]
    Envelope,
    /// The key that sealed it is not among those that were given.
    #[error("a value is sealed with the master key {0}, which is not among those that this server was given")]
    UnknownKey(KeyId),
    /// The value was altered, or belongs to another place.
    #[error("a sealed value was altered, or moved from another place")]
    Forged,
    /// What was sealed is no text.
    #[error("a sealed value is no text")]
    NoText,
    /// The secret is too long.
    #[error("a secret may have {MAX_SECRET_BYTES} bytes at the most")]
    TooLong,
    /// The operating system gave no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] random::NoRandomness),
    /// There are no keys in what should hold them, or something else is in it.
    #[error("{origin} does not hold master keys: {reason}")]
    Keys {
        /// Where they were looked for.
        origin: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Others may read or write the key file.
    #[error("the key file `{path}` may be read by others (mode {mode:03o}): run `chmod 600 {path}`, or make a new key")]
    Permissions {
        /// Which.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// A file operation on the key file failed.
    #[error("cannot {operation} the key file `{path}`")]
    File {
        /// What was being done.
        operation: &'static str,
        /// Which.
        path: String,
        /// How it failed.
        #[source]
        source: std::io::Error,
    },
    /// The command that gives the key failed.
    #[error("the command for the master key, `{program}`, {reason}")]
    Command {
        /// The program.
        program: String,
        /// What happened, without anything it printed to its standard output.
        reason: String,
    },
}

impl Vault {
    /// A vault with these keys.
    #[must_use]
    pub fn new(ring: KeyRing) -> Self {
        Self {
            ring: Arc::new(RwLock::new(Arc::new(ring))),
        }
    }

    /// A vault with the keys of a source. A key file that does not exist is made.
    pub async fn open(source: &MasterKeySource) -> Result<Self, VaultError> {
        source.load().await.map(Self::new)
    }

    /// Takes other keys from now on, in every clone: a newer one was added, or an old one is no longer needed.
    pub fn replace_keys(&self, ring: KeyRing) {
        *self.ring.write() = Arc::new(ring);
    }

    /// The key that seals.
    #[must_use]
    pub fn newest_key(&self) -> KeyId {
        self.ring().newest().id()
    }

    /// Whether a key is among those that open.
    #[must_use]
    pub fn knows(&self, key: &str) -> bool {
        self.ring().find(key).is_some()
    }

    /// Seals a secret for a place.
    pub fn seal(&self, place: impl Into<Place>, secret: &SecretString) -> Result<Sealed, VaultError> {
        let plain = secret.expose_secret().as_bytes();
        if plain.len() > MAX_SECRET_BYTES {
            return Err(VaultError::TooLong);
        }
        let ring = self.ring();
        let key = ring.newest();
        let nonce = random::os_bytes::<{ envelope::NONCE_BYTES }>()?;
        let bound = bound_to(&place.into(), key.id());
        let payload = Payload {
            msg: plain,
            aad: &bound,
        };
        let cipher = XChaCha20Poly1305::new(key.bytes().into());
        let ciphertext = cipher
            .encrypt((&*nonce).into(), payload)
            .map_err(|_| VaultError::TooLong)?;
        let envelope = Envelope {
            key: key.id(),
            nonce: *nonce,
            ciphertext,
        };
        Ok(Sealed {
            envelope: envelope.to_string(),
            key: key.id().to_string(),
        })
    }

    /// Opens what was sealed for a place.
    pub fn unseal(&self, place: impl Into<Place>, sealed: &Sealed) -> Result<SecretString, VaultError> {
        let Envelope { key, nonce, ciphertext } = sealed.envelope.parse()?;
        let ring = self.ring();
        let master = ring.find(&key.to_string()).ok_or(VaultError::UnknownKey(key))?;
        let bound = bound_to(&place.into(), key);
        let payload = Payload {
            msg: &ciphertext,
            aad: &bound,
        };
        let cipher = XChaCha20Poly1305::new(master.bytes().into());
        let plain = cipher
            .decrypt((&nonce).into(), payload)
            .map_err(|_| VaultError::Forged)?;
        let plain = Zeroizing::new(plain);
        let text = std::str::from_utf8(&plain).map_err(|_| VaultError::NoText)?;
        Ok(SecretString::from(text))
    }

    fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read())
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vault").field("ring", &self.ring()).finish()
    }
}

/// The associated data. Each part comes with its length, so that no two places give the same bytes.
fn bound_to(place: &Place, key: KeyId) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [
        envelope::VERSION,
        &key.to_string(),
        place.table,
        &place.row,
        place.column,
    ] {
        bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        match &error {
            VaultError::UnknownKey(key) => Self::new(
                ErrorCode::Unavailable,
                format!(
                    "This secret is sealed with the master key {key}, which the server was not given. Give the server \
                     that key again, or set the secret anew."
                ),
            )
            .because(error),
            VaultError::Keys { .. }
            | VaultError::Permissions { .. }
            | VaultError::File { .. }
            | VaultError::Command { .. } => {
                let message = format!("There is no master key: {}.", chain(&error));
                Self::new(ErrorCode::Unavailable, message).because(error)
            }
            VaultError::Envelope
            | VaultError::Forged
            | VaultError::NoText
            | VaultError::TooLong
            | VaultError::NoRandomness(_) => Self::internal("The vault", error),
        }
    }
}
