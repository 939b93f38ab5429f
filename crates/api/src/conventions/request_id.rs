//! The identifier that ties a request, its answer and the log's lines together.

use std::fmt;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use codecourier_domain::time::Clock as _;
use codecourier_engine::clock::SystemClock;
use codecourier_engine::random::uuid_v7;

/// The header, in both directions.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's identifier. In the request's extensions, for every handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The one that the client gave, if it is of a sane shape; else a fresh one. It is for finding log lines: nothing
    /// relies on its being unique.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let is_sane = |value: &&HeaderValue| {
            (1..=64).contains(&value.len())
                && value
                    .as_bytes()
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        };
        let given = headers.get(X_REQUEST_ID).filter(is_sane);
        Self(given.cloned().unwrap_or_else(|| {
            let fresh = uuid_v7(SystemClock.now()).simple().to_string();
            HeaderValue::try_from(fresh).unwrap_or(HeaderValue::from_static("unknown"))
        }))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("unknown")
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_identifier_is_kept_and_another_is_replaced() {
        let of = |text: &str| {
            let headers = HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_bytes(text.as_bytes()).unwrap())]);
            RequestId::of(&headers).as_str().to_owned()
        };
        assert_eq!(of("order-66.b_1"), "order-66.b_1");
        for text in ["", "a b", "a\"b", "ä", &"a".repeat(65)] {
            assert_ne!(of(text), text);
            assert_eq!(of(text).len(), 32);
        }
    }
}
