//! The API's description: as OpenAPI for programs, and as a page for people that needs no network.

mod page;
mod style;

use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;

use crate::access::{Anybody, operations};
use crate::{Api, ApiState};

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(openapi, docs)
}

/// The API's description as OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", tag = "reference",
    responses((status = 200, description = "The description.", body = Object)))]
async fn openapi(_: Anybody) -> Response {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| Api::document().to_json().unwrap_or_default());
    (kept(HeaderValue::from_static("application/json"), None), text.as_str()).into_response()
}

/// The API's description as a page.
#[utoipa::path(get, path = "/docs", tag = "reference",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")))]
async fn docs(_: Anybody) -> Response {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| {
        let document = serde_json::to_value(Api::document()).unwrap_or_default();
        page::page(&document)
    });
    let policy = HeaderValue::from_static(style::POLICY);
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    (kept(kind, Some(policy)), text.as_str()).into_response()
}

fn kept(kind: HeaderValue, policy: Option<HeaderValue>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    if let Some(policy) = policy {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers
}
