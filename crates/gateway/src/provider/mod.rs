//! The providers: one enum, one file each. What differs between them is here and nowhere else: paths, the header of the
//! key, the shape of errors, the classing of errors, the reading of usage.

use std::fmt;
use std::str::FromStr;

use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};

use crate::keys::ProviderKey;
use crate::observer::Complaint;

pub(crate) mod anthropic;
mod verdict;

pub(crate) use verdict::ProviderVerdict;

/// A model provider, by the protocol it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Anthropic's Messages API, at Anthropic or at any endpoint that speaks it.
    Anthropic,
}

/// Text that names no provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a provider that the gateway speaks; it speaks anthropic")]
pub struct UnknownProvider(pub String);

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 1] = [Self::Anthropic];

    /// The name in URLs and data.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn display_name(self) -> &'static str {
        match self {
            Self::Anthropic => "Anthropic",
        }
    }

    /// The path under which the gateway serves this provider: what an agent's base URL ends with.
    #[must_use]
    pub const fn base_path(self) -> &'static str {
        match self {
            Self::Anthropic => "/gateway/anthropic",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        match text {
            "anthropic" => Ok(Self::Anthropic),
            other => Err(UnknownProvider(other.chars().take(64).collect())),
        }
    }
}

/// What a request wants. Anything else does not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Ask the model.
    Messages,
    /// Count tokens; free of charge.
    CountTokens,
    /// Is anybody there? Answered here.
    Hello,
}

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// To an operation of a provider.
    To(Provider, Operation),
    /// The path exists with other methods.
    WrongMethod(Provider),
    /// Nowhere. The provider is the one whose clients would ask this, if one can be told.
    Nowhere(Provider),
}

/// The allow-list of methods and paths.
pub(crate) fn route(method: &Method, path: &str) -> Route {
    for provider in Provider::ALL {
        let Some(rest) = path.strip_prefix(provider.base_path()) else {
            continue;
        };
        if !rest.starts_with('/') {
            continue;
        }
        return match provider {
            Provider::Anthropic => match anthropic::operation(method, rest) {
                Some(Ok(operation)) => Route::To(provider, operation),
                Some(Err(anthropic::WrongMethod)) => Route::WrongMethod(provider),
                None => Route::Nowhere(provider),
            },
        };
    }
    Route::Nowhere(Provider::Anthropic)
}

/// A refusal by the gateway itself, to be worded in the provider's own shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The step token or the key is no good.
    Unauthorized,
    /// A budget forbids it.
    Budget,
    /// No such path.
    NotFound,
    /// Not with this method.
    MethodNotAllowed,
    /// The request makes no sense.
    Invalid,
    /// The body is too big.
    TooLarge,
    /// The body came too slowly.
    TooSlow,
    /// The provider cannot be reached.
    Unreachable,
    /// The provider does not answer in time.
    TimedOut,
    /// The step has ended.
    StepClosed,
    /// The gateway's own fault.
    Internal,
}

/// Status and JSON body of a refusal.
pub(crate) fn refusal_body(provider: Provider, refusal: Refusal, message: &str, request: &str) -> (u16, String) {
    match provider {
        Provider::Anthropic => anthropic::refusal_body(refusal, message, request),
    }
}

/// Puts the real key where the provider looks for it.
pub(crate) fn authorize(provider: Provider, headers: &mut HeaderMap, key: &ProviderKey) -> Result<(), KeyUnusable> {
    match provider {
        Provider::Anthropic => anthropic::authorize(headers, key),
    }
}

/// A key that no header can carry: it holds a line break or other control characters.
#[derive(Debug)]
pub(crate) struct KeyUnusable;

/// Reads an error answer of a provider.
pub(crate) fn classify(provider: Provider, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderVerdict {
    match provider {
        Provider::Anthropic => anthropic::classify(status, headers, body),
    }
}

/// Classes an error that a provider sends in the middle of a stream.
pub(crate) fn classify_stream_error(provider: Provider, kind: &str, message: &str) -> Complaint {
    match provider {
        Provider::Anthropic => anthropic::complaint_of(None, kind, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_paths_and_methods_lead_anywhere() {
        let to = |operation| Route::To(Provider::Anthropic, operation);
        assert_eq!(
            route(&Method::POST, "/gateway/anthropic/v1/messages"),
            to(Operation::Messages)
        );
        assert_eq!(
            route(&Method::POST, "/gateway/anthropic/v1/messages/count_tokens"),
            to(Operation::CountTokens)
        );
        assert_eq!(
            route(&Method::HEAD, "/gateway/anthropic/api/hello"),
            to(Operation::Hello)
        );
        assert_eq!(
            route(&Method::GET, "/gateway/anthropic/api/hello"),
            to(Operation::Hello)
        );
        assert_eq!(
            route(&Method::GET, "/gateway/anthropic/v1/messages"),
            Route::WrongMethod(Provider::Anthropic)
        );
        for path in [
            "/",
            "/v1/messages",
            "/gateway/anthropic",
            "/gateway/anthropicv1/messages",
            "/gateway/anthropic/v1/messages/",
            "/gateway/anthropic/v1/messages/batches",
            "/gateway/anthropic/v1/files",
            "/gateway/anthropic/v1/organizations/keys",
            "/gateway/anthropic//v1/messages",
            "/gateway/anthropic/v1/../v1/messages",
            "/gateway/anthropic/v1%2Fmessages",
            "/gateway/openai/v1/responses",
        ] {
            assert_eq!(
                route(&Method::POST, path),
                Route::Nowhere(Provider::Anthropic),
                "{path}"
            );
        }
    }
}
