//! From a request's headers to the one who asks.

use axum::http::HeaderMap;
use axum::http::header;
use axum::http::request::Parts;
use codecourier_engine::ErrorCode;
use codecourier_engine::access::{Credential, Principal, refusal};

use super::cookie;
use crate::ApiState;
use crate::conventions::error::ApiError;

/// Who asks. Looked up once per request.
pub(crate) async fn authenticate(parts: &mut Parts, state: &ApiState) -> Result<Principal, ApiError> {
    if let Some(principal) = parts.extensions.get::<Principal>() {
        return Ok(principal.clone());
    }
    let credential = credential(&parts.headers, state)?;
    let principal = state.engine.access().authenticate(&credential).await?;
    parts.extensions.insert(principal.clone());
    Ok(principal)
}

/// What the request shows. A header goes before a cookie: whoever sends it means it.
pub(crate) fn credential(headers: &HeaderMap, state: &ApiState) -> Result<Credential, ApiError> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().map_err(|_| refusal())?;
        let (scheme, token) = text.split_once(' ').ok_or_else(refusal)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refusal().into());
        }
        return Ok(Credential::from_bearer(token.trim())?);
    }
    if let Some(token) = cookie::session(headers, &state.config) {
        return Ok(Credential::from_cookie(token)?);
    }
    Err(ApiError::new(
        ErrorCode::AuthMissing,
        "Say who you are: sign in, or send an API key as `Authorization: Bearer …`.",
    ))
}
