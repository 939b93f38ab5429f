//! An HTTP proxy of the operator's, by which a host is reached where this machine reaches none by itself.
//!
//! Called where a connection is opened, after it was decided that it may be. Invariant: what is asked of the proxy is a
//! host of the list by its name, and nothing that came from a sandbox; its password is shown to nobody else.

use std::fmt;
use std::pin::pin;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::net::TcpStream;

use super::Destination;

/// The longest head of a proxy's answer, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// A proxy, as the usual variables name one: `http://user:password@proxy.example.org:3128`.
#[derive(Clone)]
pub struct OutboundProxy {
    scheme: String,
    host: String,
    port: u16,
    authorization: Option<HeaderValue>,
}

/// A text that names no proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be the URL of a proxy, such as `http://proxy.example.org:3128`")]
pub struct NotAProxy;

/// Why a proxy opens no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyFailed {
    #[error("it is asked over {0}, and the way out asks proxies over plain HTTP only")]
    Scheme(String),
    #[error("it cannot be reached: {0}")]
    NotReached(#[source] std::io::Error),
    #[error("it answers {0}")]
    Refused(StatusCode),
    #[error("it breaks off: {0}")]
    Broke(#[source] hyper::Error),
    #[error("it does not answer in time")]
    Silent,
}

impl OutboundProxy {
    /// Has the proxy open a connection to a host, whose name it looks up by itself.
    pub(super) async fn open(&self, to: &Destination, patience: Duration) -> Result<TokioIo<Upgraded>, ProxyFailed> {
        if self.scheme != "http" {
            return Err(ProxyFailed::Scheme(self.scheme.clone()));
        }
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = match tokio::time::timeout(patience, connecting).await {
            Ok(connected) => connected.map_err(ProxyFailed::NotReached)?,
            Err(_) => return Err(ProxyFailed::Silent),
        };
        drop(stream.set_nodelay(true));
        let asking = self.ask(stream, to);
        tokio::time::timeout(patience, asking)
            .await
            .unwrap_or(Err(ProxyFailed::Silent))
    }

    async fn ask(&self, stream: TcpStream, to: &Destination) -> Result<TokioIo<Upgraded>, ProxyFailed> {
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(LONGEST_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(ProxyFailed::Broke)?;
        let mut connection = pin!(connection.with_upgrades());
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = http::Method::CONNECT;
        let authority = to.to_string();
        // A destination is a name and a port, so it is both.
        if let (Ok(uri), Ok(host)) = (authority.parse(), HeaderValue::from_str(&authority)) {
            *request.uri_mut() = uri;
            request.headers_mut().insert(header::HOST, host);
        }
        if let Some(authorization) = &self.authorization {
            let headers = request.headers_mut();
            headers.insert(header::PROXY_AUTHORIZATION, authorization.clone());
        }
        let mut asking = pin!(async {
            let answer = sender.send_request(request).await.map_err(ProxyFailed::Broke)?;
            if !answer.status().is_success() {
                return Err(ProxyFailed::Refused(answer.status()));
            }
            hyper::upgrade::on(answer).await.map_err(ProxyFailed::Broke)
        });
        let opened = tokio::select! {
            biased;
            opened = asking.as_mut() => opened,
            // It ends when it has become the connection that was asked for.
            _ = connection.as_mut() => asking.await,
        };
        opened.map(TokioIo::new)
    }
}

impl FromStr for OutboundProxy {
    type Err = NotAProxy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let whole = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let url = reqwest::Url::parse(&whole).map_err(|_| NotAProxy)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(NotAProxy)?;
        let user = percent_decode_str(url.username()).collect::<Vec<u8>>();
        let authorization = if user.is_empty() && url.password().is_none() {
            None
        } else {
            let password = percent_decode_str(url.password().unwrap_or_default()).collect::<Vec<u8>>();
            let credentials = STANDARD.encode([&user, &b":"[..], &password].concat());
            let mut value = HeaderValue::from_str(&format!("Basic {credentials}")).map_err(|_| NotAProxy)?;
            value.set_sensitive(true);
            Some(value)
        };
        Ok(Self {
            scheme: url.scheme().to_owned(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default().unwrap_or(80),
            authorization,
        })
    }
}

/// Without a user's name and password.
impl fmt::Display for OutboundProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

impl fmt::Debug for OutboundProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OutboundProxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read_as_the_usual_variables_have_them_and_show_no_password() {
        let read = |text: &str| text.parse::<OutboundProxy>().map(|proxy| format!("{proxy:?}"));
        assert_eq!(read("http://proxy:3128").unwrap(), "OutboundProxy(http://proxy:3128)");
        assert_eq!(read("proxy:3128").unwrap(), "OutboundProxy(http://proxy:3128)");
        assert_eq!(read("http://proxy/").unwrap(), "OutboundProxy(http://proxy:80)");
        assert_eq!(read("http://[::1]:3128").unwrap(), "OutboundProxy(http://::1:3128)");
        assert_eq!(
            read("https://user:canary@proxy").unwrap(),
            "OutboundProxy(https://proxy:443)"
        );
        for text in ["", "http://", "http://:3128", "http://proxy:99999", "::"] {
            assert_eq!(read(text), Err(NotAProxy), "{text:?}");
        }
        let proxy: OutboundProxy = "http://a%40b:c%2Bd@proxy".parse().unwrap();
        let authorization = proxy.authorization.unwrap();
        assert_eq!(authorization, format!("Basic {}", STANDARD.encode("a@b:c+d")));
        assert!(authorization.is_sensitive());
    }
}
