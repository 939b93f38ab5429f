//! Names and people in Git that are no rule of the domain: object names and identities. Anyone may use them.
//!
//! Invariants: a [`CommitId`] is a full object name in lower-case hexadecimal digits, so it can never be read as a flag,
//! a revision expression or a path; an [`Identity`] has no byte that could end a line of a commit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The full name of a commit: 40 hexadecimal digits, or 64 in a repository that uses SHA-256.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

/// Text that is not the full name of a commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a full commit name: 40 or 64 lower-case hexadecimal digits are expected")]
pub struct InvalidCommitId(pub String);

impl CommitId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first ten digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..10]
    }

    /// The hash function that made this name.
    #[must_use]
    pub fn format(&self) -> ObjectFormat {
        if self.0.len() == 64 {
            ObjectFormat::Sha256
        } else {
            ObjectFormat::Sha1
        }
    }

    /// Reads one line that Git printed.
    pub(crate) fn from_output(output: &[u8]) -> Result<Self, InvalidCommitId> {
        String::from_utf8_lossy(output).trim_end().parse()
    }
}

impl FromStr for CommitId {
    type Err = InvalidCommitId;

    fn from_str(text: &str) -> Result<Self, InvalidCommitId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_null = text.bytes().all(|byte| byte == b'0');
        if matches!(text.len(), 40 | 64) && text.bytes().all(is_digit) && !is_null {
            Ok(Self(text.to_owned()))
        } else {
            let is_visible = |character: &char| !character.is_control();
            Err(InvalidCommitId(text.chars().filter(is_visible).take(80).collect()))
        }
    }
}

impl TryFrom<String> for CommitId {
    type Error = InvalidCommitId;

    fn try_from(text: String) -> Result<Self, InvalidCommitId> {
        text.parse()
    }
}

impl From<CommitId> for String {
    fn from(commit: CommitId) -> Self {
        commit.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The hash function of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectFormat {
    /// Git's default: names of 40 digits.
    Sha1,
    /// Names of 64 digits.
    Sha256,
}

impl ObjectFormat {
    /// The word Git uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// The bytes of an object name.
    pub(crate) fn name_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The name that stands for "no object".
    pub(crate) fn null_name(self) -> String {
        "0".repeat(self.name_bytes() * 2)
    }
}

/// Who makes a commit: the project's configured author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "IdentityText", into = "IdentityText")]
pub struct Identity {
    name: String,
    email: String,
}

/// A name or address that Git would change or that would break a commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentity {
    /// Empty, or nothing left after Git strips dots, commas, quotes and such from both ends.
    #[error("the {0} of a Git author cannot be empty")]
    Empty(&'static str),
    /// Angle brackets, line ends and control characters would change the commit's structure.
    #[error("the {0} of a Git author cannot hold `<`, `>`, a line end or a control character")]
    ForbiddenCharacter(&'static str),
    /// Longer than 200 bytes.
    #[error("the {0} of a Git author is longer than 200 bytes")]
    TooLong(&'static str),
}

impl Identity {
    /// Checks both parts and keeps them without surrounding spaces.
    pub fn new(name: &str, email: &str) -> Result<Self, InvalidIdentity> {
        Ok(Self {
            name: identity_part("name", name)?,
            email: identity_part("email", email)?,
        })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The email address.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The variables that make Git commit as this person, for the sandbox and for the platform alike.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("GIT_AUTHOR_NAME", &self.name),
            ("GIT_AUTHOR_EMAIL", &self.email),
            ("GIT_COMMITTER_NAME", &self.name),
            ("GIT_COMMITTER_EMAIL", &self.email),
        ]
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .into()
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} <{}>", self.name, self.email)
    }
}

fn identity_part(part: &'static str, text: &str) -> Result<String, InvalidIdentity> {
    // Git strips these from both ends of an identity; whoever consists of nothing else has no name.
    let is_crud = |character: char| character <= ' ' || matches!(character, '.' | ',' | ':' | ';' | '"' | '\\' | '\'');
    let kept = text.trim_matches(is_crud);
    if kept.is_empty() {
        return Err(InvalidIdentity::Empty(part));
    }
    if kept
        .chars()
        .any(|character| character.is_control() || matches!(character, '<' | '>'))
    {
        return Err(InvalidIdentity::ForbiddenCharacter(part));
    }
    if kept.len() > 200 {
        return Err(InvalidIdentity::TooLong(part));
    }
    Ok(kept.to_owned())
}

#[derive(Serialize, Deserialize)]
struct IdentityText {
    name: String,
    email: String,
}

impl TryFrom<IdentityText> for Identity {
    type Error = InvalidIdentity;

    fn try_from(text: IdentityText) -> Result<Self, InvalidIdentity> {
        Self::new(&text.name, &text.email)
    }
}

impl From<Identity> for IdentityText {
    fn from(identity: Identity) -> Self {
        Self {
            name: identity.name,
            email: identity.email,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_full_object_names_are_commits() {
        let sha1 = "72db5edc1bf449f11c43241681e46a6eac514c66";
        assert_eq!(sha1.parse::<CommitId>().unwrap().format(), ObjectFormat::Sha1);
        assert_eq!(
            "ab".repeat(32).parse::<CommitId>().unwrap().format(),
            ObjectFormat::Sha256
        );
        for text in [
            "",
            "HEAD",
            "main",
            "--all",
            "72db5ed",
            &sha1.to_uppercase(),
            &format!("{sha1}^"),
            &"0".repeat(40),
        ] {
            assert!(text.parse::<CommitId>().is_err(), "{text:?} was taken for a commit");
        }
    }

    #[test]
    fn identities_that_would_break_a_commit_are_refused() {
        assert_eq!(Identity::new(" Ada L. ", "ada@example.org").unwrap().name(), "Ada L");
        for (name, email) in [
            ("", "a@b"),
            ("a", ""),
            ("a\nb", "a@b"),
            ("a", "<a@b>"),
            ("...", "a@b"),
            ("a", "a\0b"),
        ] {
            assert!(Identity::new(name, email).is_err(), "{name:?} <{email:?}> was taken");
        }
    }

    proptest! {
        #[test]
        fn a_commit_name_is_never_a_flag_or_an_expression(text in "\\PC{0,70}") {
            if let Ok(commit) = text.parse::<CommitId>() {
                prop_assert!(commit.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()));
            }
        }

        #[test]
        fn a_taken_identity_stays_on_its_line(name: String, email: String) {
            if let Ok(identity) = Identity::new(&name, &email) {
                let text = identity.to_string();
                prop_assert_eq!(text.lines().count(), 1);
                prop_assert_eq!(text.matches('<').count(), 1);
            }
        }
    }
}
