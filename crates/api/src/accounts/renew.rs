//! A fresh token for a browser whose cookie's token is old.
//!
//! Around every route: the answer to the request that brought the old token carries the new one. Invariant: an answer
//! that sets the cookie itself (signing in, signing out) is left alone.

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use codecourier_engine::access::Credential;

use super::convert::COOKIE_LIFETIME;
use crate::ApiState;
use crate::access::cookie;

/// Renews the cookie of a request, if it is due.
pub(crate) async fn renew_cookie(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let is_bearer = request.headers().contains_key(header::AUTHORIZATION);
    let token = cookie::session(request.headers(), &state.config).and_then(|text| Credential::from_cookie(text).ok());
    let mut response = next.run(request).await;
    let Some(Credential::Session(token)) = token.filter(|_| !is_bearer) else {
        return response;
    };
    if response.headers().contains_key(header::SET_COOKIE) {
        return response;
    }
    match state.engine.access().renew_session(&token).await {
        Ok(Some(renewed)) => {
            if let Some(cookie) = cookie::give(&state.config, renewed.token.expose(), COOKIE_LIFETIME) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        Ok(None) => {}
        // The old token is good until the next request, which tries again.
        Err(error) => tracing::warn!(
            error = codecourier_engine::error::chain(&error),
            "a session was not renewed"
        ),
    }
    response
}
