//! The master keys: several at once, so that an old one opens what was sealed before a new one came.
//!
//! Used by the vault; made from text by its sources. The text is one key a line (spaces and commas separate too), the
//! newest first, each 32 bytes in hexadecimal or base64; what follows a `#` on a line is for people. Invariants: there
//! is at least one key; the identifier of a key is derived from it, so that no configuration can mix them up, and says
//! nothing about it; keys are wiped when they are dropped and never shown.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::VaultError;
use crate::random;

/// The bytes of a key.
const KEY_BYTES: usize = 32;
/// The most keys at once: each open tries one, but a list that long is a mistake.
const MAX_KEYS: usize = 64;

const INDIFFERENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, INDIFFERENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, INDIFFERENT);

/// What a sealed value names its key by: 64 bits of a hash of the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 8]);

/// Several master keys, the newest first.
pub struct KeyRing {
    keys: Vec<MasterKey>,
}

/// One master key.
pub(super) struct MasterKey {
    id: KeyId,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl MasterKey {
    /// A fresh one.
    pub(super) fn generate() -> Result<Self, VaultError> {
        Ok(Self::of(random::os_bytes()?))
    }

    pub(super) const fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    /// The key as a line of a key file.
    pub(super) fn line(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(*self.bytes))
    }

    fn of(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let digest = Sha256::new()
            .chain_update(b"codecourier vault key id 1\0")
            .chain_update(*bytes)
            .finalize();
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        Self { id: KeyId(id), bytes }
    }

    fn read(text: &str) -> Option<Self> {
        let decoded = if text.len() == 2 * KEY_BYTES {
            hex::decode(text).ok()
        } else {
            STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
        };
        let decoded = Zeroizing::new(decoded?);
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if decoded.len() != KEY_BYTES || decoded.iter().all(|byte| *byte == 0) {
            return None;
        }
        bytes.copy_from_slice(&decoded);
        Some(Self::of(bytes))
    }
}

impl KeyRing {
    /// One fresh key: for tests, and for the first start.
    pub fn generate() -> Result<Self, VaultError> {
        Ok(Self {
            keys: vec![MasterKey::generate()?],
        })
    }

    /// The keys in a text, which came from `origin`. The text is never part of an error.
    pub fn read(text: &str, origin: &str) -> Result<Self, VaultError> {
        let wrong = |reason| VaultError::Keys {
            origin: origin.to_owned(),
            reason,
        };
        let words = text
            .lines()
            .filter_map(|line| line.split('#').next())
            .flat_map(|line| line.split(|character: char| character.is_whitespace() || character == ','))
            .filter(|word| !word.is_empty());
        let mut keys: Vec<MasterKey> = Vec::new();
        for word in words {
            let key = MasterKey::read(word).ok_or_else(|| {
                wrong("a key is 32 random bytes, in hexadecimal or base64; `openssl rand -hex 32` makes one")
            })?;
            if keys.iter().all(|known| known.id() != key.id()) {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Err(wrong("there is none"));
        }
        if keys.len() > MAX_KEYS {
            return Err(wrong("there are more than 64"));
        }
        Ok(Self { keys })
    }

    /// The same keys and a newer one.
    pub(super) fn with_newest(self, key: MasterKey) -> Self {
        let mut keys = vec![key];
        keys.extend(self.keys);
        Self { keys }
    }

    /// The key that seals.
    pub(super) fn newest(&self) -> &MasterKey {
        // Every way to make one refuses an empty list.
        &self.keys[0]
    }

    pub(super) fn find(&self, id: &str) -> Option<&MasterKey> {
        self.keys.iter().find(|key| key.id().to_string() == id)
    }

    pub(super) fn keys(&self) -> &[MasterKey] {
        &self.keys
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_list()
            .entries(self.keys.iter().map(MasterKey::id))
            .finish()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for KeyId {
    type Err = VaultError;

    fn from_str(text: &str) -> Result<Self, VaultError> {
        let mut id = [0; 8];
        // Capitals would be another text for the same key.
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(VaultError::Envelope);
        }
        hex::decode_to_slice(text, &mut id).map_err(|_| VaultError::Envelope)?;
        Ok(Self(id))
    }
}
