//! The providers that people can sign in through, whatever they speak.
//!
//! The engine holds a list of them, by the configuration. Invariant: a provider gives an [`OutsidePerson`] or a reason
//! why not; what the reason may show to people is its code, the rest is for the log.

use codecourier_domain::time::Timestamp;

use crate::attempt::Attempt;
use crate::github::GitHub;
use crate::jwt;
use crate::oidc::Oidc;
use crate::outbound::FetchError;
use crate::person::OutsidePerson;

/// A provider.
#[derive(Debug)]
pub enum Provider {
    /// Any that speaks OpenID Connect, Google among them.
    Oidc(Oidc),
    /// GitHub.
    GitHub(GitHub),
}

/// What the browser brought back, as the address has it.
#[derive(Clone, Copy, Default)]
pub struct Callback<'a> {
    /// The code to exchange.
    pub code: Option<&'a str>,
    /// The provider's word for why there is none.
    pub error: Option<&'a str>,
    /// Who answered (RFC 9207).
    pub issuer: Option<&'a str>,
}

/// Why nobody was signed in.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SignInFailed {
    /// The person, or the provider, said no.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// The address has neither a code nor a reason.
    #[error("the provider sent the browser back without a code")]
    NoCode,
    /// The answer is not of the provider that was asked, or not about one person.
    #[error("the answer is of another provider, or about somebody else")]
    MixedUp,
    /// There is no ID token in the answer.
    #[error("the provider gave no ID token")]
    NoIdToken,
    /// The ID token is not believed.
    #[error("the provider's ID token is not believed")]
    IdToken(#[source] jwt::Refused),
    /// The provider does not answer as it should.
    #[error("the provider does not answer as it should")]
    Provider(#[source] FetchError),
}

/// The most bytes of a code. Some providers' are long.
const MAX_CODE: usize = 4096;

impl Provider {
    /// Where the browser goes, to come back to `return_to`.
    ///
    /// # Errors
    /// When the provider cannot be asked where that is.
    pub async fn authorization(
        &self,
        attempt: &Attempt,
        return_to: &str,
        now: Timestamp,
    ) -> Result<String, SignInFailed> {
        match self {
            Self::Oidc(oidc) => oidc.authorization(attempt, return_to, now).await,
            Self::GitHub(github) => Ok(github.authorization(attempt, return_to)),
        }
    }

    /// Who came back. The caller has made sure that the attempt is one of this provider and was not used before.
    ///
    /// # Errors
    /// When the provider vouches for nobody.
    pub async fn finish(
        &self,
        attempt: &Attempt,
        callback: &Callback<'_>,
        return_to: &str,
        now: Timestamp,
    ) -> Result<OutsidePerson, SignInFailed> {
        if let Some(error) = callback.error {
            return Err(SignInFailed::Refused(refusal_word(error)));
        }
        match self {
            Self::Oidc(oidc) => oidc.finish(attempt, callback, return_to, now).await,
            Self::GitHub(github) => github.finish(attempt, callback, return_to).await,
        }
    }
}

impl<'a> Callback<'a> {
    pub(crate) fn code(&self) -> Result<&'a str, SignInFailed> {
        self.code
            .filter(|code| !code.is_empty() && code.len() <= MAX_CODE)
            .ok_or(SignInFailed::NoCode)
    }
}

impl std::fmt::Debug for Callback<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Callback").finish_non_exhaustive()
    }
}

/// A provider's word for a refusal, such as `access_denied`; other text is not repeated.
pub(crate) fn refusal_word(text: &str) -> String {
    let is_word =
        !text.is_empty() && text.len() <= 60 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word {
        text.to_owned()
    } else {
        "unreadable".to_owned()
    }
}
