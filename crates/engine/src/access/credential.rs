//! What a request proves itself with, and the one door to which all of it leads.
//!
//! Invariants: every refusal is the same error with the same message, so that nobody learns whether a token was
//! mistyped, has expired, or belongs to somebody who is gone; nothing here shows a credential, not even to a log.

use std::fmt;

use secrecy::SecretString;

use codecourier_identity::secret_token::{ApiKeyToken, SecretToken, SessionToken};

use super::{Access, Principal};
use crate::error::{Error, ErrorCode};

/// What a request proves itself with.
#[derive(Clone)]
pub enum Credential {
    /// The token of a session, from a cookie or a header.
    Session(SessionToken),
    /// A project's API key.
    ApiKey(ApiKeyToken),
    /// The word of an outside identity provider.
    Jwt(SecretString),
}

impl Credential {
    /// The credential in a bearer header. What claims by its prefix to be ours and is not, is refused; everything else
    /// is left to whoever checks the word of outside providers.
    pub fn from_bearer(text: &str) -> Result<Self, Error> {
        if SessionToken::is_claimed_by(text) {
            return SecretToken::parse(text).map(Self::Session).map_err(|_| refusal());
        }
        if ApiKeyToken::is_claimed_by(text) {
            return SecretToken::parse(text).map(Self::ApiKey).map_err(|_| refusal());
        }
        Ok(Self::Jwt(SecretString::from(text)))
    }

    /// The credential in the session cookie.
    pub fn from_cookie(text: &str) -> Result<Self, Error> {
        SecretToken::parse(text).map(Self::Session).map_err(|_| refusal())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Session(_) => "Credential::Session(…)",
            Self::ApiKey(_) => "Credential::ApiKey(…)",
            Self::Jwt(_) => "Credential::Jwt(…)",
        })
    }
}

impl Access {
    /// Who a credential belongs to.
    pub async fn authenticate(&self, credential: &Credential) -> Result<Principal, Error> {
        match credential {
            Credential::Session(token) => self.session(token).await.map(Principal::Person),
            Credential::ApiKey(token) => self.api_key(token).await.map(Principal::ApiKey),
            Credential::Jwt(token) => self.jwt(token).await.map(Principal::Person),
        }
    }
}

/// The one answer to a credential that is worth nothing.
#[must_use]
pub fn refusal() -> Error {
    Error::new(
        ErrorCode::AuthInvalid,
        "The credential is not valid, or not any more. Sign in again, or use another key.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_is_told_by_its_prefix_and_never_shown() {
        let session = SessionToken::mint().unwrap();
        let key = ApiKeyToken::mint().unwrap();
        let found = [
            Credential::from_bearer(session.expose()).unwrap(),
            Credential::from_bearer(key.expose()).unwrap(),
            Credential::from_bearer("eyJhbGciOi.J9.x").unwrap(),
            Credential::from_cookie(session.expose()).unwrap(),
        ];
        assert_eq!(
            format!("{found:?}"),
            "[Credential::Session(…), Credential::ApiKey(…), Credential::Jwt(…), Credential::Session(…)]"
        );
    }

    #[test]
    fn what_only_claims_to_be_ours_is_refused_and_not_repeated() {
        for text in ["ccs_", "cc_live_short", "ccs_\u{0}", "cc_live_ü"] {
            let refused = Credential::from_bearer(text).unwrap_err();
            assert_eq!(refused.code, ErrorCode::AuthInvalid);
            assert!(!refused.message.contains(text));
        }
        let key = ApiKeyToken::mint().unwrap();
        assert!(Credential::from_cookie(key.expose()).is_err());
        assert!(Credential::from_cookie("").is_err());
    }
}
