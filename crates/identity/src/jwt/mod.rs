//! Tokens that an outside provider signed: what they say is believed only after everything about them was checked.
//!
//! The engine uses [`TrustedIssuer`] for deployments that leave accounts to a provider; `oidc` verifies its ID tokens
//! here. Invariants: the length is checked before anything is decoded; the algorithm is one of a fixed list and fits the
//! key's own type, so that neither `none` nor a public key used as a secret gets anywhere; the times are compared with
//! the caller's clock; no error carries any part of the token.

mod claims;
mod compact;
mod issuer;

use codecourier_domain::time::Timestamp;

use crate::jwks::{KeySet, PublishedKeys};
use crate::outbound::FetchError;

pub(crate) use claims::{Claims, IdTokenExpectation, Truth, verified_email};
pub(crate) use compact::{Compact, TokenUse};
pub use issuer::{TrustedIssuer, UnsoundIssuer, WhoTokensAreFor};

/// The longest token that is looked at.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// How far clocks may be apart.
pub const LEEWAY_MS: i64 = 60 * 1000;

/// Why a token is not believed. For the log: whoever sent it is told nothing but that.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refused {
    /// It is longer than any sensible one.
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// It is not three parts of base64url with JSON in the first two.
    #[error("this is not a signed token")]
    Malformed,
    /// It is signed in a way that is never accepted, or not at all.
    #[error("the token's algorithm is not RS256 or ES256")]
    Algorithm,
    /// It demands something of its readers that we do not know.
    #[error("the token has a critical extension")]
    Critical,
    /// It was issued for another use.
    #[error("the token is of another kind")]
    Kind,
    /// It names no key of the issuer, or several could be meant.
    #[error("the token was signed with a key that its issuer does not publish")]
    UnknownKey,
    /// The signature is not the issuer's.
    #[error("the token's signature is wrong")]
    Signature,
    /// It is of somebody else.
    #[error("the token is of another issuer")]
    Issuer,
    /// It is for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// It was issued to somebody else.
    #[error("the token was issued to another party")]
    Party,
    /// It names nobody.
    #[error("the token's subject is missing or unusable")]
    Subject,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It belongs to another attempt to sign in.
    #[error("the token's nonce is of another sign-in")]
    Nonce,
    /// The session that it stands for is not complete, or has ended.
    #[error("the token's session is not active")]
    Session,
    /// The issuer's keys are not known.
    #[error("the issuer's keys cannot be fetched")]
    KeysUnavailable(#[source] FetchError),
}

/// The claims of a token whose signature is one of the published keys'.
pub(crate) async fn verify(
    keys: &PublishedKeys,
    token: &str,
    token_use: TokenUse,
    now: Timestamp,
) -> Result<Claims, Refused> {
    let token = Compact::parse(token, token_use)?;
    let mut set = keys.get(now).await.map_err(Refused::KeysUnavailable)?;
    if set.find(token.key_name(), token.algorithm()).is_none() {
        // The issuer may have a new key since.
        set = keys.newer_than(set, now).await;
    }
    verify_with(&set, &token)
}

/// The same with keys that are at hand.
pub(crate) fn verify_with(keys: &KeySet, token: &Compact<'_>) -> Result<Claims, Refused> {
    let key = keys
        .find(token.key_name(), token.algorithm())
        .ok_or(Refused::UnknownKey)?;
    token.check_signature(key)?;
    token.claims()
}
