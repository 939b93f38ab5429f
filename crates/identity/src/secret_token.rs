//! Tokens that we hand out: sessions, API keys, links in mail and invitations. 256 random bits with a checksum, in one text form.
//!
//! The engine mints and parses them; only their SHA-256 is ever stored. The text is a prefix that says what it opens,
//! 43 characters of base64url for the random bits, and 6 characters of checksum over both, so that a typing error and
//! a random string are told from a token without asking the database, and scanners of leaked secrets find ours without
//! false alarms. The checksum proves nothing: only the stored hash does.
//!
//! Invariants: the text lives in a [`SecretString`], which is wiped when dropped; `Debug` shows the prefix alone and
//! there is no `Display`; each kind is a type of its own, so that a link in a mail can never pass for a session; parsing
//! never panics, and accepts nothing but the one text that minting could have made.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng as _;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Random bytes in a token.
const RANDOM_BYTES: usize = 32;
/// Characters for them.
const RANDOM_CHARACTERS: usize = 43;
/// Characters of checksum: 36 bits.
const CHECKSUM_CHARACTERS: usize = 6;

/// What a token opens.
pub trait TokenKind: 'static {
    /// The text that its tokens begin with.
    const PREFIX: &'static str;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident, $alias:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        pub enum $kind {}

        impl TokenKind for $kind {
            const PREFIX: &'static str = $prefix;
        }

        $(#[$doc])*
        pub type $alias = SecretToken<$kind>;
    )*};
}

kinds! {
    /// A device where a person is signed in.
    SessionKind, SessionToken = "ccs_";
    /// A key of a project for its API.
    ApiKeyKind, ApiKeyToken = "cc_live_";
    /// A link in a mail, good for one use.
    OneTimeKind, OneTimeToken = "cco_";
    /// What an invitation is accepted with where no mail proves addresses.
    InvitationKind, InvitationCode = "cci_";
}

/// A token of one kind.
pub struct SecretToken<K> {
    text: SecretString,
    kind: PhantomData<fn() -> K>,
}

/// Text that is no token of the expected kind. Does not repeat the text: it may be a secret all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a token that starts with `{prefix}`")]
pub struct NotAToken {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random numbers")]
pub struct NoRandomness(#[source] rand::rngs::SysError);

impl<K: TokenKind> SecretToken<K> {
    /// A fresh token, from the operating system's generator.
    pub fn mint() -> Result<Self, NoRandomness> {
        let mut random = Zeroizing::new([0_u8; RANDOM_BYTES]);
        SysRng.try_fill_bytes(&mut *random).map_err(NoRandomness)?;
        Ok(Self::of_random(&random))
    }

    /// The token that a text is.
    pub fn parse(text: &str) -> Result<Self, NotAToken> {
        let not = NotAToken { prefix: K::PREFIX };
        let rest = text.strip_prefix(K::PREFIX).ok_or(not)?;
        if rest.len() != RANDOM_CHARACTERS + CHECKSUM_CHARACTERS || !rest.is_ascii() {
            return Err(not);
        }
        let (random, checksum) = rest.split_at(RANDOM_CHARACTERS);
        // Refuses what another text of the same bytes would be: bits that are cut off must be zero.
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(random).map_err(|_| not)?);
        let expected = checksum_of::<K>(random);
        if decoded.len() == RANDOM_BYTES && bool::from(expected.as_bytes().ct_eq(checksum.as_bytes())) {
            Ok(Self::of_text(text.to_owned()))
        } else {
            Err(not)
        }
    }

    /// Whether a text claims to be such a token, right or wrong.
    #[must_use]
    pub fn is_claimed_by(text: &str) -> bool {
        text.starts_with(K::PREFIX)
    }

    /// What is stored, and what it is looked up by. Tokens are random and long, so that no slower hash is needed.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.text.expose_secret().as_bytes()).into()
    }

    /// The token as text, to be given to whoever it is for. Never for a log or a message.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// The beginning, by which people recognise a token in a list: the prefix and four characters. What is left has
    /// 232 random bits.
    #[must_use]
    pub fn display_prefix(&self) -> String {
        self.expose().chars().take(K::PREFIX.len() + 4).collect()
    }

    fn of_random(random: &[u8; RANDOM_BYTES]) -> Self {
        let random = Zeroizing::new(URL_SAFE_NO_PAD.encode(random));
        let checksum = checksum_of::<K>(&random);
        Self::of_text(format!("{}{}{checksum}", K::PREFIX, *random))
    }

