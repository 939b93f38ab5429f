//! The name of a layer: SHA-256 over its spec, as 64 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use super::spec::LayerSpec;

/// The name of a layer, and of its directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct LayerDigest(String);

/// Text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the digest of a layer")]
pub struct InvalidLayerDigest(String);

impl LayerDigest {
    /// The digest of a spec. The struct's field order is the canonical form.
    pub(super) fn of(spec: &LayerSpec) -> Self {
        let mut hash = Sha256::new();
        // A struct of strings and numbers always serialises; an empty text would only make a useless digest.
        hash.update(serde_json::to_vec(spec).unwrap_or_default());
        Self(hex::encode(hash.finalize()))
    }

    /// The 64 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for LayerDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for LayerDigest {
    type Err = InvalidLayerDigest;

    fn from_str(text: &str) -> Result<Self, InvalidLayerDigest> {
        let is_digest = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_digest {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLayerDigest(text.chars().take(80).collect()))
        }
    }
}

impl<'de> Deserialize<'de> for LayerDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_could_leave_the_directory_is_no_digest() {
        for text in ["", "..", "../../etc", &"G".repeat(64), &"a".repeat(63), &"A".repeat(64)] {
            assert!(text.parse::<LayerDigest>().is_err(), "{text}");
        }
        assert!("0a".repeat(32).parse::<LayerDigest>().is_ok());
    }
}
