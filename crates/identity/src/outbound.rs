//! The way out to identity providers: one HTTP client with its limits, and the addresses it may go to.
//!
//! Used by this crate's modules that talk to a provider; the engine makes one and shares it. Invariants: an address is
//! `https`, or `http` to this very machine where the configuration says so; no redirect is followed; an answer has a
//! limit of size and of time; no error carries a query, a form or a header, since those hold codes and secrets.

use std::fmt;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{RequestBuilder, Url, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;

/// The most bytes of an answer: the largest key sets and lists of addresses are a few dozen kilobytes.
const ANSWER_BYTES: usize = 256 * 1024;
const CONNECTING: Duration = Duration::from_secs(5);
const ANSWERING: Duration = Duration::from_secs(10);
const USER_AGENT: &str = concat!("codecourier/", env!("CARGO_PKG_VERSION"));

/// Whether addresses without TLS are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// Never.
    #[default]
    Refused,
    /// To this very machine: for development and tests.
    ToLoopback,
}

/// The client for all providers. It is built when the first request leaves, since reading the system's certificates
/// takes a while.
#[derive(Debug)]
pub struct Outbound {
    client: OnceLock<reqwest::Client>,
    plain_http: PlainHttp,
    proxy: Option<reqwest::Proxy>,
}

/// An address that requests may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// An address that requests may not go to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsoundEndpoint {
    /// It cannot be read, or carries something that it must not.
    #[error("this is not a plain `https://` address")]
    Unreadable,
    /// It has no TLS.
    #[error("`{host}` must be reached by `https`")]
    Insecure {
        /// The host.
        host: String,
    },
    /// It is one that a machine only reaches itself or its cloud's control plane by.
    #[error("`{host}` is no address of an identity provider")]
    Host {
        /// The host.
        host: String,
    },
}

/// The outbound proxy cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the outbound proxy's address is not usable")]
pub struct UnsoundProxy(#[source] reqwest::Error);

/// Why a provider gave no answer that can be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FetchError {
    /// Nothing came back, or not in time.
    #[error("{host} does not answer: {reason}")]
    Unreachable {
        /// Whom.
        host: String,
        /// The cause at the bottom.
        reason: String,
    },
    /// It answered with a failure.
    #[error("{host} answered with status {status}")]
    Status {
        /// Who.
        host: String,
        /// The status of HTTP.
        status: u16,
    },
    /// Its answer is larger than anything sensible.
    #[error("{host} answered with more than {ANSWER_BYTES} bytes")]
    TooLarge {
        /// Who.
        host: String,
    },
    /// Its answer is not what was asked for.
    #[error("{host} answered with something unreadable: {reason}")]
    Unreadable {
        /// Who.
        host: String,
        /// What is wrong, without the answer's text.
        reason: String,
    },
}

/// What came back.
#[derive(Clone)]
pub(crate) struct Answer {
    host: String,
    pub(crate) status: u16,
    body: Vec<u8>,
}

/// How a request proves whom it comes from.
#[derive(Clone, Copy)]
pub(crate) enum Proof<'a> {
    None,
    Bearer(&'a SecretString),
    Basic { id: &'a str, secret: &'a SecretString },
}

impl Outbound {
    /// A client; through a proxy if there is one, whatever the environment says.
    ///
    /// # Errors
    /// When the proxy's address cannot be read.
    pub fn new(plain_http: PlainHttp, proxy: Option<&str>) -> Result<Self, UnsoundProxy> {
        Ok(Self {
            client: OnceLock::new(),
            plain_http,
            proxy: proxy.map(reqwest::Proxy::all).transpose().map_err(UnsoundProxy)?,
        })
    }

    /// Checks an address, of the configuration or of a provider's own description.
    ///
    /// # Errors
    /// When requests may not go there.
    pub fn endpoint(&self, text: &str) -> Result<Endpoint, UnsoundEndpoint> {
        Endpoint::check(text, self.plain_http)
    }

