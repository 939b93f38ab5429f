//! The cookie that ties a sign-in with an outside provider to the browser that began it.
//!
//! Invariants: scripts cannot read it; it comes back with the provider's redirect, which is a visit of the person's own
//! (`SameSite=Lax`), and with no request that another page makes; it is gone when the sign-in is over.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use crate::access::cookie::{cookies, header_of};
use crate::config::ApiConfig;

const PLAIN: &str = "cc_sign_in";
const OVER_TLS: &str = "__Host-cc_sign_in";

pub(super) fn give(config: &ApiConfig, binding: &str, lifetime: Duration) -> Option<HeaderValue> {
    let (name, secure) = parts(config);
    let seconds = lifetime.as_secs();
    header_of(&format!(
        "{name}={binding}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"
    ))
}

pub(super) fn take_back(config: &ApiConfig) -> Option<HeaderValue> {
    let (name, secure) = parts(config);
    header_of(&format!("{name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax{secure}"))
}

pub(super) fn binding<'a>(headers: &'a HeaderMap, config: &ApiConfig) -> Option<&'a str> {
    let (name, _) = parts(config);
    cookies(headers)
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

fn parts(config: &ApiConfig) -> (&'static str, &'static str) {
    if config.is_secure() {
        (OVER_TLS, "; Secure")
    } else {
        (PLAIN, "")
    }
}
