//! An attempt to sign in through a provider: the secrets that tie its way back to the browser that began it.
//!
//! The engine begins one, keeps the hashes, and takes it up again when the browser comes back. Invariants: the `state`
//! goes by way of the provider and is good for one return; the `binding` stays in a cookie of the browser and is never
//! shown to the provider. Verifier (PKCE) and nonce are derived from both, so that nothing secret has to be stored, and a
//! stolen code or state is worth nothing without the browser's cookie.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::Rng as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// The characters of both secrets: 256 bits.
const SECRET_CHARACTERS: usize = 43;

/// An attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    state: SecretString,
    binding: SecretString,
}

/// Text that is not the secrets of any attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this was not made for a sign-in here")]
pub struct UnknownAttempt;

impl Attempt {
    /// A fresh one.
    #[must_use]
    pub fn begin() -> Self {
        Self {
            state: random(),
            binding: random(),
        }
    }

    /// The one that came back, by the `state` of the address and the binding of the cookie.
    ///
    /// # Errors
    /// When these were never made here.
    pub fn resume(state: &str, binding: &str) -> Result<Self, UnknownAttempt> {
        let is_sound = |text: &str| {
            text.len() == SECRET_CHARACTERS && URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
        };
        if !(is_sound(state) && is_sound(binding)) {
            return Err(UnknownAttempt);
        }
        Ok(Self {
            state: state.to_owned().into(),
            binding: binding.to_owned().into(),
        })
    }

    /// What goes with the browser to the provider and back.
    #[must_use]
    pub fn state(&self) -> &str {
        self.state.expose_secret()
    }

    /// What stays in the browser.
    #[must_use]
    pub fn binding(&self) -> &SecretString {
        &self.binding
    }

    /// What the store knows it by: says nothing about either secret, and fits only both together.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(self.derive("fingerprint"))
    }

    /// PKCE's verifier, which only the exchange of the code shows.
    pub(crate) fn verifier(&self) -> SecretString {
        URL_SAFE_NO_PAD.encode(self.derive("pkce")).into()
    }

    /// PKCE's challenge: the verifier's SHA-256 (RFC 7636, 4.2).
    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier().expose_secret()))
    }

    /// What an ID token must carry to be of this attempt.
    pub(crate) fn nonce(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.derive("nonce"))
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        // A key of any length is taken; with an empty one, were it ever refused, nothing would match.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.binding.expose_secret().as_bytes())
            .unwrap_or_else(|_| Hmac::<Sha256>::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
        mac.update(purpose.as_bytes());
        mac.update(b"\0");
        mac.update(self.state.expose_secret().as_bytes());
        mac.finalize().into_bytes().into()
    }
}

fn random() -> SecretString {
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_attempt_is_the_same_when_it_comes_back_and_like_no_other() {
        let attempt = Attempt::begin();
        let back = Attempt::resume(attempt.state(), attempt.binding().expose_secret()).unwrap();
        assert_eq!(back.fingerprint(), attempt.fingerprint());
        assert_eq!(back.nonce(), attempt.nonce());
        assert_eq!(back.challenge(), attempt.challenge());

        let other = Attempt::begin();
        let mixed = Attempt::resume(attempt.state(), other.binding().expose_secret()).unwrap();
        let swapped = Attempt::resume(attempt.binding().expose_secret(), attempt.state()).unwrap();
        for foreign in [&other, &mixed, &swapped] {
            assert_ne!(foreign.fingerprint(), attempt.fingerprint());
            assert_ne!(foreign.nonce(), attempt.nonce());
            assert_ne!(foreign.challenge(), attempt.challenge());
        }
        assert!(!format!("{attempt:?}").contains(attempt.state()));
    }

    #[test]
    fn the_verifier_is_one_that_providers_take() {
        let verifier = Attempt::begin().verifier();
        let verifier = verifier.expose_secret();
        assert!((43..=128).contains(&verifier.len()));
        assert!(
            verifier
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        );
    }

    proptest! {
        #[test]
        fn foreign_text_is_refused_and_never_panics(state in ".*", binding in ".*") {
            prop_assert!(Attempt::resume(&state, &binding).is_err());
        }
    }
}
