//! The providers: one enum, one file each. What differs between them is here and nowhere else: paths, the header of the
//! key, the shape of errors, the classing of errors. What differs between the languages they speak, whoever speaks them,
//! goes by [`Dialect`]: the reading of requests and of usage, and cassettes.

use std::fmt;
use std::str::FromStr;

use codecourier_domain::provider::ModelProvider;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::{Deserialize, Serialize};

use crate::keys::ProviderKey;
use crate::observer::Complaint;

mod anthropic;
mod openai;
mod openrouter;
mod verdict;

pub(crate) use verdict::{ProviderVerdict, wait_until};

/// A model provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Anthropic, or any endpoint that speaks its Messages API.
    Anthropic,
    /// OpenAI, or any endpoint that speaks its Responses or Chat Completions API: local models too.
    Openai,
    /// OpenRouter.
    Openrouter,
}

impl From<ModelProvider> for Provider {
    fn from(provider: ModelProvider) -> Self {
        match provider {
            ModelProvider::Anthropic => Self::Anthropic,
            ModelProvider::Openai => Self::Openai,
            ModelProvider::Openrouter => Self::Openrouter,
        }
    }
}

impl From<Provider> for ModelProvider {
    fn from(provider: Provider) -> Self {
        match provider {
            Provider::Anthropic => Self::Anthropic,
            Provider::Openai => Self::Openai,
            Provider::Openrouter => Self::Openrouter,
        }
    }
}

/// Text that names no provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a provider that the gateway speaks; it speaks anthropic, openai and openrouter")]
pub struct UnknownProvider(pub String);

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 3] = [Self::Anthropic, Self::Openai, Self::Openrouter];

    /// The name in URLs and data.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Openai => "openai",
            Self::Openrouter => "openrouter",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn display_name(self) -> &'static str {
        ModelProvider::from(self).display_name()
    }

    /// The path under which the gateway serves this provider: what an agent's base URL ends with.
    #[must_use]
    pub const fn base_path(self) -> &'static str {
        match self {
            Self::Anthropic => "/gateway/anthropic",
            Self::Openai => "/gateway/openai",
            Self::Openrouter => "/gateway/openrouter",
        }
    }

    /// The ends of a base URL that the paths bring along themselves: people paste them, since other clients want them.
    pub(crate) const fn version_paths(self) -> &'static [&'static str] {
        match self {
            Self::Anthropic | Self::Openai => &["/v1"],
            Self::Openrouter => &["/api/v1", "/api"],
        }
    }

    /// Every path of the provider that leads anywhere.
    const fn endpoints(self) -> &'static [Endpoint] {
        use Dialect::{Chat, Messages, Responses};
        use Operation::{Answer, CountTokens, Hello, Models};
        const fn at(path: &'static str, operation: Operation) -> Endpoint {
            Endpoint { path, operation }
        }
        match self {
            Self::Anthropic => {
                &const {
                    [
                        at("/v1/messages", Answer(Messages)),
                        at("/v1/messages/count_tokens", CountTokens(Messages)),
                        at("/v1/models", Models),
                        at("/api/hello", Hello),
                    ]
                }
            }
            Self::Openai => {
                &const {
                    [
                        at("/v1/responses", Answer(Responses)),
                        at("/v1/responses/input_tokens", CountTokens(Responses)),
                        at("/v1/chat/completions", Answer(Chat)),
                        at("/v1/models", Models),
                    ]
                }
            }
            Self::Openrouter => {
                &const {
                    [
                        at("/api/v1/chat/completions", Answer(Chat)),
                        at("/api/v1/responses", Answer(Responses)),
                        at("/api/v1/messages", Answer(Messages)),
                        at("/api/v1/models", Models),
                    ]
                }
            }
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
        Self::ALL
            .into_iter()
            .find(|provider| provider.as_str() == text)
            .ok_or_else(|| UnknownProvider(text.chars().take(64).collect()))
    }
}

/// The language of a request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Anthropic Messages.
    #[default]
    Messages,
    /// OpenAI Responses.
    Responses,
    /// OpenAI Chat Completions.
    Chat,
}

impl Dialect {
    /// Every language.
    pub const ALL: [Self; 3] = [Self::Messages, Self::Responses, Self::Chat];
}

/// What a request wants. Anything else does not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Ask the model.
    Answer(Dialect),
    /// Count tokens; free of charge.
    CountTokens(Dialect),
    /// Which models are there? Free of charge.
    Models,
    /// Is anybody there? Answered here.
    Hello,
}

