//! Members: who is in a project, in which role, and how they come to leave.
//!
//! The API calls this with a grant. The rules about roles are [`codecourier_domain::member`]'s; that a project with
//! members has an owner is the database's. Invariants: what a grant says of the caller's role is asked again inside the
//! command; a change is on record in the transaction that makes it, for the project (`member`, by the person) and for the
//! person (`member`, by the project), since their live streams of the project end on it.

pub(crate) mod adopt;
mod change;
pub(crate) mod leave;
mod list;
mod record;

use std::sync::Arc;

use crate::access::ProjectGrant;
use crate::deed::Deed;
use crate::error::{Error, ErrorCode};
use crate::{Engine, Inner};

pub use list::{MemberPage, MemberView};
pub(crate) use record::{change_role, join};

/// The use cases of members.
#[derive(Clone)]
pub struct Members {
    engine: Arc<Inner>,
}

impl Engine {
    /// The use cases of members.
    #[must_use]
    pub fn members(&self) -> Members {
        Members {
            engine: Arc::clone(&self.inner),
        }
    }
}

impl Members {
    fn deed(&self, grant: &ProjectGrant) -> Deed {
        Deed::by(grant, self.engine.clock.now())
    }
}

/// The answer about somebody who is not in the project.
fn no_such_member() -> Error {
    Error::not_found("There is no such member in this project.")
}

/// What the store's refusals mean here.
fn refusal(error: codecourier_store::Error) -> Error {
    match error {
        codecourier_store::Error::LastOwner => Error::new(
            ErrorCode::Conflict,
            "A project needs an owner. Make somebody else an owner first.",
        ),
        codecourier_store::Error::NotFound { entity: "member" } => no_such_member(),
        other => other.into(),
    }
}
