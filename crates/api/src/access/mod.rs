//! Who may call an operation: the first argument of its handler.
//!
//! | argument | lets in |
//! |---|---|
//! | [`Anybody`] | everybody, whatever they show |
//! | [`Anyone`] | whoever proves who they are: a person or a key |
//! | [`SignedIn`] | a person |
//! | [`InProject<R, P>`](InProject) | a member of the project `{slug}` whose role includes `R`; a key of it that has `P` |
//!
//! Invariants: the argument is extracted first, before anything of the request is read; what it demands and what the
//! API's description says of the operation come from the same types; whoever may not know of a project cannot tell it
//! from one that does not exist.

mod authenticate;
pub mod cookie;
mod declare;
mod in_project;
pub mod permission;
pub mod role;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use codecourier_domain::member::MemberRole;
use codecourier_domain::permission::Permission;
use codecourier_engine::ErrorCode;
use codecourier_engine::access::{Person, Principal};

use crate::ApiState;
use crate::conventions::error::ApiError;

pub(crate) use authenticate::{authenticate, credential};
pub use declare::{Declares, declared, rule_of};
pub(crate) use declare::{operations, operations_of};
pub use in_project::InProject;

/// The name of the extension that says who may call an operation.
pub const ACCESS_EXTENSION: &str = "x-codecourier-access";

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessRule {
    /// Which kind of caller.
    pub who: Who,
    /// The least role, in a project.
    pub role: Option<MemberRole>,
    /// What a key must be allowed. In a project, keys without a permission to name are refused.
    pub permission: Option<Permission>,
}

/// Which kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Everybody.
    Anybody,
    /// A person or a key.
    Anyone,
    /// A person.
    SignedIn,
    /// A member or a key of a project.
    Project,
}

impl Who {
    /// The word in the description.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anybody => "anybody",
            Self::Anyone => "anyone",
            Self::SignedIn => "signed-in",
            Self::Project => "project",
        }
    }
}

/// An argument that says who may call an operation.
pub trait Access {
    /// Who.
    fn rule() -> AccessRule;
}

/// Everybody, whatever they show.
#[derive(Debug, Clone, Copy)]
pub struct Anybody;

/// Whoever proves who they are.
#[derive(Debug, Clone)]
pub struct Anyone(pub Principal);

/// A person.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Person);

impl Access for Anybody {
    fn rule() -> AccessRule {
        outside_projects(Who::Anybody)
    }
}

impl Access for Anyone {
    fn rule() -> AccessRule {
        outside_projects(Who::Anyone)
    }
}

impl Access for SignedIn {
    fn rule() -> AccessRule {
        outside_projects(Who::SignedIn)
    }
}

const fn outside_projects(who: Who) -> AccessRule {
    AccessRule {
        who,
        role: None,
        permission: None,
    }
}

impl FromRequestParts<ApiState> for Anybody {
    type Rejection = ApiError;

    async fn from_request_parts(_parts: &mut Parts, _state: &ApiState) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

impl FromRequestParts<ApiState> for Anyone {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        authenticate(parts, state).await.map(Self)
    }
}

impl FromRequestParts<ApiState> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        match authenticate(parts, state).await? {
            Principal::Person(person) => Ok(Self(person)),
            Principal::ApiKey(_) => Err(people_only()),
        }
    }
}

/// What a key is told where only people may act.
pub(crate) fn people_only() -> ApiError {
    ApiError::new(
        ErrorCode::Forbidden,
        "Only a person who is signed in may do this, not an API key.",
    )
}
