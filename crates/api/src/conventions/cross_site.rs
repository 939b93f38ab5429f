//! Keeps other sites from acting with a person's cookie.
//!
//! A browser sends the session's cookie also with requests that another site's page caused. It says so in
//! `Sec-Fetch-Site`, or else in `Origin`, which a page cannot forge. Invariants: a request that changes something, or
//! opens a socket, and brings the cookie but no `Authorization`, must prove that it comes from our own origin; one that
//! brings neither is refused only when it says itself that it comes from elsewhere (signing somebody else in is an
//! attack, too).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use codecourier_engine::ErrorCode;

use super::error::ApiError;
use crate::ApiState;
use crate::access::cookie::has_session_cookie;

/// Where a request says it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provenance {
    Ours,
    Elsewhere,
    Unsaid,
}

pub(super) async fn refuse(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let is_socket = request
        .headers()
        .get(header::UPGRADE)
        .is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) && !is_socket;
    if !is_safe && !may_pass(request.headers(), state.config.origin().as_deref()) {
        return ApiError::new(
            ErrorCode::Forbidden,
            "This request comes from another site than this server's own. Open the server's own page, or use an API key.",
        )
        .into_response();
    }
    next.run(request).await
}

fn may_pass(headers: &HeaderMap, own_origin: Option<&str>) -> bool {
    // A page of another site cannot add this header without asking us first, and we never allow it.
    if headers.contains_key(header::AUTHORIZATION) {
        return true;
    }
    match provenance(headers, own_origin) {
        Provenance::Ours => true,
        Provenance::Elsewhere => false,
        Provenance::Unsaid => !has_session_cookie(headers),
    }
}

fn provenance(headers: &HeaderMap, own_origin: Option<&str>) -> Provenance {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match text("sec-fetch-site") {
        // `none` is the person's own hand: an address typed or a bookmark.
        Some("same-origin" | "none") => return Provenance::Ours,
        Some(_) => return Provenance::Elsewhere,
        None => {}
    }
    let Some(origin) = text("origin").map(str::to_ascii_lowercase) else {
        return Provenance::Unsaid;
    };
    let is_ours = match own_origin {
        Some(own) => origin == own,
        None => text("host").is_some_and(|host| {
            let host = host.to_ascii_lowercase();
            origin == format!("http://{host}") || origin == format!("https://{host}")
        }),
    };
    if is_ours {
        Provenance::Ours
    } else {
        Provenance::Elsewhere
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn passes(headers: &[(&'static str, &'static str)]) -> bool {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        may_pass(&headers, Some("https://courier.example.com"))
    }

    const COOKIE: (&str, &str) = ("cookie", "a=b; cc_session=ccs_x");

    #[test]
    fn a_cookie_acts_only_from_our_own_pages() {
        assert!(passes(&[COOKIE, ("sec-fetch-site", "same-origin")]));
        assert!(passes(&[COOKIE, ("origin", "https://courier.example.com")]));
        for foreign in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example.com"),
            ("origin", "null"),
            ("origin", "https://courier.example.com.evil.example"),
            ("accept", "*/*"),
        ] {
            assert!(!passes(&[COOKIE, foreign]), "{foreign:?}");
        }
        // The browser's own word goes before what a proxy may have rewritten.
        assert!(!passes(&[
            COOKIE,
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://courier.example.com")
        ]));
    }

    #[test]
    fn a_key_needs_no_proof_and_nobody_signs_others_in() {
        assert!(passes(&[
            ("authorization", "Bearer cc_live_x"),
            ("origin", "https://evil.example.com")
        ]));
        assert!(passes(&[]));
        assert!(!passes(&[("origin", "https://evil.example.com")]));
    }

    #[test]
    fn without_a_public_address_the_host_is_the_origin() {
        let headers: HeaderMap = [("origin", "http://localhost:4400"), ("host", "localhost:4400")]
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        assert_eq!(provenance(&headers, None), Provenance::Ours);
    }
}
