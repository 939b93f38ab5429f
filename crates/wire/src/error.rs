//! The error object of every answer that is not a success.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is around an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorObject,
}

/// Why a request was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorObject {
    /// What kind of error it is. Each has a page in the manual.
    #[schema(pattern = "^[A-Z][A-Z0-9_]*$", example = "VALIDATION")]
    pub code: String,
    /// What happened and what to do, for people.
    pub message: String,
    /// The field at fault, as a path into the request: `name`, `checks.0.command`.
    #[schema(required)]
    pub field: Option<String>,
    /// The request's identifier, also in the header `X-Request-ID` and in the server's log.
    pub request_id: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}
