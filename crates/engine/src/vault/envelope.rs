//! The text form of a sealed value: `ccv1.<key id>.<base64url of nonce and ciphertext>`.
//!
//! Used by the vault alone. Invariants: reading accepts nothing but what writing could have made, and never panics; a
//! later form gets another version at its beginning.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::VaultError;
use super::key_ring::KeyId;

/// The first part of the text; it is bound to the ciphertext too.
pub(super) const VERSION: &str = "ccv1";
/// The bytes of a nonce: so many that random ones never meet.
pub(super) const NONCE_BYTES: usize = 24;
/// The bytes of Poly1305's tag, at the end of the ciphertext.
const TAG_BYTES: usize = 16;

/// A sealed value in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) key: KeyId,
    pub(super) nonce: [u8; NONCE_BYTES],
    pub(super) ciphertext: Vec<u8>,
}

impl fmt::Display for Envelope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.nonce.as_slice(), &self.ciphertext].concat();
        write!(formatter, "{VERSION}.{}.{}", self.key, URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Envelope {
    type Err = VaultError;

    fn from_str(text: &str) -> Result<Self, VaultError> {
        let mut parts = text.split('.');
        let (Some(VERSION), Some(key), Some(rest), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(VaultError::Envelope);
        };
        let bytes = URL_SAFE_NO_PAD.decode(rest).map_err(|_| VaultError::Envelope)?;
        let (nonce, ciphertext) = bytes.split_first_chunk().ok_or(VaultError::Envelope)?;
        if ciphertext.len() < TAG_BYTES {
            return Err(VaultError::Envelope);
        }
        Ok(Self {
            key: key.parse()?,
            nonce: *nonce,
            ciphertext: ciphertext.to_vec(),
        })
    }
}