    fn of_text(text: String) -> Self {
        Self {
            text: SecretString::from(text),
            kind: PhantomData,
        }
    }
}

impl<K> Clone for SecretToken<K> {
    fn clone(&self) -> Self {
        Self {
            text: self.text.clone(),
            kind: PhantomData,
        }
    }
}

impl<K: TokenKind> PartialEq for SecretToken<K> {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl<K: TokenKind> Eq for SecretToken<K> {}

impl<K: TokenKind> fmt::Debug for SecretToken<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}…", K::PREFIX)
    }
}

/// The checksum covers the prefix too: a session whose prefix was changed is no API key.
fn checksum_of<K: TokenKind>(random: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"codecourier token checksum 1\0")
        .chain_update(K::PREFIX.as_bytes())
        .chain_update(random.as_bytes())
        .finalize();
    let mut text = URL_SAFE_NO_PAD.encode(digest);
    text.truncate(CHECKSUM_CHARACTERS);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_minted_token_has_the_documented_shape_and_is_parsed_again() {
        let token = SessionToken::mint().unwrap();
        assert_eq!(token.expose().len(), "ccs_".len() + 43 + 6);
        assert_eq!(SessionToken::parse(token.expose()), Ok(token.clone()));
        let key = ApiKeyToken::mint().unwrap();
        assert_eq!(key.expose().len(), "cc_live_".len() + 43 + 6);
        assert_eq!(key.display_prefix().len(), "cc_live_".len() + 4);
        assert!(key.expose().starts_with(&key.display_prefix()));
        assert_ne!(ApiKeyToken::mint().unwrap(), key);
        assert_eq!(key.sha256(), <[u8; 32]>::from(Sha256::digest(key.expose())));
    }

    #[test]
    fn neither_debug_nor_a_refusal_shows_it() {
        let token = SessionToken::mint().unwrap();
        assert_eq!(format!("{token:?}"), "ccs_…");
        let refusal = ApiKeyToken::parse(token.expose()).unwrap_err();
        assert!(!format!("{refusal} {refusal:?}").contains(&token.expose()[4..]));
    }

    #[test]
    fn a_token_of_one_kind_is_none_of_another() {
        let token = SessionToken::mint().unwrap();
        let random = &token.expose()["ccs_".len()..];
        assert!(OneTimeToken::parse(token.expose()).is_err());
        assert!(OneTimeToken::parse(&format!("cco_{random}")).is_err());
        assert!(ApiKeyToken::parse(&format!("cc_live_{random}")).is_err());
        assert!(SessionToken::is_claimed_by(token.expose()));
        assert!(!ApiKeyToken::is_claimed_by(token.expose()));
    }

    /// The form is a promise to those who look for leaked tokens: it must not change unnoticed.
    #[test]
    fn the_text_form_stays_what_it_is() {
        let token = ApiKeyToken::of_random(&[7; 32]);
        assert_eq!(
            token.expose(),
            "cc_live_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcamstsc"
        );
    }

    proptest! {
        #[test]
        fn parsing_any_text_never_panics(text in ".*", tail in ".*") {
            drop(SessionToken::parse(&text));
            drop(ApiKeyToken::parse(&format!("cc_live_{tail}")));
        }

        #[test]
        fn whatever_parses_is_exactly_what_was_parsed(random in any::<[u8; 32]>()) {
            let token = SessionToken::of_random(&random);
            let parsed = SessionToken::parse(token.expose());
            prop_assert_eq!(parsed.as_ref().map(SecretToken::expose), Ok(token.expose()));
        }

        #[test]
        fn one_changed_character_is_noticed(random in any::<[u8; 32]>(), place in 0_usize..53, with in "[ -~]") {
            let token = SessionToken::of_random(&random);
            let mut text = token.expose().to_owned();
            text.replace_range(place..=place, &with);
            prop_assert_eq!(SessionToken::parse(&text).is_ok(), text == token.expose());
        }

        #[test]
        fn cut_or_prolonged_text_is_refused(random in any::<[u8; 32]>(), length in 0_usize..53, tail in ".{1,8}") {
            let token = SessionToken::of_random(&random);
            prop_assert!(SessionToken::parse(&token.expose()[..length]).is_err());
            let prolonged = format!("{}{tail}", token.expose());
            prop_assert!(SessionToken::parse(&prolonged).is_err());
        }
    }
}
