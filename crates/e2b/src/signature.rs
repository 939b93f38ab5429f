//! Signed `/files` addresses: `v1_` + unpadded base64 of SHA-256 over `path:operation:user:token[:expiry]`.
//!
//! A signature proves knowledge of the sandbox's token without sending it. Checked in constant time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What a signed address allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileOperation {
    /// `GET /files`.
    Read,
    /// `POST /files`.
    Write,
}

impl FileOperation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Why a signature does not open the door. The texts are what E2B's clients show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefused {
    /// The address carries none.
    #[error("missing signature query parameter")]
    Missing,
    /// It is not the one of this token, path, user, operation and expiry.
    #[error("invalid signature")]
    Invalid,
    /// It was right once.
    #[error("signature is already expired")]
    Expired,
}

/// The signature of an address. `user` is empty when the address names none; `expires_at` is in Unix seconds.
#[must_use]
pub fn sign(path: &str, operation: FileOperation, user: &str, token: &str, expires_at: Option<i64>) -> String {
    let mut hash = Sha256::new();
    hash.update(path);
    hash.update(":");
    hash.update(operation.as_str());
    hash.update(":");
    hash.update(user);
    hash.update(":");
    hash.update(token);
    if let Some(expires_at) = expires_at {
        hash.update(":");
        hash.update(expires_at.to_string());
    }
    format!("v1_{}", STANDARD_NO_PAD.encode(hash.finalize()))
}

/// Checks an address's signature. The expiry is looked at last, so that only a holder of a right one learns that it is old.
///
/// # Errors
/// When the signature is absent, wrong or expired.
pub fn verify(
    signature: Option<&str>,
    path: &str,
    operation: FileOperation,
    user: &str,
    token: &str,
    expires_at: Option<i64>,
    now: i64,
) -> Result<(), SignatureRefused> {
    let given = signature
        .filter(|text| !text.is_empty())
        .ok_or(SignatureRefused::Missing)?;
    let expected = sign(path, operation, user, token, expires_at);
    if !bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        return Err(SignatureRefused::Invalid);
    }
    match expires_at {
        Some(expires_at) if expires_at < now => Err(SignatureRefused::Expired),
        Some(_) | None => Ok(()),
    }
}

/// Compares a token with what a client sent, in a time that does not depend on where they differ.
#[must_use]
pub fn token_matches(token: &str, given: &[u8]) -> bool {
    token.as_bytes().ct_eq(given).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/home/user/a file:ü.txt";

    #[test]
    fn a_signature_is_the_hash_of_the_documented_text() {
        // sha256("/x:read:user:secret:100"), computed with another implementation.
        assert_eq!(
            sign("/x", FileOperation::Read, "user", "secret", Some(100)),
            "v1_qAKMnwwKukGLe36QhUi7Mrlcx+uxbZb8D+fICFHP0OY"
        );
    }

    #[test]
    fn a_right_signature_opens_and_any_change_closes() {
        let right = sign(PATH, FileOperation::Write, "", "token", Some(50));
        let check = |signature: Option<&str>, path, operation, user, token, expiry, now| {
            verify(signature, path, operation, user, token, expiry, now)
        };
        let right = Some(right.as_str());
        let write = FileOperation::Write;
        assert_eq!(check(right, PATH, write, "", "token", Some(50), 50), Ok(()));
        assert_eq!(
            check(right, PATH, write, "", "token", Some(50), 51),
            Err(SignatureRefused::Expired)
        );
        let invalid = Err(SignatureRefused::Invalid);
        assert_eq!(check(right, "/other", write, "", "token", Some(50), 0), invalid);
        assert_eq!(
            check(right, PATH, FileOperation::Read, "", "token", Some(50), 0),
            invalid
        );
        assert_eq!(check(right, PATH, write, "root", "token", Some(50), 0), invalid);
        assert_eq!(check(right, PATH, write, "", "another", Some(50), 0), invalid);
        assert_eq!(check(right, PATH, write, "", "token", Some(51), 0), invalid);
        assert_eq!(check(right, PATH, write, "", "token", None, 0), invalid);
        assert_eq!(check(Some("v1_"), PATH, write, "", "token", None, 0), invalid);
        assert_eq!(
            check(None, PATH, write, "", "token", None, 0),
            Err(SignatureRefused::Missing)
        );
        assert_eq!(
            check(Some(""), PATH, write, "", "token", None, 0),
            Err(SignatureRefused::Missing)
        );
    }
}
