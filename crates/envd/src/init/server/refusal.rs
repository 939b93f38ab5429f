//! Errors of the plain HTTP routes: a status and `{"code","message"}`.

use codecourier_e2b::files::HttpError;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::Body;

/// A request that was not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpRefusal {
    status: StatusCode,
    message: String,
}

impl HttpRefusal {
    /// With any status.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// 400.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 401.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 404.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 500.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// As an answer.
    pub(crate) fn into_response(self) -> Response<Body> {
        json_response(
            self.status,
            &HttpError {
                code: self.status.as_u16(),
                message: self.message,
            },
        )
    }
}

/// An answer of JSON.
pub(crate) fn json_response<Message: Serialize>(status: StatusCode, message: &Message) -> Response<Body> {
    let text = serde_json::to_vec(message).unwrap_or_default();
    let mut response = Response::new(Body::whole(text));
    *response.status_mut() = status;
    let json = HeaderValue::from_static(codecourier_e2b::CONTENT_TYPE_UNARY);
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}
