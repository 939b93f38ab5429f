//! The pictures of runs: those that a run's agents are shown with its prompt, and those that tools showed to them.
//!
//! Invariant: they are served as the pictures that they were found to be, and browsers are told to take them for nothing
//! else.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use codecourier_engine::Engine;
use codecourier_engine::runs::images::{IMAGE_LIMIT, RunImage};
use codecourier_wire::runs as wire;

use super::{Data, ImagePath};
use crate::access::{InProject, permission, role};
use crate::conventions::answer::Created;
use crate::conventions::error::ApiError;
use crate::conventions::path::Path;
use crate::conventions::upload::Upload;

/// Upload a picture for runs.
///
/// A PNG, JPEG, GIF or WebP picture of at most 5 MB, as the body itself: its bytes decide what it is, whatever the request
/// says. The answer's `image` names it in `images` of the run to start; the same picture again has the same name. It
/// stays with the project.
#[utoipa::path(post, path = "/projects/{slug}/images", operation_id = "runs.uploadImage", tag = "runs",
    request_body(content(
        (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/gif"), (Vec<u8> = "image/webp"))),
    responses((status = 201, description = "The picture, to be named when a run is started.", body = Data<wire::RunImage>)))]
pub(super) async fn upload_image(
    project: InProject<role::Member, permission::RunsWrite>,
    State(engine): State<Engine>,
    upload: Upload<IMAGE_LIMIT>,
) -> Result<Created<wire::RunImage>, ApiError> {
    let image = engine.runs().upload_image(&project, upload.bytes).await?;
    Ok(Created(view(image)))
}

/// Get a picture of runs.
///
/// One that was uploaded for runs of the project, or one that a tool gave to an agent in one: `images` of a
/// `tool_result` in the events of a run names those. Its address is its content, so it never changes.
#[utoipa::path(get, path = "/projects/{slug}/images/{image}", operation_id = "runs.getImage", tag = "runs", params(ImagePath),
    responses((status = 200, description = "The picture.", content(
        (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/gif"), (Vec<u8> = "image/webp")))))]
pub(super) async fn get_image(
    project: InProject<role::Member, permission::RunsRead>,
    State(engine): State<Engine>,
    Path(path): Path<ImagePath>,
) -> Result<Response, ApiError> {
    let (image, bytes) = engine.runs().image(&project, &path.image).await?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(image.media_type.as_str()),
        ),
        // Its address is its content.
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, max-age=31536000, immutable"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("inline; filename=\"image\""),
        ),
    ];
    Ok((headers, bytes).into_response())
}

pub(super) fn view(image: RunImage) -> wire::RunImage {
    wire::RunImage {
        image: image.image.to_string(),
        media_type: image.media_type.as_str().to_owned(),
        size: image.size,
    }
}
