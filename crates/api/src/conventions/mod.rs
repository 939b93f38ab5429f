//! What holds for every route: how answers, errors, pages, revisions and limits look.
//!
//! Handlers use the extractors and answers; [`around`] is everything that happens before a handler is reached and after
//! it answered.

pub mod answer;
pub mod client_address;
pub(crate) mod cross_site;
pub(crate) mod document;
pub mod error;
pub(crate) mod fallback;
pub(crate) mod headers;
mod hear_out;
mod idempotency;
pub mod json;
mod links;
pub mod page;
pub mod path;
pub mod query;
pub mod rate_limit;
pub mod request_id;
mod respond;
pub mod revision;
mod strict;
pub mod upload;
pub(crate) mod visitor;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::compression::CompressionLayer;
use tower_http::sensitive_headers::{SetSensitiveRequestHeadersLayer, SetSensitiveResponseHeadersLayer};

use crate::ApiState;

/// Puts everything around the routes. The last layer added is the first that sees a request.
pub(crate) fn around(router: Router<ApiState>, state: &ApiState) -> Router<ApiState> {
    let secret = [
        http::header::AUTHORIZATION,
        http::header::COOKIE,
        http::header::SET_COOKIE,
    ];
    router
        .layer(from_fn_with_state(state.clone(), idempotency::once))
        .layer(from_fn_with_state(state.clone(), rate_limit::limit))
        .layer(from_fn_with_state(state.clone(), cross_site::refuse))
        .layer(from_fn(revision::not_modified))
        .layer(from_fn_with_state(state.clone(), respond::respond))
        .layer(from_fn(headers::secure))
        .layer(CompressionLayer::new())
        .layer(SetSensitiveResponseHeadersLayer::new(secret.clone()))
        .layer(SetSensitiveRequestHeadersLayer::new(secret))
        .layer(from_fn(hear_out::hear_out))
}
