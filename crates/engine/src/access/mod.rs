//! Who is asking, and what they may do: the one way from a credential to a permission.
//!
//! The API calls this before anything else. Invariants: a credential is turned into a [`Principal`] here and nowhere
//! else; a project is reached only through a [`ProjectGrant`], and whoever may not know of a project cannot tell it from
//! one that does not exist; a removed member, an ended session and a revoked key are refused at their next request.

mod api_keys;
mod credential;
mod entrance;
mod jwt;
mod project;
mod sessions;
pub(crate) mod standing;
mod still;

use std::net::IpAddr;
use std::sync::Arc;

use codecourier_domain::actor::Actor;
use codecourier_domain::id::{ApiKeyId, ProjectId, SessionId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::permission::Permission;
use codecourier_domain::slug::Slug;

use crate::{Engine, Inner};

pub use credential::{Credential, refusal};
pub use entrance::{Entrance, OperatorSeat, SignInWay, SignUpPolicy};
pub(crate) use project::no_such_project;
pub use sessions::RenewedSession;
pub(crate) use sessions::{ABSOLUTE_LIMIT, IDLE_LIMIT};

/// The way from a credential to a principal, and from there to a project.
#[derive(Clone)]
pub struct Access {
    pub(crate) engine: Arc<Inner>,
}

impl Engine {
    /// Who is asking, and what they may do.
    #[must_use]
    pub fn access(&self) -> Access {
        Access {
            engine: Arc::clone(&self.inner),
        }
    }
}

/// Somebody who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A person.
    Person(Person),
    /// A project's API key.
    ApiKey(KeyHolder),
}

/// A person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub user: UserId,
    /// The session; absent for those whom an outside identity provider vouches for request by request.
    pub session: Option<SessionId>,
    /// Whether they run this server.
    pub standing: Standing,
}

/// What a person is to the server as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Runs it.
    Operator,
    /// Uses it.
    User,
}

/// Whoever holds a project's API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key.
    pub key: ApiKeyId,
    /// The only project it opens.
    pub project: ProjectId,
    /// What it may do there.
    pub permissions: Vec<Permission>,
}

/// What somebody may do in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectGrant {
    /// The project.
    pub project: ProjectId,
    /// Its present slug.
    pub slug: Slug,
    /// The role. A key acts as an admin at most, within its permissions.
    pub role: MemberRole,
    /// Who.
    pub actor: Actor,
    /// From where they ask, if they do so over a network: for the record.
    pub address: Option<IpAddr>,
}

/// A person who asks for something that no project grants, and from where: for the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// The account.
    pub user: UserId,
    /// The network address, if they ask over a network.
    pub address: Option<IpAddr>,
}

impl From<UserId> for Asker {
    fn from(user: UserId) -> Self {
        Self { user, address: None }
    }
}

impl Principal {
    /// Who, for the record.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        match self {
            Self::Person(person) => Actor::User(person.user),
            Self::ApiKey(holder) => Actor::ApiKey(holder.key),
        }
    }

    /// Whether the credential allows it, whatever the role says.
    #[must_use]
    pub fn permits(&self, wanted: Permission) -> bool {
        match self {
            Self::Person(_) => true,
            Self::ApiKey(holder) => holder.permissions.iter().any(|held| held.includes(wanted)),
        }
    }
}
