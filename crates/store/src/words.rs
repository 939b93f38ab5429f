//! Enums that are columns: their words, in one macro so that writing and reading cannot drift apart.

/// A word in the database that this program does not know.
#[derive(Debug, thiserror::Error)]
#[error("`{word}` is not a {expected}")]
pub struct UnknownWord {
    pub(crate) expected: &'static str,
    pub(crate) word: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $visibility:vis $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $visibility enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// The word in data.
            #[must_use]
            $visibility const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::words::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(crate::words::UnknownWord { expected: stringify!($name), word: text.chars().take(64).collect() }),
                }
            }
        }
    };
}

pub(crate) use words;
