//! Who did something, for change logs and audit logs.
//!
//! Invariant: the text form names its kind first, so that an identifier can never be taken for another kind of actor.

use std::fmt;
use std::str::FromStr;

use crate::id::{ApiKeyId, UserId};

/// Whoever caused a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A person.
    User(UserId),
    /// A project's key.
    ApiKey(ApiKeyId),
    /// Whoever may run the program on its machine: the command line without a server.
    Operator,
    /// The platform by itself.
    System,
}

/// Text that names no actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this names no actor")]
pub struct UnknownActor;

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => user.fmt(formatter),
            Self::ApiKey(key) => key.fmt(formatter),
            Self::Operator => formatter.write_str("operator"),
            Self::System => formatter.write_str("system"),
        }
    }
}

impl FromStr for Actor {
    type Err = UnknownActor;

    fn from_str(text: &str) -> Result<Self, UnknownActor> {
        match text {
            "operator" => Ok(Self::Operator),
            "system" => Ok(Self::System),
            _ => text
                .parse()
                .map(Self::User)
                .or_else(|_| text.parse().map(Self::ApiKey))
                .map_err(|_| UnknownActor),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_actor_survives_its_text() {
        let id = Uuid::from_u128(7);
        for actor in [
            Actor::User(UserId::from_uuid(id)),
            Actor::ApiKey(ApiKeyId::from_uuid(id)),
            Actor::Operator,
            Actor::System,
        ] {
            assert_eq!(actor.to_string().parse(), Ok(actor));
        }
        assert!("root".parse::<Actor>().is_err());
    }
}
