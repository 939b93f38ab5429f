//! Callers in a project.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use codecourier_engine::ErrorCode;
use codecourier_engine::access::{Person, Principal, ProjectGrant};

use super::permission::KeyPermission;
use super::role::Role;
use super::{Access, AccessRule, Who, authenticate, people_only};
use crate::ApiState;
use crate::conventions::client_address::ClientAddress;
use crate::conventions::error::ApiError;

/// A caller who may do in the project `{slug}` what `R` and `P` say. Gives the [`ProjectGrant`] that the engine wants.
#[derive(Debug)]
pub struct InProject<R, P> {
    grant: ProjectGrant,
    principal: Principal,
    demands: PhantomData<fn() -> (R, P)>,
}

impl<R, P> InProject<R, P> {
    /// Who asks.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The person who asks; an error for keys. Operations for people only say so with
    /// [`NoKeys`](super::permission::NoKeys) already.
    pub fn person(&self) -> Result<&Person, ApiError> {
        match &self.principal {
            Principal::Person(person) => Ok(person),
            Principal::ApiKey(_) => Err(people_only()),
        }
    }
}

impl<R, P> Deref for InProject<R, P> {
    type Target = ProjectGrant;

    fn deref(&self) -> &ProjectGrant {
        &self.grant
    }
}

impl<R: Role, P: KeyPermission> Access for InProject<R, P> {
    fn rule() -> AccessRule {
        AccessRule {
            who: Who::Project,
            role: Some(R::ROLE),
            permission: P::PERMISSION,
        }
    }
}

impl<R: Role, P: KeyPermission> FromRequestParts<ApiState> for InProject<R, P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let principal = authenticate(parts, state).await?;
        let nowhere = || ApiError::new(ErrorCode::NotFound, "There is nothing at this address.");
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| nowhere())?;
        let slug = params.iter().find(|(name, _)| *name == "slug").ok_or_else(nowhere)?.1;
        let mut grant = state.engine.access().project(&principal, slug).await?;
        grant.address = ClientAddress::of(&parts.headers, &parts.extensions, &state.config).known();
        // Only who may know of the project is told what is missing.
        match (&principal, P::PERMISSION) {
            (Principal::Person(_), _) => {}
            (Principal::ApiKey(_), None) => return Err(people_only()),
            (Principal::ApiKey(_), Some(wanted)) => {
                if !principal.permits(wanted) {
                    return Err(ApiError::new(
                        ErrorCode::ScopeDenied,
                        format!("This API key does not have the scope `{wanted}`."),
                    ));
                }
            }
        }
        if !grant.role.includes(R::ROLE) {
            let message = format!(
                "This needs the role `{}` in the project, and yours is `{}`.",
                R::ROLE,
                grant.role
            );
            return Err(ApiError::new(ErrorCode::Forbidden, message));
        }
        Ok(Self {
            grant,
            principal,
            demands: PhantomData,
        })
    }
}
