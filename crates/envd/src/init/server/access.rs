//! Who may ask: the sandbox's token, or for `/files` a signed address. And as whom: the `Authorization` header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use codecourier_e2b::{FileOperation, HEADER_ACCESS_TOKEN, token_matches, verify};
use http::HeaderMap;

use super::super::clock;
use super::{HttpRefusal, Query};

/// Checks the token of a route that takes nothing else.
pub(crate) fn check_token(token: Option<&str>, headers: &HeaderMap) -> Result<(), HttpRefusal> {
    let Some(token) = token else { return Ok(()) };
    match headers.get(HEADER_ACCESS_TOKEN) {
        Some(given) if token_matches(token, given.as_bytes()) => Ok(()),
        Some(_) | None => Err(HttpRefusal::unauthorized(
            "unauthorized access, please provide a valid access token or method signing if supported",
        )),
    }
}

/// Checks the token or the signature of `/files`.
pub(crate) fn check_file_access(
    token: Option<&str>,
    headers: &HeaderMap,
    query: &Query,
    operation: FileOperation,
) -> Result<(), HttpRefusal> {
    let Some(token) = token else { return Ok(()) };
    if let Some(given) = headers.get(HEADER_ACCESS_TOKEN) {
        return if token_matches(token, given.as_bytes()) {
            Ok(())
        } else {
            Err(HttpRefusal::unauthorized(
                "access token present in header but does not match",
            ))
        };
    }
    let expires_at = match query.get("signature_expiration").filter(|text| !text.is_empty()) {
        Some(text) => Some(
            text.parse()
                .map_err(|_| HttpRefusal::unauthorized("invalid signature"))?,
        ),
        None => None,
    };
    let path = query.get("path").unwrap_or_default();
    let user = query.get("username").unwrap_or_default();
    verify(
        query.get("signature"),
        path,
        operation,
        user,
        token,
        expires_at,
        clock::now_seconds(),
    )
    .map_err(|refused| HttpRefusal::unauthorized(refused.to_string()))
}

/// The user of `Authorization: Basic base64(user:)`. A header that cannot be read names nobody.
pub(crate) fn basic_user(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let user = text.split_once(':').map_or(text.as_str(), |(user, _)| user);
    (!user.is_empty()).then(|| user.to_owned())
}
