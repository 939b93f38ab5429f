//! The way to the providers: an HTTP client for each with its limits, and the building of the request that leaves.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use secrecy::ExposeSecret as _;

use crate::config::GatewayConfig;
use crate::error::Error;
use crate::keys::ProviderKey;
use crate::provider::{self, KeyUnusable, Operation, Provider};

/// The clients of the providers.
///
/// One is built when the first request leaves: reading the system's certificates takes a while, and fails on a machine
/// that has none, which is no reason not to replay a cassette there.
#[derive(Debug)]
pub(crate) struct Upstream {
    clients: [OnceLock<reqwest::Client>; Provider::ALL.len()],
    connect_timeout: Duration,
    proxy: Option<reqwest::Proxy>,
    base_urls: [String; Provider::ALL.len()],
}

/// A request on its way out, but for its key.
pub(crate) struct Outgoing<'call> {
    pub(crate) provider: Provider,
    pub(crate) operation: Operation,
    /// The path at the provider.
    pub(crate) path: &'static str,
    pub(crate) query: Option<&'call str>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
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
        for provider in Provider::ALL {
            check_base_url(config.base_url(provider))?;
        }
        let proxy = config.outbound_proxy.as_ref();
        let proxy = proxy
            .map(|address| reqwest::Proxy::all(address.expose_secret()))
            .transpose();
        Ok(Self {
            clients: [const { OnceLock::new() }; Provider::ALL.len()],
            connect_timeout: config.timeouts.connect,
            proxy: proxy.map_err(Error::OutboundProxy)?,
            base_urls: Provider::ALL.map(|provider| config.base_url(provider).to_owned()),
        })
    }

    fn client(&self, provider: Provider) -> Result<&reqwest::Client, SendFailed> {
        let place = &self.clients[provider as usize];
        if let Some(client) = place.get() {
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
        if let Some(proxy) = self
            .proxy
            .as_ref()
            .filter(|_| !is_on_this_machine(self.base_url(provider)))
        {
            builder = builder.proxy(proxy.clone());
        }
        if self.base_url(provider).starts_with("http:") {
            // No TLS on the way, so no certificates are needed.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| {
            let reason = innermost(&error.without_url());
            SendFailed::NotConnected(format!("{reason}; is the package ca-certificates installed?"))
        })?;
        // Two first requests at once may both build one; either does.
        Ok(place.get_or_init(|| client))
    }

    fn base_url(&self, provider: Provider) -> &str {
        &self.base_urls[provider as usize]
    }

    /// Sends a request with the real key. The answer's head has come when this returns.
    pub(crate) async fn send(
        &self,
        outgoing: Outgoing<'_>,
        key: &ProviderKey,
    ) -> Result<http::Response<reqwest::Body>, SendFailed> {
        let provider = outgoing.provider;
        let mut headers = outgoing.headers;
        provider::authorize(provider, &mut headers, key).map_err(|KeyUnusable| SendFailed::Key)?;
        // The meter reads what passes, so it must not be compressed.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let query = outgoing.query.map(|query| format!("?{query}")).unwrap_or_default();
        let url = format!("{}{}{query}", self.base_url(provider), outgoing.path);
        let sent = self
            .client(provider)?
            .request(outgoing.operation.method(), url)
            .headers(headers)
            .body(outgoing.body)
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
    headers
        .iter()
        .filter(|(name, _)| provider::is_forwarded(provider, name))
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

/// Whether a URL leads to this machine, to which no proxy knows a way.
fn is_on_this_machine(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
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
    fn a_model_on_this_machine_is_asked_without_a_proxy() {
        for url in ["http://127.0.0.1:11434", "http://localhost:8080/x", "http://[::1]:80"] {
            assert!(is_on_this_machine(url), "{url}");
        }
        for url in [
            "https://api.openai.com",
            "http://10.0.0.1",
            "http://localhost.example.org",
        ] {
            assert!(!is_on_this_machine(url), "{url}");
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
