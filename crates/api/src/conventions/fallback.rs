//! What is answered where there is no route.

use codecourier_engine::ErrorCode;

use super::error::ApiError;

pub(crate) async fn not_found() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "There is nothing at this address.")
}

pub(crate) async fn method_not_allowed() -> ApiError {
    ApiError::new(
        ErrorCode::MethodNotAllowed,
        "This address does not have this method. `Allow` names those it has.",
    )
}
