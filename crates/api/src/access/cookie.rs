//! The session's cookie.
//!
//! Invariants: scripts cannot read it; other sites' pages cannot send it with a request that changes something (see
//! [`crate::conventions`]); over TLS its name begins with `__Host-`, so that no other host of the domain can plant one.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

use crate::config::ApiConfig;

const PLAIN: &str = "cc_session";
const OVER_TLS: &str = "__Host-cc_session";

/// A header that gives a browser the session's cookie. `token` is the text of a session token.
#[must_use]
pub fn give(config: &ApiConfig, token: &str, lifetime: Duration) -> Option<HeaderValue> {
    let seconds = lifetime.as_secs();
    header_of(&format!(
        "{}={token}; Max-Age={seconds}; {}",
        name(config),
        attributes(config)
    ))
}

/// A header that takes the cookie back.
#[must_use]
pub fn take_back(config: &ApiConfig) -> Option<HeaderValue> {
    header_of(&format!("{}=; Max-Age=0; {}", name(config), attributes(config)))
}

/// The token in the request's cookie.
pub(crate) fn session<'a>(headers: &'a HeaderMap, config: &ApiConfig) -> Option<&'a str> {
    let name = name(config);
    cookies(headers)
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// Whether a request brings a session's cookie of either name.
pub(crate) fn has_session_cookie(headers: &HeaderMap) -> bool {
    // A cookie header that cannot be read may hold one.
    let unreadable = headers
        .get_all(header::COOKIE)
        .iter()
        .any(|value| value.to_str().is_err());
    unreadable || cookies(headers).any(|(name, _)| name == PLAIN || name == OVER_TLS)
}

/// The names and values of a request's cookies.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

fn name(config: &ApiConfig) -> &'static str {
    if config.is_secure() { OVER_TLS } else { PLAIN }
}

fn attributes(config: &ApiConfig) -> &'static str {
    if config.is_secure() {
        "Path=/; HttpOnly; SameSite=Lax; Secure"
    } else {
        "Path=/; HttpOnly; SameSite=Lax"
    }
}

/// A header that is kept out of logs.
pub(crate) fn header_of(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_tls_the_cookie_is_bound_to_the_host() {
        let config = ApiConfig {
            public_url: Some("https://courier.example.com".to_owned()),
            ..ApiConfig::default()
        };
        let given = give(&config, "ccs_x", Duration::from_secs(60)).unwrap();
        assert_eq!(
            given,
            "__Host-cc_session=ccs_x; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        let headers = HeaderMap::from_iter([(
            header::COOKIE,
            HeaderValue::from_static("cc_session=planted; __Host-cc_session=ccs_x"),
        )]);
        assert_eq!(session(&headers, &config), Some("ccs_x"));
        assert_eq!(session(&headers, &ApiConfig::default()), Some("planted"));
        assert!(has_session_cookie(&headers));
    }
}
