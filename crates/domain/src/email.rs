//! Addresses of people: what identifies an account.
//!
//! Invariant: an address in memory is trimmed, in lower case, at most 254 bytes, has one `@` with something sound on
//! both sides, and no white space or control character, so that equal addresses are equal text and none can break a
//! mail header. The domain part is ASCII: international domains come in their encoded form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An address for mail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// Text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not an email address")]
pub struct InvalidEmailAddress;

/// The most bytes an address may have (RFC 5321, 4.5.3.1.3, without the angle brackets).
const MAX_BYTES: usize = 254;
/// The most bytes before the `@`.
const MAX_LOCAL_BYTES: usize = 64;

impl EmailAddress {
    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidEmailAddress;

    fn try_from(text: String) -> Result<Self, InvalidEmailAddress> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmailAddress)?;
        if text.len() <= MAX_BYTES && is_sound_local(local) && is_sound_domain(domain) {
            Ok(Self(text))
        } else {
            Err(InvalidEmailAddress)
        }
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, InvalidEmailAddress> {
        Self::try_from(text.to_owned())
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The characters that need no quotes (RFC 5322, 3.2.3; RFC 6531 for letters beyond ASCII), with dots only between.
fn is_sound_local(local: &str) -> bool {
    let is_allowed = |character: char| {
        character.is_alphanumeric()
            || matches!(
                character,
                '!' | '#'
                    | '$'
                    | '%'
                    | '&'
                    | '\''
                    | '*'
                    | '+'
                    | '-'
                    | '/'
                    | '='
                    | '?'
                    | '^'
                    | '_'
                    | '`'
                    | '{'
                    | '|'
                    | '}'
                    | '~'
            )
    };
    local.len() <= MAX_LOCAL_BYTES
        && local
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(is_allowed))
}

fn is_sound_domain(domain: &str) -> bool {
    let is_sound_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    domain.split('.').all(is_sound_label)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_address_is_the_same_text() {
        let address: EmailAddress = "  Ada.Lovelace+x@Example.ORG ".parse().unwrap();
        assert_eq!(address.as_str(), "ada.lovelace+x@example.org");
    }

    #[test]
    fn what_is_no_address_or_could_break_a_header_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        for text in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "a b@example.org",
            "ada@exa mple.org",
            "ada\r\nBcc: x@example.org",
            "<ada@example.org>",
            "ada@example.org,bob@example.org",
            "ada@-x.org",
            "ada@x..org",
            ".ada@example.org",
            "\"ada\"@example.org",
            "ada@example.org\0",
            &long,
        ] {
            assert!(text.parse::<EmailAddress>().is_err(), "{text:?}");
        }
        assert!("ada@localhost".parse::<EmailAddress>().is_ok());
        assert!("jürgen@example.org".parse::<EmailAddress>().is_ok());
    }

    proptest! {
        #[test]
        fn reading_what_was_written_changes_nothing(text in ".*@.*") {
            if let Ok(address) = text.parse::<EmailAddress>() {
                prop_assert_eq!(address.as_str().parse::<EmailAddress>(), Ok(address.clone()));
                prop_assert!(!address.as_str().chars().any(|c| c.is_control() || c.is_whitespace()));
            }
        }
    }
}
