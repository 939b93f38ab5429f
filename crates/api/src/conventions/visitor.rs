//! Whoever is at the door, from a request's connection and headers: for handlers that let people in.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use codecourier_engine::accounts::Visitor;

use super::client_address::ClientAddress;
use super::error::ApiError;
use crate::ApiState;

/// Whoever is at the door.
#[derive(Debug)]
pub(crate) struct AtTheDoor(pub(crate) Visitor);

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
