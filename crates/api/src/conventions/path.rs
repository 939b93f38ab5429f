//! Parameters in addresses.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use codecourier_engine::ErrorCode;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::ApiState;

/// Parameters of the address. What cannot be read names nothing that exists: `NOT_FOUND`.
#[derive(Debug, Clone)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<ApiState> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(path)| Self(path))
            .map_err(|_| ApiError::new(ErrorCode::NotFound, "There is nothing at this address."))
    }
}