    pub(crate) async fn get(&self, to: &Endpoint, proof: Proof<'_>, accept: &str) -> Result<Answer, FetchError> {
        let request = self.client(to)?.get(to.0.clone()).header(header::ACCEPT, accept);
        send(to, prove(request, proof)).await
    }

    pub(crate) async fn post_form(
        &self,
        to: &Endpoint,
        proof: Proof<'_>,
        form: &[(&str, &str)],
    ) -> Result<Answer, FetchError> {
        let request = self
            .client(to)?
            .post(to.0.clone())
            .header(header::ACCEPT, "application/json");
        send(to, prove(request.form(form), proof)).await
    }

    fn client(&self, to: &Endpoint) -> Result<&reqwest::Client, FetchError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECTING)
            .timeout(ANSWERING)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy();
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        let client = builder.build().map_err(|error| FetchError::Unreachable {
            host: to.host(),
            reason: format!("{}; is the package ca-certificates installed?", innermost(&error)),
        })?;
        // Two first requests at once may both build one; either does.
        Ok(self.client.get_or_init(|| client))
    }
}

impl Endpoint {
    fn check(text: &str, plain_http: PlainHttp) -> Result<Self, UnsoundEndpoint> {
        // Parsers drop tabs and line breaks; what was configured must be what is dialled.
        let is_odd = |character: char| character.is_control() || character.is_whitespace();
        if text.len() > 2_000 || text.contains(is_odd) {
            return Err(UnsoundEndpoint::Unreadable);
        }
        let url = Url::parse(text).map_err(|_| UnsoundEndpoint::Unreadable)?;
        let is_plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        let Some(host) = url.host_str().filter(|_| is_plain) else {
            return Err(UnsoundEndpoint::Unreadable);
        };
        let host = host.to_owned();
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let is_loopback = host == "localhost" || address.is_some_and(|address| address.to_canonical().is_loopback());
        if address.is_some_and(is_never_a_provider) {
            return Err(UnsoundEndpoint::Host { host });
        }
        match (url.scheme(), plain_http) {
            ("https", PlainHttp::Refused) if is_loopback => Err(UnsoundEndpoint::Host { host }),
            ("https", _) => Ok(Self(url)),
            ("http", PlainHttp::ToLoopback) if is_loopback => Ok(Self(url)),
            ("http", _) => Err(UnsoundEndpoint::Insecure { host }),
            _ => Err(UnsoundEndpoint::Unreadable),
        }
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same address with more query parameters.
    pub(crate) fn with_query(&self, pairs: &[(&str, &str)]) -> String {
        let mut url = self.0.clone();
        url.query_pairs_mut().extend_pairs(pairs);
        url.into()
    }

    fn host(&self) -> String {
        self.0.host_str().unwrap_or_default().to_owned()
    }
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body of a successful answer.
    pub(crate) fn body(&self) -> Result<&[u8], FetchError> {
        if self.is_success() {
            return Ok(&self.body);
        }
        Err(FetchError::Status {
            host: self.host.clone(),
            status: self.status,
        })
    }

    /// The body as a type, whatever the status.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, FetchError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // The error's own text can quote the answer, which may be a token.
            let place = format!("no such JSON at line {}, column {}", error.line(), error.column());
            self.unreadable(place)
        })
    }

    pub(crate) fn unreadable(&self, reason: impl Into<String>) -> FetchError {
        FetchError::Unreadable {
            host: self.host.clone(),
            reason: reason.into(),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Answer");
        shown.field("host", &self.host).field("status", &self.status);
        shown.finish_non_exhaustive()
    }
}

/// Addresses that only reach the machine's own surroundings: link-local ones, where clouds keep their metadata,
/// unspecified ones and groups. Private networks are not among them: many a company runs its provider there.
fn is_never_a_provider(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_link_local() || address.is_unspecified() || address.is_broadcast() || address.is_multicast()
        }
        IpAddr::V6(address) => address.is_unicast_link_local() || address.is_unspecified() || address.is_multicast(),
    }
}

