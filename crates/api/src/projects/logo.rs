//! The picture of a project: the one place where the API serves bytes that somebody uploaded.
//!
//! Invariant: they are served as the picture that they were found to be, and browsers are told to take them for nothing
//! else.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use codecourier_engine::projects::LOGO_LIMIT;
use codecourier_engine::{Engine, ErrorCode};
use codecourier_wire::path::ProjectPath;

use crate::access::{InProject, permission, role};
use crate::conventions::answer::Done;
use crate::conventions::error::ApiError;
use crate::conventions::upload::Upload;

/// Get a project's picture.
#[utoipa::path(get, path = "/projects/{slug}/logo", operation_id = "projects.getLogo", tag = "projects", params(ProjectPath),
    responses((status = 200, description = "The picture.", content(
        (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp")))))]
pub(super) async fn get_logo(
    caller: InProject<role::Member, permission::ProjectRead>,
    State(engine): State<Engine>,
) -> Result<Response, ApiError> {
    let logo = engine.projects().logo(&caller).await?;
    let tag = HeaderValue::try_from(format!("\"{}\"", logo.digest));
    let tag = tag.map_err(|_| ApiError::new(ErrorCode::Internal, "The picture cannot be named."))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(logo.kind.media_type())),
        (header::ETAG, tag),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("inline; filename=\"logo\""),
        ),
    ];
    Ok((headers, logo.bytes).into_response())
}

/// Give a project a picture.
///
/// A PNG, JPEG or WebP picture of at most 512 kB. Its bytes decide what it is, whatever the request says.
#[utoipa::path(put, path = "/projects/{slug}/logo", operation_id = "projects.setLogo", tag = "projects", params(ProjectPath),
    request_body(content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"))),
    responses((status = 204, description = "It has the picture.")))]
pub(super) async fn put_logo(
    caller: InProject<role::Admin, permission::ProjectWrite>,
    State(engine): State<Engine>,
    upload: Upload<LOGO_LIMIT>,
) -> Result<Done, ApiError> {
    engine.projects().set_logo(&caller, upload.bytes).await?;
    Ok(Done)
}

/// Take a project's picture away.
#[utoipa::path(delete, path = "/projects/{slug}/logo", operation_id = "projects.deleteLogo", tag = "projects", params(ProjectPath),
    responses((status = 204, description = "It has no picture.")))]
pub(super) async fn remove_logo(
    caller: InProject<role::Admin, permission::ProjectWrite>,
    State(engine): State<Engine>,
) -> Result<Done, ApiError> {
    engine.projects().remove_logo(&caller).await?;
    Ok(Done)
}
