//! A project's name in addresses.
//!
//! Invariant: 2 to 48 characters of `a-z`, `0-9` and single hyphens between them, and none of the words that addresses
//! of the platform itself begin with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a project in addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

/// Why a text cannot be a slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSlug {
    /// Too short or too long.
    #[error("a slug has 2 to 48 characters")]
    Length,
    /// A character it must not have.
    #[error("a slug has only the letters a to z, digits, and single hyphens between them")]
    Characters,
    /// A word with a meaning of its own.
    #[error("this word is reserved")]
    Reserved,
}

/// Words that are, or may become, the first part of an address of the platform.
const RESERVED: [&str; 24] = [
    "account",
    "admin",
    "api",
    "assets",
    "auth",
    "docs",
    "gateway",
    "health",
    "help",
    "internal",
    "invitations",
    "live",
    "login",
    "logout",
    "metrics",
    "new",
    "projects",
    "ready",
    "settings",
    "setup",
    "sign-in",
    "sign-up",
    "static",
    "webhooks",
];

impl Slug {
    /// The shortest and the longest slug, in bytes.
    pub const LENGTHS: std::ops::RangeInclusive<usize> = 2..=48;

    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A slug made of a name for people: what of it can stay, or `None` if that is too little.
    #[must_use]
    pub fn suggest(name: &str) -> Option<Self> {
        let mut text = crate::branch::slug(name, *Self::LENGTHS.end());
        if text.len() < *Self::LENGTHS.start() {
            return None;
        }
        if RESERVED.contains(&text.as_str()) {
            text.push_str("-project");
        }
        text.parse().ok()
    }
}

impl TryFrom<String> for Slug {
    type Error = InvalidSlug;

    fn try_from(text: String) -> Result<Self, InvalidSlug> {
        if !Self::LENGTHS.contains(&text.len()) {
            return Err(InvalidSlug::Length);
        }
        let is_sound_part = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if !text.split('-').all(is_sound_part) {
            return Err(InvalidSlug::Characters);
        }
        if RESERVED.contains(&text.as_str()) {
            return Err(InvalidSlug::Reserved);
        }
        Ok(Self(text))
    }
}

impl FromStr for Slug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, InvalidSlug> {
        Self::try_from(text.to_owned())
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slugs_are_plain() {
        for text in ["shop", "web-2", "a1"] {
            assert!(text.parse::<Slug>().is_ok(), "{text}");
        }
        let long = "a".repeat(49);
        for text in [
            "", "a", "Shop", "-shop", "shop-", "sh--op", "sh_op", "shöp", "sh/op", "sh.op", &long,
        ] {
            assert!(text.parse::<Slug>().is_err(), "{text}");
        }
        assert_eq!("api".parse::<Slug>(), Err(InvalidSlug::Reserved));
    }

    #[test]
    fn a_name_suggests_a_slug() {
        assert_eq!(Slug::suggest("  My Shop! ").unwrap().as_str(), "my-shop");
        assert_eq!(Slug::suggest("API").unwrap().as_str(), "api-project");
        assert_eq!(Slug::suggest("日本"), None);
    }

    proptest! {
        #[test]
        fn a_suggestion_is_always_sound(name in ".*") {
            if let Some(slug) = Slug::suggest(&name) {
                prop_assert_eq!(slug.as_str().parse::<Slug>(), Ok(slug.clone()));
            }
        }
    }
}
