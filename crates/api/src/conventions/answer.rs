//! The answers of handlers.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use codecourier_wire::envelope::Data;
use serde::Serialize;

use super::error::ApiError;

/// What a handler answers: JSON, or an error.
pub type Answer<T> = Result<Json<T>, ApiError>;

/// One thing in its envelope.
pub const fn answer<T>(data: T) -> Json<Data<T>> {
    Json(Data { data })
}

/// Something that was made: status 201.
#[derive(Debug)]
pub struct Created<T>(pub T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, answer(self.0)).into_response()
    }
}

/// Something that was taken up and goes on: status 202.
#[derive(Debug)]
pub struct Accepted<T>(pub T);

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, answer(self.0)).into_response()
    }
}

/// Nothing to say: status 204.
#[derive(Debug, Clone, Copy)]
pub struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}
