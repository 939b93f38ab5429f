//! Errors as clients get them: a status, and the error object.
//!
//! Two audiences. What the caller did wrong (4xx) is said in full. The platform's own faults (5xx with `INTERNAL`) are
//! written to the log with every cause and the request's id; the client gets the code, the id and nothing else.
//! Invariant: an [`ApiError`] becomes a body in one place, [`super::respond`], which alone knows the request's id.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use codecourier_domain::failure::FailureClass;
use codecourier_engine::error::chain;
use codecourier_engine::{Error, ErrorCode};
use codecourier_wire::error::{ErrorBody, ErrorObject};

/// An error on its way to a client.
#[derive(Debug, Clone)]
pub struct ApiError {
    error: Arc<Error>,
}

impl ApiError {
    /// An error of HTTP's own kind. Rules belong to the engine.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Error::new(code, message).into()
    }

    /// What kind of error it is.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.error.code
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        status_of(self.error.code)
    }

    /// The answer, now that the request's id is known. Writes the log's line for faults of the platform.
    pub(super) fn render(&self, request_id: &str) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(request.id = request_id, error.code = self.error.code.as_str(), error = %chain(&*self.error), "A request failed");
        }
        let message = match self.error.code {
            ErrorCode::Internal | ErrorCode::Classed(FailureClass::Internal) => {
                "Something failed inside the platform. Its log has the cause, under this request id.".to_owned()
            }
            _ => self.error.message.clone(),
        };
        let body = ErrorBody {
            error: ErrorObject {
                code: self.error.code.as_str().to_owned(),
                message,
                field: self.error.field.clone(),
                request_id: request_id.to_owned(),
                retryable: is_retryable(self.error.code),
            },
        };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.error.retry_after.map(whole_seconds) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self { error: Arc::new(error) }
    }
}

impl IntoResponse for ApiError {
    /// A response without a body, which [`super::respond`] fills in.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }
}

/// Rounded up, so that who waits as long as that is not too early.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

const fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Validation => StatusCode::BAD_REQUEST,
        ErrorCode::AuthMissing | ErrorCode::AuthInvalid => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden | ErrorCode::ScopeDenied => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::Conflict | ErrorCode::AgentCapability | ErrorCode::IdempotencyMismatch => StatusCode::CONFLICT,
        ErrorCode::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        ErrorCode::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unavailable | ErrorCode::DataDirectoryInUse => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::Classed(class) => match class {
            FailureClass::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            FailureClass::ProviderOverload
            | FailureClass::ProviderRateLimit
            | FailureClass::ProviderUnreachable
            | FailureClass::Sandbox
            | FailureClass::Template => StatusCode::SERVICE_UNAVAILABLE,
            FailureClass::ProviderAuth
            | FailureClass::ProviderQuota
            | FailureClass::ProviderRequest
            | FailureClass::CassetteMismatch
            | FailureClass::OutOfMemory
            | FailureClass::DiskLimit
            | FailureClass::Timeout
            | FailureClass::AgentProtocol
            | FailureClass::Stuck
            | FailureClass::Policy
            | FailureClass::StructuredResult
            | FailureClass::Budget
            | FailureClass::Repository
            | FailureClass::Task => StatusCode::UNPROCESSABLE_ENTITY,
        },
    }
}

fn is_retryable(code: ErrorCode) -> bool {
    matches!(
        status_of(code),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up() {
        assert_eq!(whole_seconds(Duration::from_millis(1_001)), 2);
        assert_eq!(whole_seconds(Duration::from_secs(3)), 3);
    }

    #[tokio::test]
    async fn a_fault_of_the_platform_shows_nothing_of_its_cause() {
        let error = ApiError::from(Error::internal("Reading the canary", "the canary's secret"));
        let response = error.render("req-1");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.contains("INTERNAL") && text.contains("req-1"), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}
