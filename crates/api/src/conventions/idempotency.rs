//! `Idempotency-Key`: the same `POST` with the same key takes effect once. What is guaranteed is written down in
//! [`codecourier_engine::idempotency`].
//!
//! Keys belong to whoever proves who they are; where nobody does (signing in and up), the header means nothing. A
//! request is done to its end even if its sender goes away, so that whoever repeats it finds the answer. Invariants: an
//! answer is kept as it was sent, errors with their request id too; a request that was refused before anything was looked
//! at (too many, not allowed in, unreadable) or that failed inside keeps no key.

use std::panic::AssertUnwindSafe;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use codecourier_engine::idempotency::{KeptAnswer, Keyed, Turn};
use codecourier_engine::{Engine, Error};
use futures::FutureExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;
use tracing::Instrument as _;

use super::error::ApiError;
use super::request_id::RequestId;
use crate::ApiState;
use crate::access::authenticate;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The headers of an answer that matter to whoever gets it again.
const KEPT_HEADERS: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::ETAG,
    header::LOCATION,
    header::CONTENT_DISPOSITION,
];

/// The longest answer that is kept.
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;

pub(super) async fn once(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(IDEMPOTENCY_KEY) {
        return next.run(request).await;
    }
    keyed(state, request, next)
        .await
        .unwrap_or_else(ApiError::into_response)
}

async fn keyed(state: ApiState, request: Request, next: Next) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let key = key(&parts.headers)?;
    let Ok(principal) = authenticate(&mut parts, &state).await else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let request = Request::from_parts(parts, body);
    let (parts, body) = request.into_parts();
    let id = parts.extensions.get::<RequestId>().cloned();
    let bytes = super::upload::read(Request::new(body), state.config.body_limit.max(super::upload::LONGEST)).await?;
    let address = parts.uri.path_and_query().map_or("", |address| address.as_str());
    let keyed = Keyed::new(&principal, key, fingerprint(address, &parts.headers, &bytes));
    let engine = state.engine.clone();
    match engine.idempotency().claim(&keyed).await? {
        Turn::Done(answer) => replayed(&answer),
        Turn::Do => {
            let (reply, answer) = oneshot::channel();
            let request = Request::from_parts(parts, Body::from(bytes));
            let work = async move {
                let response = done(&engine, &keyed, id, request, next).await;
                // Whoever asked may be gone. The answer is kept.
                drop(reply.send(response));
            };
            state.engine.idempotency().carry_out(work.in_current_span());
            answer
                .await
                .map_err(|error| Error::internal("Doing a keyed request", error).into())
        }
    }
}

async fn done(engine: &Engine, keyed: &Keyed, id: Option<RequestId>, request: Request, next: Next) -> Response {
    let idempotency = engine.idempotency();
    let ran = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    // Whether it took effect before it panicked is unknown: the answer is kept, so that it does not take effect again.
    let has_panicked = ran.is_err();
    let mut response =
        ran.unwrap_or_else(|_| ApiError::from(Error::internal("Doing a keyed request", "it panicked")).into_response());
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        response = error.render(id.as_ref().map_or("unknown", RequestId::as_str));
    }
    if !has_panicked && !is_kept(response.status()) {
        if let Err(error) = idempotency.released(keyed).await {
            tracing::warn!(error = %error, "an idempotency key was not released");
        }
        return response;
    }
    let (parts, body) = response.into_parts();
    let bytes = match to_bytes(body, ANSWER_LIMIT).await {
        Ok(bytes) => bytes,
        Err(error) => return ApiError::from(Error::internal("Keeping an answer", error)).into_response(),
    };
    let headers = KEPT_HEADERS.iter().filter_map(|name| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let answer = KeptAnswer {
        status: parts.status.as_u16(),
        headers: headers.collect(),
        body: STANDARD.encode(&bytes),
    };
    if let Err(error) = idempotency.answered(keyed, &answer).await {
        // It took effect. The key stays claimed, so that it does not take effect again.
        tracing::error!(error = %error, "the answer of a keyed request was not kept");
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn is_kept(status: StatusCode) -> bool {
    !status.is_server_error()
        && !matches!(
            status,
            StatusCode::UNAUTHORIZED
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::UNSUPPORTED_MEDIA_TYPE
                | StatusCode::TOO_MANY_REQUESTS
        )
}

fn replayed(answer: &KeptAnswer) -> Result<Response, ApiError> {
    let unreadable = |error: &dyn std::fmt::Display| Error::internal("Reading a kept answer", error.to_string());
    let bytes = STANDARD.decode(&answer.body).map_err(|error| unreadable(&error))?;
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(|error| unreadable(&error))?;
    let headers = response.headers_mut();
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn key(headers: &HeaderMap) -> Result<String, ApiError> {
    let text = headers
        .get(IDEMPOTENCY_KEY)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_sound = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_sound {
        let message = "An `Idempotency-Key` has 1 to 128 visible ASCII characters.";
        return Err(Error::validation(message).of_field("Idempotency-Key").into());
    }
    Ok(text.to_owned())
}

/// What is the same for the same request.
fn fingerprint(address: &str, headers: &HeaderMap, body: &Bytes) -> String {
    let mut digest = Sha256::new();
    let kind = headers
        .get(header::CONTENT_TYPE)
        .map_or(&b""[..], HeaderValue::as_bytes);
    for part in [address.as_bytes(), kind, body] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    hex::encode(digest.finalize())
}
