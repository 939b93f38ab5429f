//! Text that people write for people: names on one line and descriptions, in every script.
//!
//! The one place that decides which characters such text may hold. Invariant: a text in memory is trimmed and within its
//! length; it has no control characters (a description has line breaks and tabs), nothing that reorders or hides what
//! surrounds it on a page (embeddings, overrides and isolates of direction, line and paragraph separators, tags,
//! annotations, byte order marks), and a name has something to see. Joiners and plain marks of direction stay: scripts
//! and emoji need them, and they reach no further than their neighbours.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// There is nothing to see in it.
    #[error("there is nothing to read in it")]
    Blank,
    /// It is too long.
    #[error("it has more than {most} characters")]
    TooLong {
        /// The most characters that it may have.
        most: usize,
    },
    /// A character that text for people does not hold.
    #[error("it has a character that cannot be shown safely (U+{:04X})", u32::from(*.0))]
    Character(char),
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $most:literal, $check:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The most characters (not bytes) that it may have.
            pub const MOST_CHARACTERS: usize = $most;

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidText;

            /// Everything is checked as it came, so that what is accepted can be described to clients; then it is trimmed.
            fn try_from(text: String) -> Result<Self, InvalidText> {
                if text.chars().count() > $most {
                    return Err(InvalidText::TooLong { most: $most });
                }
                let check: fn(&str) -> Result<(), InvalidText> = $check;
                check(&text).map(|()| Self(text.trim().to_owned()))
            }
        }

        impl FromStr for $name {
            type Err = InvalidText;

            fn from_str(text: &str) -> Result<Self, InvalidText> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )*};
}

texts! {
    /// The name of a project, a person or a key: one line with something to see.
    DisplayName, 80, |text| {
        refuse_unsafe(text, |_| false)?;
        if text.chars().any(is_visible) { Ok(()) } else { Err(InvalidText::Blank) }
    };
    /// A description: lines of text, or nothing.
    Description, 2000, |text| refuse_unsafe(text, is_layout);
}

impl Description {
    /// No description.
    #[must_use]
    pub const fn none() -> Self {
        Self(String::new())
    }
}

impl DisplayName {
    /// A name made of text that may not be one: what of it is safe, cut to the length, or `otherwise`.
    #[must_use]
    pub fn made_of(text: &str, otherwise: &str) -> Option<Self> {
        let safe = |character: &char| !is_unsafe(*character);
        let kept: String = text.trim().chars().filter(safe).take(Self::MOST_CHARACTERS).collect();
        kept.parse().or_else(|_| otherwise.parse()).ok()
    }
}

fn refuse_unsafe(text: &str, except: fn(char) -> bool) -> Result<(), InvalidText> {
    match text
        .chars()
        .find(|character| is_unsafe(*character) && !except(*character))
    {
        Some(character) => Err(InvalidText::Character(character)),
        None => Ok(()),
    }
}

/// A range of characters, both ends included.
pub type Characters = (char, char);

/// Characters that change what is around them, or cannot be shown at all.
pub const UNSAFE: &[Characters] = &[
    // Controls.
    ('\0', '\u{1F}'),
    ('\u{7F}', '\u{9F}'),
    // Line and paragraph separators; embeddings and overrides of direction.
    ('\u{2028}', '\u{202E}'),
    // Isolates of direction, deprecated format characters.
    ('\u{2066}', '\u{206F}'),
    // What no text may hold, the byte order mark, annotations, tags.
    ('\u{FDD0}', '\u{FDEF}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFF9}', '\u{FFFB}'),
    ('\u{FFFE}', '\u{FFFF}'),
    ('\u{E0000}', '\u{E007F}'),
];

/// What of those a description may hold all the same: line breaks and tabs.
pub const LAYOUT: &[Characters] = &[('\t', '\n'), ('\r', '\r')];

