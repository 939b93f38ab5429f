//! What a project's API key may touch: `resource:read` and `resource:write`.
//!
//! Invariant: every route of the API names one [`Permission`]; a key without it is refused. Writing includes reading.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! resources {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// A kind of thing that keys can be limited to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Resource { $($(#[$doc])* $variant,)* }

        impl Resource {
            /// Every resource.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in scopes.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

resources! {
    /// The project itself: its name, its picture, its end.
    Project = "project",
    /// Members and invitations.
    Members = "members",
    /// Settings, environment variables, provider keys.
    Settings = "settings",
    /// Runs, their steps, events, changes.
    Runs = "runs",
    /// Workflows.
    Workflows = "workflows",
    /// Sandboxes.
    Sandboxes = "sandboxes",
    /// API keys.
    Keys = "keys",
    /// The audit log.
    Audit = "audit",
}

/// How a resource is touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// It stays as it is.
    Read,
    /// It is made, changed, used up or ended.
    Write,
}

impl Access {
    /// The word in scopes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// One scope of a key: a resource and an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Permission {
    /// What.
    pub resource: Resource,
    /// How.
    pub access: Access,
}

/// Text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a scope is a resource, a colon, and `read` or `write`, such as `runs:read`")]
pub struct UnknownPermission;

impl Permission {
    /// Reading a resource.
    #[must_use]
    pub const fn read(resource: Resource) -> Self {
        Self {
            resource,
            access: Access::Read,
        }
    }

    /// Writing a resource.
    #[must_use]
    pub const fn write(resource: Resource) -> Self {
        Self {
            resource,
            access: Access::Write,
        }
    }

    /// Every scope there is.
    pub fn all() -> impl Iterator<Item = Self> {
        Resource::ALL
            .iter()
            .flat_map(|resource| [Self::read(*resource), Self::write(*resource)])
    }

    /// Whether holding this one is enough where `wanted` is asked for.
    #[must_use]
    pub fn includes(self, wanted: Self) -> bool {
        self.resource == wanted.resource && self.access >= wanted.access
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.resource.as_str(), self.access.as_str())
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        Self::all()
            .find(|permission| permission.to_string() == text)
            .ok_or(UnknownPermission)
    }
}

impl TryFrom<String> for Permission {
    type Error = UnknownPermission;

    fn try_from(text: String) -> Result<Self, UnknownPermission> {
        text.parse()
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        permission.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_includes_reading_and_nothing_else() {
        let (read, write) = (Permission::read(Resource::Runs), Permission::write(Resource::Runs));
        assert!(write.includes(read) && write.includes(write) && read.includes(read));
        assert!(!read.includes(write) && !write.includes(Permission::read(Resource::Settings)));
    }

    #[test]
    fn scopes_survive_their_text() {
        for permission in Permission::all() {
            assert_eq!(permission.to_string().parse(), Ok(permission));
        }
        for text in ["", "runs", "runs:", "runs:all", "Runs:read", "*:read", "runs:read "] {
            assert!(text.parse::<Permission>().is_err(), "{text:?}");
        }
    }
}