fn prove(request: RequestBuilder, proof: Proof<'_>) -> RequestBuilder {
    match proof {
        Proof::None => request,
        Proof::Bearer(token) => sensitive(request, format!("Bearer {}", token.expose_secret())),
        Proof::Basic { id, secret } => {
            let pair = format!("{}:{}", form_encoded(id), form_encoded(secret.expose_secret()));
            sensitive(request, format!("Basic {}", STANDARD.encode(pair)))
        }
    }
}

fn sensitive(request: RequestBuilder, text: String) -> RequestBuilder {
    match header::HeaderValue::try_from(text) {
        Ok(mut value) => {
            value.set_sensitive(true);
            request.header(header::AUTHORIZATION, value)
        }
        // The provider refuses a request without its header, and says so better than we could.
        Err(_) => request,
    }
}

/// The encoding of forms, which both halves of a client's Basic credentials go through (RFC 6749, 2.3.1).
fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'*' | b'-' | b'.' | b'_' => encoded.push(char::from(byte)),
            b' ' => encoded.push('+'),
            _ => {
                encoded.push('%');
                encoded.push_str(&hex::encode_upper([byte]));
            }
        }
    }
    encoded
}

async fn send(to: &Endpoint, request: RequestBuilder) -> Result<Answer, FetchError> {
    let unreachable = |error: reqwest::Error| FetchError::Unreachable {
        host: to.host(),
        reason: if error.is_timeout() {
            "it takes too long".to_owned()
        } else {
            innermost(&error.without_url())
        },
    };
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(unreachable)? {
        if body.len() + piece.len() > ANSWER_BYTES {
            return Err(FetchError::TooLarge { host: to.host() });
        }
        body.extend_from_slice(&piece);
    }
    Ok(Answer {
        host: to.host(),
        status,
        body,
    })
}

/// The cause at the bottom: "connection refused" says more than "error sending request".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sound_addresses_may_be_asked() {
        let local = Outbound::new(PlainHttp::ToLoopback, None).unwrap();
        let strict = Outbound::new(PlainHttp::Refused, None).unwrap();
        for text in [
            "https://accounts.google.com",
            "https://sso.example.org:8443/realms/x?y=1",
            "https://10.1.2.3/",
        ] {
            assert!(strict.endpoint(text).is_ok(), "{text}");
        }
        for text in [
            "http://127.0.0.1:4000/x",
            "http://localhost:4000",
            "http://[::1]:1/",
            "http://127.9.9.9/",
        ] {
            assert!(local.endpoint(text).is_ok(), "{text}");
            assert!(strict.endpoint(text).is_err(), "{text}");
        }
        for text in [
            "",
            "accounts.google.com",
            "http://accounts.google.com",
            "http://127.0.0.1.example.org/",
            "http://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::ffff:169.254.169.254]/",
            "https://[fe80::1]/",
            "https://0.0.0.0/",
            "https://2852039166/",
            "file:///etc/passwd",
            "gopher://example.org",
            "https://user:password@example.org",
            "https://example.org/#fragment",
            "https://example.org\n.evil.example",
            "https://exa mple.org",
        ] {
            assert!(local.endpoint(text).is_err(), "{text}");
            assert!(strict.endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn credentials_are_encoded_as_forms_are() {
        assert_eq!(form_encoded("a b:c+ü%"), "a+b%3Ac%2B%C3%BC%25");
    }

    #[test]
    fn queries_are_added_to_what_is_there() {
        let outbound = Outbound::new(PlainHttp::Refused, None).unwrap();
        let endpoint = outbound.endpoint("https://example.org/authorize?tenant=1").unwrap();
        assert_eq!(
            endpoint.with_query(&[("state", "a&b")]),
            "https://example.org/authorize?tenant=1&state=a%26b"
        );
    }
}
