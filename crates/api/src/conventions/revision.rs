//! Revisions of editable documents, as `ETag`, `If-Match` and `If-None-Match`: two editors never overwrite each other
//! unseen, and a client that has the document already is not sent it again.

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use codecourier_domain::revision::Revision;
use codecourier_engine::ErrorCode;
use codecourier_wire::envelope::Data;
use serde::Serialize;
use utoipa::IntoParams;

use super::error::ApiError;
use crate::ApiState;

/// A document with its revision: the answer to reading and to changing it.
#[derive(Debug, Clone)]
pub struct Revised<T> {
    /// Its revision.
    pub revision: Revision,
    /// The document.
    pub data: T,
}

impl<T: Serialize> IntoResponse for Revised<T> {
    fn into_response(self) -> Response {
        let mut response = Json(Data { data: self.data }).into_response();
        response.headers_mut().insert(header::ETAG, tag(self.revision));
        // A client may keep it, and must ask whether it is still so.
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        response
    }
}

/// The revision that the caller wants to change. A handler that takes it cannot be called without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(pub Revision);

/// The header of [`IfMatch`], for the description of an operation: `params(IfMatchHeader)`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfMatchHeader {
    /// The `ETag` of the document that is to be changed, as it came when it was read.
    #[param(rename = "If-Match", pattern = "^\"[0-9]{1,19}\"$", required = true)]
    pub if_match: String,
}

/// The header that spares an answer, for the description of an operation: `params(IfNoneMatchHeader)`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfNoneMatchHeader {
    /// The `ETag` that the caller has. Nothing but status 304 is sent when it is still so.
    #[param(rename = "If-None-Match", required = false)]
    pub if_none_match: Option<String>,
}

impl IfMatch {
    /// The revision in a request's headers, for handlers where it may be missing.
    pub fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        if_match(headers)
    }
}

impl FromRequestParts<ApiState> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &ApiState) -> Result<Self, ApiError> {
        if_match(&parts.headers)
    }
}

fn if_match(headers: &HeaderMap) -> Result<IfMatch, ApiError> {
    let required = |message: &str| ApiError::new(ErrorCode::PreconditionRequired, message);
    let Some(given) = headers.get(header::IF_MATCH) else {
        return Err(required(
            "Send `If-Match` with the `ETag` that came when you read the document.",
        ));
    };
    let text = given.to_str().unwrap_or_default();
    if text.trim() == "*" {
        return Err(required(
            "`If-Match: *` would overwrite what others changed. Send the document's `ETag`.",
        ));
    }
    // What is no revision of ours cannot be the present one.
    revision_of(text).map(IfMatch).ok_or_else(|| {
        ApiError::new(
            ErrorCode::PreconditionFailed,
            "The document was changed since you read it, or this `ETag` is not one of it. Read it again.",
        )
    })
}

/// For fuzzing; see [`crate::fuzz`].
pub(crate) fn check_if_match(value: HeaderValue) -> Result<(), String> {
    let mut headers = HeaderMap::new();
    headers.insert(header::IF_MATCH, value.clone());
    let Ok(IfMatch(revision)) = if_match(&headers) else {
        return Ok(());
    };
    let ours = tag(revision);
    let digits = |value: &HeaderValue| {
        let text = value.to_str().unwrap_or_default().trim().trim_matches('"').to_owned();
        text.trim_start_matches('0').to_owned()
    };
    match digits(&value) == digits(&ours) {
        true => Ok(()),
        false => Err(format!("{value:?} passes for {ours:?}")),
    }
}

fn tag(revision: Revision) -> HeaderValue {
    HeaderValue::try_from(format!("\"{revision}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

fn revision_of(text: &str) -> Option<Revision> {
    let inner = text.trim().strip_prefix('"')?.strip_suffix('"')?;
    if inner.is_empty() || !inner.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    inner.parse().ok().map(Revision)
}

/// Answers 304 to a read whose caller has the document already.
pub(super) async fn not_modified(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let had: Vec<HeaderValue> = request
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .cloned()
        .collect();
    let mut response = next.run(request).await;
    if !is_read || had.is_empty() || response.status() != StatusCode::OK {
        return response;
    }
    // What is never kept is never the same: it says more than its tag does.
    let is_kept = |value: &HeaderValue| value.as_bytes() != b"no-store";
    let is_kept = response.headers().get(header::CACHE_CONTROL).is_none_or(is_kept);
    let Some(tag) = response.headers().get(header::ETAG).filter(|_| is_kept) else {
        return response;
    };
    let is_had = had.iter().filter_map(|value| value.to_str().ok()).any(|value| {
        let tags = value.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
        value.trim() == "*" || tags.into_iter().any(|had| had.as_bytes() == tag.as_bytes())
    });
    if is_had {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revision_to_change_must_be_named() {
        let of = |value: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::IF_MATCH, HeaderValue::from_static(value));
            }
            if_match(&headers).map_err(|error| error.code())
        };
        assert_eq!(of(Some("\"12\"")), Ok(IfMatch(Revision(12))));
        assert_eq!(of(None), Err(ErrorCode::PreconditionRequired));
        assert_eq!(of(Some("*")), Err(ErrorCode::PreconditionRequired));
        for foreign in ["12", "\"x\"", "W/\"12\"", "\"\"", "\"-1\"", "\"99999999999999999999\""] {
            assert_eq!(of(Some(foreign)), Err(ErrorCode::PreconditionFailed), "{foreign}");
        }
    }
}