/// Characters that leave no mark on the page: white space, joiners, fillers, variation selectors.
pub const BLANK: &[Characters] = &[
    (' ', ' '),
    ('\u{A0}', '\u{A0}'),
    ('\u{AD}', '\u{AD}'),
    ('\u{34F}', '\u{34F}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{2000}', '\u{200F}'),
    ('\u{202F}', '\u{202F}'),
    ('\u{205F}', '\u{2064}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3000}', '\u{3000}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{E0100}', '\u{E01EF}'),
];

fn is_in(character: char, ranges: &[Characters]) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

fn is_unsafe(character: char) -> bool {
    is_in(character, UNSAFE)
}

fn is_layout(character: char) -> bool {
    is_in(character, LAYOUT)
}

fn is_visible(character: char) -> bool {
    !is_unsafe(character) && !is_in(character, BLANK)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_come_in_every_script() {
        for text in [
            "My Shop",
            "Größe & Ñandú",
            "日本語プロジェクト",
            "متجر",
            "חנות",
            "می\u{200C}خواهم",
            "👩\u{200D}💻 team",
            "क्षि",
            "x",
        ] {
            assert_eq!(text.parse::<DisplayName>().unwrap().as_str(), text);
        }
        assert_eq!("  Shop\u{3000}".parse::<DisplayName>().unwrap().as_str(), "Shop");
        let most = "日".repeat(80);
        assert!(most.parse::<DisplayName>().is_ok());
        assert_eq!(
            format!("{most}x").parse::<DisplayName>(),
            Err(InvalidText::TooLong { most: 80 })
        );
    }

    #[test]
    fn nothing_hidden_gets_into_a_name() {
        for character in [
            '\0',
            '\n',
            '\t',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{202E}',
            '\u{2066}',
            '\u{2069}',
            '\u{2028}',
            '\u{FEFF}',
            '\u{E0041}',
            '\u{FFFF}',
        ] {
            let text = format!("safe{character}name");
            assert_eq!(text.parse::<DisplayName>(), Err(InvalidText::Character(character)));
        }
        for blank in ["", "   ", "\u{200B}\u{200D}", "\u{3164}", "\u{200F} \u{2800}"] {
            assert_eq!(blank.parse::<DisplayName>(), Err(InvalidText::Blank), "{blank:?}");
        }
        assert!("name\n".parse::<DisplayName>().is_err(), "not even at the end");
        let message = "a\u{202E}b".parse::<DisplayName>().unwrap_err().to_string();
        assert_eq!(message, "it has a character that cannot be shown safely (U+202E)");
    }

    #[test]
    fn white_space_and_controls_are_in_the_lists() {
        for character in '\0'..=char::MAX {
            assert!(!character.is_control() || is_unsafe(character), "{character:?}");
            assert!(!character.is_whitespace() || !is_visible(character), "{character:?}");
        }
    }

    #[test]
    fn a_description_has_lines_and_may_be_empty() {
        assert_eq!(
            " one\n\ttwo \r\n".parse::<Description>().unwrap().as_str(),
            "one\n\ttwo"
        );
        assert_eq!("".parse::<Description>(), Ok(Description::none()));
        assert!("one\u{202E}two".parse::<Description>().is_err());
        assert!("x".repeat(2001).parse::<Description>().is_err());
    }

    #[test]
    fn a_name_can_be_made_of_anything() {
        let made = |text| DisplayName::made_of(text, "Project").unwrap().into();
        let made: [String; 3] = [made("a\u{202E}b\0c"), made("\u{200B}"), made(&"x".repeat(200))];
        assert_eq!(made, ["abc".to_owned(), "Project".to_owned(), "x".repeat(80)]);
    }

    proptest! {
        #[test]
        fn reading_what_was_written_changes_nothing(text in "\\PC*|.*") {
            if let Ok(name) = text.parse::<DisplayName>() {
                prop_assert_eq!(name.as_str().parse::<DisplayName>(), Ok(name.clone()));
                prop_assert!(!name.as_str().chars().any(char::is_control));
            }
        }
    }
}
