//! The frame around every request: its identifier, its time limit, its line in the log, and the body of its error.
//!
//! Invariant: whatever happens inside (a panic, a timeout, an extractor of axum's own that refuses), the client gets a
//! whole answer with `X-Request-ID`, and under `/api/` an error is always the error object.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use codecourier_engine::{Error, ErrorCode};
use futures::FutureExt as _;
use tracing::Instrument as _;

use super::error::ApiError;
use super::request_id::{RequestId, X_REQUEST_ID};
use crate::ApiState;

pub(super) async fn respond(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    // The route and not the address: addresses may hold what should not be in a log.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let span = tracing::info_span!("request", request.id = %id, http.method = %request.method(), http.route = route);
    let is_api = request.uri().path().starts_with("/api/");
    let limit = state.config.request_timeout;

    let answered = async {
        let begun = Instant::now();
        let answered = tokio::time::timeout(limit, AssertUnwindSafe(next.run(request)).catch_unwind()).await;
        let response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => panicked(&*panic).into_response(),
            Err(_) => timed_out(limit).into_response(),
        };
        let mut response = rendered(response, &id, is_api);
        response.headers_mut().insert(X_REQUEST_ID, id.header());
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            http.status = response.status().as_u16(),
            duration_ms = milliseconds,
            "Answered a request"
        );
        response
    };
    answered.instrument(span).await
}

fn rendered(mut response: Response, id: &RequestId, is_api: bool) -> Response {
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let mut body = error.render(id.as_str());
        // What was said beside the error stays said: `Allow`, cookies, the state of rate limits.
        for (name, value) in response.headers() {
            if *name != header::CONTENT_LENGTH {
                body.headers_mut().entry(name).or_insert(value.clone());
            }
        }
        return body;
    }
    let status = response.status();
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_api || is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    // An extractor of axum's own, or a layer. It should not happen; the client gets its error object all the same.
    let code = match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
        _ if status.is_client_error() => ErrorCode::Validation,
        _ => ErrorCode::Internal,
    };
    ApiError::new(code, "This request cannot be understood.").render(id.as_str())
}

fn panicked(panic: &(dyn Any + Send)) -> ApiError {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "a panic without a text".to_owned());
    Error::internal("Answering a request", format!("it panicked: {text}")).into()
}

fn timed_out(limit: Duration) -> ApiError {
    let message = format!(
        "This took longer than {} seconds and was given up. Try again; with the same `Idempotency-Key` nothing is done twice.",
        limit.as_secs()
    );
    Error::new(ErrorCode::Unavailable, message)
        .after(Duration::from_secs(1))
        .into()
}
