//! A person as an outside provider knows them.
//!
//! Invariants: issuer and subject together are the identity; the address is contact data that may change, and is worth
//! something only if the provider says that it verified it; texts that people chose are cut to something that can be
//! shown.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::text::DisplayName;

/// The most bytes of a subject (OpenID Connect Core, 2).
const MAX_SUBJECT: usize = 255;

/// Somebody whom a provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsidePerson {
    /// Who vouches.
    pub issuer: String,
    /// Their name for this person; never given to another one.
    pub subject: String,
    /// Their address.
    pub email: OutsideEmail,
    /// Their name for people.
    pub name: Option<DisplayName>,
    /// The provider's name for their session, if the credential was a token of one.
    pub session: Option<String>,
}

/// An address, and whether the provider has seen that it is theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutsideEmail {
    /// It is theirs.
    Verified(EmailAddress),
    /// They say so.
    Unverified(EmailAddress),
    /// The provider does not tell.
    Absent,
}

pub(crate) fn sound_subject(subject: String) -> Option<String> {
    let is_sound = !subject.is_empty() && subject.len() <= MAX_SUBJECT && !subject.contains(char::is_control);
    is_sound.then_some(subject)
}

/// What of a text can be a name, if anything.
pub(crate) fn sound_name(name: Option<&str>) -> Option<DisplayName> {
    let words: Vec<&str> = name?.split_whitespace().collect();
    DisplayName::made_of(&words.join(" "), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_subjects_are_made_fit_to_show() {
        let name = |text: &str| sound_name(Some(text)).map(String::from);
        assert_eq!(name("  Ada\n Lovelace\u{202e} ").as_deref(), Some("Ada Lovelace"));
        assert_eq!(name("\u{0}\u{200b} "), None);
        assert_eq!(name(&"é".repeat(500)), Some("é".repeat(80)));
        assert_eq!(sound_subject("auth0|5f7c".to_owned()).as_deref(), Some("auth0|5f7c"));
        for subject in [String::new(), "x".repeat(256), "a\u{0}b".to_owned()] {
            assert_eq!(sound_subject(subject), None);
        }
    }
}
