//! Whether an outside service takes a key: one cheap request that costs nothing and changes nothing.
//!
//! The engine asks when a person wants to know. Invariants: the key goes to its own service and nowhere else, no redirect
//! is followed; what the service says is read for its meaning and never passed on, so that no answer can carry the key
//! back; nothing is tried again.

use std::time::Duration;

use codecourier_domain::provider::Provider as Service;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};

use super::Gateway;
use super::upstream::innermost;
use crate::config::GatewayConfig;
use crate::provider::Provider;

/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How much of an error answer is read.
const MOST_BYTES: usize = 16 * 1024;

/// What a service said about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyCheck {
    /// It takes the key.
    Valid,
    /// It does not.
    Refused {
        /// What that means, for people.
        reason: String,
    },
    /// It could not be asked, or did not say.
    Unreachable {
        /// What happened, for people.
        reason: String,
    },
    /// The platform does not ask about such keys.
    Untried {
        /// Why, for people.
        reason: String,
    },
}

/// A request that shows whether a key is taken.
struct Question {
    url: String,
    header: HeaderName,
    value: String,
    more: HeaderMap,
}

impl Gateway {
    /// Asks a service whether it takes a key.
    pub async fn check_key(&self, service: Service, key: &SecretString) -> KeyCheck {
        let config = &self.core.config;
        let Some(question) = question(config, service, key.expose_secret()) else {
            return KeyCheck::Untried {
                reason:
                    "A subscription token is only ever given to the unmodified agent: a run shows whether it is taken."
                        .to_owned(),
            };
        };
        let name = display_name(service);
        match tokio::time::timeout(PATIENCE, ask(config, service, question)).await {
            Ok(Ok((status, body))) => meaning(service, status, &body),
            Ok(Err(reason)) => KeyCheck::Unreachable {
                reason: format!("{name} cannot be reached: {reason}."),
            },
            Err(_) => KeyCheck::Unreachable {
                reason: format!("{name} did not answer within {} s.", PATIENCE.as_secs()),
            },
        }
    }
}

/// What to ask; `None` for credentials that must not be used by anybody but the agent.
fn question(config: &GatewayConfig, service: Service, key: &str) -> Option<Question> {
    let services = &config.services;
    let bearer = || format!("Bearer {key}");
    let api_key = HeaderName::from_static("x-api-key");
    let (base, path, header, value) = match service {
        Service::Anthropic => (
            config.base_url(Provider::Anthropic),
            "/v1/models?limit=1",
            api_key,
            key.to_owned(),
        ),
        Service::AnthropicToken => return None,
        Service::Openai => (
            config.base_url(Provider::Openai),
            "/v1/models",
            header::AUTHORIZATION,
            bearer(),
        ),
        // The list of models is public there; this is not.
        Service::Openrouter => (
            config.base_url(Provider::Openrouter),
            "/api/v1/key",
            header::AUTHORIZATION,
            bearer(),
        ),
        // Every kind of token may ask this, and it does not count against the limits that it tells.
        Service::Github => (services.github.as_str(), "/rate_limit", header::AUTHORIZATION, bearer()),
        Service::E2b => (services.e2b.as_str(), "/v2/sandboxes?limit=1", api_key, key.to_owned()),
    };
    let mut more = HeaderMap::new();
    more.insert(header::USER_AGENT, HeaderValue::from_static("codecourier"));
    more.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if service == Service::Anthropic {
        more.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    Some(Question {
        url: format!("{}{path}", base.trim_end_matches('/')),
        header,
        value,
        more,
    })
}

/// Status and the beginning of the body, or what went wrong on the way.
async fn ask(config: &GatewayConfig, service: Service, question: Question) -> Result<(StatusCode, Vec<u8>), String> {
    let mut value =
        HeaderValue::from_str(&question.value).map_err(|_| "the key holds characters that no key has".to_owned())?;
    value.set_sensitive(true);
    let told = |error: reqwest::Error| innermost(&error.without_url());
    let mut builder = reqwest::Client::builder()
        .connect_timeout(config.timeouts.connect)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy();
    if let Some(proxy) = &config.outbound_proxy {
        builder = builder.proxy(reqwest::Proxy::all(proxy.expose_secret()).map_err(told)?);
    }
    if question.url.starts_with("http:") {
        // No TLS on the way, so no certificates are needed.
        builder = builder.tls_certs_only([]);
    }
    let request = builder
        .build()
        .map_err(told)?
        .get(question.url)
        .headers(question.more)
        .header(question.header, value);
    let mut response = request.send().await.map_err(told)?;
    let status = response.status();
    tracing::debug!(%service, status = status.as_u16(), "asked whether a key is taken");
    let mut body = Vec::new();
    if !status.is_success() {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= MOST_BYTES {
                break;
            }
        }
    }
    Ok((status, body))
}

/// What an answer means.
fn meaning(service: Service, status: StatusCode, body: &[u8]) -> KeyCheck {
    let name = display_name(service);
    let number = status.as_u16();
    match number {
        200..=299 => KeyCheck::Valid,
        // A key that is limited to some of the API is known and taken, just not for this question.
        401 | 403 if service == Service::Openai && memchr::memmem::find(body, b"Missing scopes").is_some() => {
            KeyCheck::Valid
        }
        401 | 403 => KeyCheck::Refused {
            reason: format!("{name} refuses the key ({number})."),
        },
        429 => KeyCheck::Unreachable {
            reason: format!("{name} takes no more requests for now (429): try again later."),
        },
        300..=399 => KeyCheck::Unreachable {
            reason: format!(
                "{name} answers with a redirect ({number}): check its address, since the key is never sent elsewhere."
            ),
        },
        _ => KeyCheck::Unreachable {
            reason: format!("{name} answered with {number}, which says nothing about the key."),
        },
    }
}

const fn display_name(service: Service) -> &'static str {
    match service {
        Service::E2b => "E2B",
        Service::Anthropic | Service::AnthropicToken => "Anthropic",
        Service::Openai => "OpenAI",
        Service::Openrouter => "OpenRouter",
        Service::Github => "GitHub",
    }
}
