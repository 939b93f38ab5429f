//! Whoever is at the door, from a request's connection and headers.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use codecourier_engine::accounts::Visitor;

use crate::ApiState;
use crate::conventions::client_address::ClientAddress;
use crate::conventions::error::ApiError;

/// Whoever is at the door.
pub(super) struct AtTheDoor(pub(super) Visitor);

impl FromRequestParts<ApiState> for AtTheDoor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let ClientAddress(address) = ClientAddress::of(&parts.headers, &parts.extensions, &state.config);
        let agent = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|agent| agent.to_str().ok());
        Ok(Self(Visitor::new(address, agent)))
    }
}
