//! Paths inside a sandbox, and names of files that adapters put there. The engine makes them, adapters join them.
//!
//! Invariant: a [`SandboxPath`] is absolute and has no `.`, `..`, empty part or NUL; a [`RelativePath`] is the same but
//! relative. So a joined path can never leave the directory that it was joined to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Text that is no usable path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a usable path: {reason}")]
pub struct InvalidPath {
    /// The text, shortened.
    pub path: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// An absolute path inside a sandbox, such as `/home/user/project`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SandboxPath(String);

/// A path below some directory, such as `SKILL.md` or `scripts/check.sh`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelativePath(String);

impl SandboxPath {
    /// The path of something below this one.
    #[must_use]
    pub fn join(&self, below: &RelativePath) -> Self {
        Self(format!("{}/{}", self.0, below.0))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RelativePath {
    /// The path of something below this one.
    #[must_use]
    pub fn join(&self, below: &Self) -> Self {
        Self(format!("{}/{}", self.0, below.0))
    }

    /// The path of a file below this one, by a name that was validated as a name.
    pub(crate) fn below(&self, name: &str) -> Self {
        debug_assert!(
            check_parts(name).is_ok() && !name.contains('/'),
            "`{name}` is no plain name"
        );
        Self(format!("{}/{name}", self.0))
    }

    /// A path written in this crate's own source, known to be good.
    pub(crate) fn of(text: &'static str) -> Self {
        debug_assert!(check_parts(text).is_ok(), "`{text}` is a bad constant path");
        Self(text.to_owned())
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SandboxPath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        match text.strip_prefix('/') {
            None => Err(invalid(&text, "it is not absolute")),
            Some(below) => match check_parts(below) {
                Ok(()) => Ok(Self(text)),
                Err(reason) => Err(invalid(&text, reason)),
            },
        }
    }
}

impl TryFrom<String> for RelativePath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        match check_parts(&text) {
            Ok(()) => Ok(Self(text)),
            Err(reason) => Err(invalid(&text, reason)),
        }
    }
}

impl std::str::FromStr for SandboxPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        Self::try_from(text.to_owned())
    }
}

impl std::str::FromStr for RelativePath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        Self::try_from(text.to_owned())
    }
}

impl From<SandboxPath> for String {
    fn from(path: SandboxPath) -> Self {
        path.0
    }
}

impl From<RelativePath> for String {
    fn from(path: RelativePath) -> Self {
        path.0
    }
}

impl fmt::Display for SandboxPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn check_parts(path: &str) -> Result<(), &'static str> {
    if path.len() > 4_096 {
        return Err("it is longer than 4096 bytes");
    }
    if path.contains('\0') {
        return Err("it holds a NUL");
    }
    for part in path.split('/') {
        match part {
            "" => return Err("it has an empty part"),
            "." | ".." => return Err("it has a part `.` or `..`"),
            _ => {}
        }
    }
    Ok(())
}

fn invalid(path: &str, reason: &'static str) -> InvalidPath {
    InvalidPath {
        path: path.chars().take(128).collect(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_cannot_leave_its_directory() {
        for bad in ["", "..", "a/../b", "/etc/passwd", "a//b", "./a", "a/", "nul\0"] {
            assert!(bad.parse::<RelativePath>().is_err(), "{bad:?} was taken");
        }
        let home: SandboxPath = "/home/user".parse().unwrap();
        let skill: RelativePath = "skills/review/SKILL.md".parse().unwrap();
        assert_eq!(home.join(&skill).as_str(), "/home/user/skills/review/SKILL.md");
    }

    #[test]
    fn a_sandbox_path_is_absolute_and_plain() {
        for bad in ["", "home", "/", "/a/../b", "/a//b", "/a/"] {
            assert!(bad.parse::<SandboxPath>().is_err(), "{bad:?} was taken");
        }
    }
}
