//! Bodies that are not JSON, and the reading of every body up to its limit.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header;
use bytes::Bytes;
use codecourier_engine::{Error, ErrorCode};

use super::error::ApiError;
use crate::ApiState;

/// The longest body that any route takes.
pub(super) const LONGEST: usize = codecourier_engine::runs::images::IMAGE_LIMIT;

/// A body as it came, of at most so many bytes, with its content type.
#[derive(Debug, Clone)]
pub struct Upload<const LIMIT: usize> {
    /// The bytes.
    pub bytes: Bytes,
    /// What the client says they are, in lower case and without parameters; empty if it says nothing.
    pub content_type: String,
}

impl<const LIMIT: usize> FromRequest<ApiState> for Upload<LIMIT> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &ApiState) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let content_type = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Ok(Self {
            bytes: read(request, LIMIT).await?,
            content_type,
        })
    }
}

/// Reads a body; refuses a longer one as early as it can be known.
pub(super) async fn read(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::new(ErrorCode::TooLarge, format!("The body is longer than {limit} bytes."));
    let body: Body = request.into_body();
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    to_bytes(body, limit).await.map_err(|error| {
        let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        if causes
            .into_iter()
            .any(|cause| cause.is::<http_body_util::LengthLimitError>())
        {
            return too_large();
        }
        Error::validation("The body was cut off.").because(error).into()
    })
}
