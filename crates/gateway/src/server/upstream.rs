//! The way to the providers: one HTTP client with its limits, and the building of the request that leaves.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};

use crate::config::GatewayConfig;
use crate::error::Error;
use crate::keys::ProviderKey;
use crate::provider::{self, KeyUnusable, Operation, Provider, anthropic};

/// The client for all providers.
///
/// It is built when the first request leaves: reading the system's certificates takes a while, and fails on a machine
/// that has none, which is no reason not to replay a cassette there.
#[derive(Debug)]
pub(crate) struct Upstream {
    client: OnceLock<reqwest::Client>,
    connect_timeout: Duration,
    proxy: Option<reqwest::Proxy>,
    anthropic_base_url: String,
}

/// Why no answer came.
#[derive(Debug)]
pub(crate) enum SendFailed {
    /// The key cannot be sent.
    Key,
    /// No connection: the request did not leave.
    NotConnected(String),
    /// The connection broke after the request may have left.
    Broken(String),
}

impl Upstream {
    pub(crate) fn new(config: &GatewayConfig) -> Result<Self, Error> {
        check_base_url(config.base_url(Provider::Anthropic))?;
        let proxy = config.outbound_proxy.as_ref().map(reqwest::Proxy::all).transpose();
        Ok(Self {
            client: OnceLock::new(),
            connect_timeout: config.timeouts.connect,
            proxy: proxy.map_err(Error::OutboundProxy)?,
            anthropic_base_url: config.base_url(Provider::Anthropic).to_owned(),
        })
    }

    fn client(&self) -> Result<&reqwest::Client, SendFailed> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let mut builder = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .http2_adaptive_window(true)
            .http2_keep_alive_interval(Some(Duration::from_secs(30)))
            .pool_idle_timeout(Some(Duration::from_secs(60)))
            .no_proxy();
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        if self.anthropic_base_url.starts_with("http:") {
            // No TLS on the way, so no certificates are needed.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| {
            let reason = innermost(&error.without_url());
            SendFailed::NotConnected(format!("{reason}; is the package ca-certificates installed?"))
        })?;
        // Two first requests at once may both build one; either does.
        Ok(self.client.get_or_init(|| client))
    }

    /// Sends a request with the real key. The answer's head has come when this returns.
    pub(crate) async fn send(
        &self,
        provider: Provider,
        operation: Operation,
        query: Option<&str>,
        headers: HeaderMap,
        key: &ProviderKey,
        body: Bytes,
    ) -> Result<http::Response<reqwest::Body>, SendFailed> {
        let mut headers = headers;
        provider::authorize(provider, &mut headers, key).map_err(|KeyUnusable| SendFailed::Key)?;
        // The meter reads what passes, so it must not be compressed.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let url = match provider {
            Provider::Anthropic => {
                let query = query.map(|query| format!("?{query}")).unwrap_or_default();
                format!("{}{}{query}", self.anthropic_base_url, anthropic::path(operation))
            }
        };
        let sent = self
            .client()?
            .request(Method::POST, url)
            .headers(headers)
            .body(body)
            .send()
            .await;
        sent.map(http::Response::from).map_err(|error| {
            let is_before_leaving = error.is_connect() || error.is_builder();
            let reason = innermost(&error.without_url());
            if is_before_leaving {
                SendFailed::NotConnected(reason)
            } else {
                SendFailed::Broken(reason)
            }
        })
    }
}

/// The headers of an agent's request that go on.
pub(crate) fn forwarded_headers(provider: Provider, headers: &HeaderMap) -> HeaderMap {
    let is_forwarded = |name: &_| match provider {
        Provider::Anthropic => anthropic::is_forwarded(name),
    };
    headers
        .iter()
        .filter(|(name, _)| is_forwarded(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The query, if it is one that a client of the provider sends: `beta=true` and the like, no more.
pub(crate) fn forwarded_query(query: Option<&str>) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"=&_-.,".contains(&byte);
    query.filter(|query| query.len() <= 200 && query.bytes().all(is_plain))
}

/// The cause at the bottom: "connection refused" says more than "error sending request".
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn check_base_url(text: &str) -> Result<(), Error> {
    let parsed = reqwest::Url::parse(text).ok();
    let is_sound = parsed.as_ref().is_some_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if is_sound {
        return Ok(());
    }
    let shown = parsed.map_or_else(
        || text.rsplit('@').next().unwrap_or_default().chars().take(100).collect(),
        |mut url| {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.set_query(None);
            url.to_string()
        },
    );
    Err(Error::BaseUrl { url: shown })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_checked_and_its_password_is_not_shown() {
        for url in [
            "https://api.anthropic.com",
            "http://127.0.0.1:8080/v2/x",
            "http://[::1]:80",
        ] {
            assert!(check_base_url(url).is_ok(), "{url}");
        }
        let unsound = [
            "",
            "api.anthropic.com",
            "file:///etc",
            "https://a/?x=1",
            "https://a/#x",
            "https://u:canary@a/",
            "https://u:canary@",
        ];
        for url in unsound {
            let error = check_base_url(url).unwrap_err().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn only_plain_queries_go_on() {
        assert_eq!(forwarded_query(Some("beta=true")), Some("beta=true"));
        for query in ["a=%0d%0a", "x=http://evil", "a b", &"a".repeat(201)] {
            assert_eq!(forwarded_query(Some(query)), None, "{query}");
        }
    }
}
