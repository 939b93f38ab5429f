//! A person as an outside provider knows them.
//!
//! Invariants: issuer and subject together are the identity; the address is contact data that may change, and is worth
//! something only if the provider says that it verified it; texts that people chose are cut to something that can be
//! shown.

use codecourier_domain::email::EmailAddress;

/// The most bytes of a subject (OpenID Connect Core, 2).
const MAX_SUBJECT: usize = 255;
/// The most characters of a name.
const MAX_NAME: usize = 100;

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
    pub name: Option<String>,
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

/// A name on one line, without what could turn or hide other text.
pub(crate) fn sound_name(name: Option<&str>) -> Option<String> {
    let is_shown = |character: &char| {
        !character.is_control()
            && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let shown: String = name?.chars().filter(is_shown).collect();
    let words: Vec<&str> = shown.split_whitespace().collect();
    let name: String = words.join(" ").chars().take(MAX_NAME).collect();
    let name = name.trim_end();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_subjects_are_made_fit_to_show() {
        assert_eq!(
            sound_name(Some("  Ada\n Lovelace\u{202e} ")).as_deref(),
            Some("Ada Lovelace")
        );
        assert_eq!(sound_name(Some("\u{0}\u{200b} ")), None);
        assert_eq!(sound_name(Some(&"é".repeat(500))).unwrap().chars().count(), 100);
        assert_eq!(sound_subject("auth0|5f7c".to_owned()).as_deref(), Some("auth0|5f7c"));
        for subject in [String::new(), "x".repeat(256), "a\u{0}b".to_owned()] {
            assert_eq!(sound_subject(subject), None);
        }
    }
}