impl Operation {
    /// Whether the provider charges for it.
    pub(crate) const fn is_charged(self) -> bool {
        matches!(self, Self::Answer(_))
    }

    /// The method it goes on with.
    pub(crate) const fn method(self) -> Method {
        match self {
            Self::Answer(_) | Self::CountTokens(_) => Method::POST,
            Self::Models | Self::Hello => Method::GET,
        }
    }

    fn takes(self, method: &Method) -> bool {
        *method == self.method() || (self == Self::Hello && *method == Method::HEAD)
    }
}

struct Endpoint {
    path: &'static str,
    operation: Operation,
}

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// To an operation of a provider, which it has at this path.
    To(Provider, Operation, &'static str),
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
        return match provider.endpoints().iter().find(|endpoint| endpoint.path == rest) {
            Some(endpoint) if endpoint.operation.takes(method) => {
                Route::To(provider, endpoint.operation, endpoint.path)
            }
            Some(_) => Route::WrongMethod(provider),
            None => Route::Nowhere(provider),
        };
    }
    Route::Nowhere(Provider::Anthropic)
}

/// The headers of an agent's request that go on to the provider. Everything else stays here: whatever could carry a
/// credential, a cookie, an instruction to a proxy, or name another account to pay.
pub(crate) fn is_forwarded(provider: Provider, name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(
        name,
        "accept" | "accept-language" | "content-type" | "user-agent" | "x-client-request-id" | "idempotency-key"
    ) || name.starts_with("x-stainless-")
        || match provider {
            Provider::Anthropic => anthropic::is_forwarded(name),
            Provider::Openai => openai::is_forwarded(name),
            Provider::Openrouter => openrouter::is_forwarded(name),
        }
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

impl Refusal {
    /// The status that says so to clients of any provider.
    const fn status(self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Budget => 402,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Invalid => 400,
            Self::TooLarge => 413,
            Self::TooSlow => 408,
            Self::Unreachable => 502,
            Self::TimedOut => 504,
            Self::StepClosed => 403,
            Self::Internal => 500,
        }
    }
}

/// Status and JSON body of a refusal.
pub(crate) fn refusal_body(provider: Provider, refusal: Refusal, message: &str, request: &str) -> (u16, String) {
    match provider {
        Provider::Anthropic => anthropic::refusal_body(refusal, message, request),
        Provider::Openai => openai::refusal_body(refusal, message),
        Provider::Openrouter => openrouter::refusal_body(refusal, message),
    }
}

/// Puts the real key where the provider looks for it.
pub(crate) fn authorize(provider: Provider, headers: &mut HeaderMap, key: &ProviderKey) -> Result<(), KeyUnusable> {
    let (name, text) = match (provider, key) {
        (Provider::Anthropic, ProviderKey::ApiKey(_)) => (anthropic::API_KEY, key.expose().to_owned()),
        (Provider::Anthropic, ProviderKey::Bearer(_)) | (Provider::Openai | Provider::Openrouter, _) => {
            (header::AUTHORIZATION, format!("Bearer {}", key.expose()))
        }
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| KeyUnusable)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// A key that no header can carry: it holds a line break or other control characters.
#[derive(Debug)]
pub(crate) struct KeyUnusable;

/// Reads an error answer of a provider.
pub(crate) fn classify(provider: Provider, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderVerdict {
    match provider {
        Provider::Anthropic => anthropic::classify(status, headers, body),
        Provider::Openai => openai::classify(status, headers, body),
        Provider::Openrouter => openrouter::classify(status, headers, body),
    }
}

/// Classes an error that a provider sends in the middle of a stream.
pub(crate) fn classify_stream_error(provider: Provider, kind: &str, message: &str) -> Complaint {
    match provider {
        Provider::Anthropic => anthropic::complaint_of(None, kind, message),
        Provider::Openai => openai::complaint_of(None, kind, message),
        Provider::Openrouter => openrouter::complaint_of(kind, message),
    }
}

/// What an error object of a stream of chunks is called (its code, or else its type), and its words.
pub(crate) fn error_text(error: &serde_json::Value) -> (String, String) {
    let parts = openai::error_parts(error);
    let kind = if parts.code.is_empty() { parts.kind } else { parts.code };
    (kind, parts.message)
}

/// The provider's name for a request, from the headers of its answer.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    ["request-id", "x-request-id", "x-generation-id"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
}

#[cfg(test)]
mod tests;
