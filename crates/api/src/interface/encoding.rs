//! Which of the compressed forms of a file a client takes.

use axum::http::{HeaderMap, header};

/// A form that the build has beside the plain one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    /// The smallest one that the client takes.
    pub(super) fn preferred(headers: &HeaderMap) -> Option<Self> {
        let lists = headers.get_all(header::ACCEPT_ENCODING).iter();
        let lists: Vec<&str> = lists.filter_map(|value| value.to_str().ok()).collect();
        let takes = |token: &str| {
            lists
                .iter()
                .flat_map(|list| list.split(','))
                .any(|item| is(item, token))
        };
        [Self::Brotli, Self::Gzip]
            .into_iter()
            .find(|encoding| takes(encoding.token()))
    }

    pub(super) const fn token(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What the form's file is called behind the plain one's name.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }
}

/// Whether an item of `Accept-Encoding` names this one, and does not refuse it by `q=0`.
fn is(item: &str, token: &str) -> bool {
    let mut parts = item.split(';').map(str::trim);
    let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(token));
    let refused = parts.any(|part| {
        let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
        weight.is_some_and(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0))
    });
    named && !refused
}
