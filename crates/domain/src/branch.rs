//! Names in Git, as far as they are the product's rules: which names are sound, and what a run's branch is called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::RunId;

/// The name of a branch, without `refs/heads/`.
///
/// Invariant: Git takes it (the rules of `git check-ref-format --branch`), it is at most 200 bytes, and it does not
/// start with a hyphen, so that it can never be read as a flag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);

/// Text that cannot name a branch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name a branch")]
pub struct InvalidBranchName(pub String);

impl BranchName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full reference: `refs/heads/…`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("refs/heads/{}", self.0)
    }

    /// The branch of a run: `codecourier/<short id>-<slug of the prompt>`.
    #[must_use]
    pub fn of_run(run: &RunId, prompt: &str) -> Self {
        let slug = slug(prompt, 40);
        let separator = if slug.is_empty() { "" } else { "-" };
        Self(format!("codecourier/{}{separator}{slug}", run.short()))
    }
}

impl TryFrom<String> for BranchName {
    type Error = InvalidBranchName;

    fn try_from(text: String) -> Result<Self, InvalidBranchName> {
        if is_sound(&text) {
            Ok(Self(text))
        } else {
            Err(InvalidBranchName(
                text.chars()
                    .filter(|character| !character.is_control())
                    .take(80)
                    .collect(),
            ))
        }
    }
}

impl FromStr for BranchName {
    type Err = InvalidBranchName;

    fn from_str(text: &str) -> Result<Self, InvalidBranchName> {
        Self::try_from(text.to_owned())
    }
}

impl From<BranchName> for String {
    fn from(name: BranchName) -> Self {
        name.0
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The rules of `git check-ref-format --branch`, plus our length.
fn is_sound(name: &str) -> bool {
    let forbidden =
        |byte: u8| byte <= b' ' || byte == 0x7f || matches!(byte, b'~' | b'^' | b':' | b'?' | b'*' | b'[' | b'\\');
    !name.is_empty()
        && name.len() <= 200
        && name != "@"
        && name != "HEAD"
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && !name.bytes().any(forbidden)
        && name
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
}

/// Lower-case ASCII letters and digits of a text with single hyphens between, at most `length` bytes.
#[must_use]
pub fn slug(text: &str, length: usize) -> String {
    let mut slug = String::new();
    for character in text.chars() {
        if slug.len() >= length {
            break;
        }
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn hostile_names_are_refused() {
        for name in [
            "",
            "@",
            "HEAD",
            "-x",
            "--upload-pack=x",
            "a..b",
            "a b",
            "a\nb",
            "a~1",
            "a^",
            "a:b",
            "a?b",
            "a*",
            "a[b",
            "a\\b",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a.lock/b",
            "a.",
            "a@{b",
            "\u{7f}",
        ] {
            assert!(name.parse::<BranchName>().is_err(), "{name:?} was taken for a branch");
        }
        for name in ["main", "feature/ünïcode", "a-b_c.d", "codecourier/1234-x"] {
            assert!(name.parse::<BranchName>().is_ok(), "{name:?} was refused");
        }
    }

    proptest! {
        #[test]
        fn every_prompt_gives_a_sound_branch(prompt in "\\PC{0,80}", id: u128) {
            let branch = BranchName::of_run(&RunId::from_uuid(Uuid::from_u128(id)), &prompt);
            prop_assert!(is_sound(branch.as_str()), "{branch}");
        }
    }
}
