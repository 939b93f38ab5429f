//! The network address of whoever asks, as far as it can be believed.
//!
//! Invariant: a header about it is believed only from proxies that the configuration names; everybody else is who their
//! connection says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};

use codecourier_engine::access::{Asker, Person};

use super::error::ApiError;
use crate::ApiState;
use crate::config::{ApiConfig, Network};

/// The address of whoever asks. An argument of handlers that need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<ApiState> for ClientAddress {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        Ok(Self::of(&parts.headers, &parts.extensions, &state.config))
    }
}

impl ClientAddress {
    pub(crate) fn of(headers: &HeaderMap, extensions: &Extensions, config: &ApiConfig) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| {
            peer.ip().to_canonical()
        });
        Self(believed(peer, headers, &config.trusted_proxies))
    }

    /// A person who asks from here.
    pub(crate) fn asker(self, person: &Person) -> Asker {
        Asker {
            user: person.user,
            address: self.known(),
        }
    }

    /// For the record: nothing where there is no network between the caller and the server.
    pub(crate) fn known(self) -> Option<IpAddr> {
        Some(self.0).filter(|address| !address.is_unspecified())
    }

    /// What limits are counted by: of IPv6, the network that one customer gets.
    pub(crate) fn bucket(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
        }
    }
}

/// The last address that no trusted proxy has. Each proxy adds whom it heard from at the end of the list.
fn believed(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return peer;
    }
    let lines: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|line| line.to_str().ok())
        .collect();
    let mut nearest = peer;
    for text in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Some(address) = address_of(text.trim()) else {
            // What is before something unreadable was written by somebody unknown.
            return nearest;
        };
        nearest = address.to_canonical();
        if !is_trusted(nearest) {
            return nearest;
        }
    }
    nearest
}

/// An address, with or without a port.
fn address_of(text: &str) -> Option<IpAddr> {
    let plain = text.parse().ok();
    plain.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(peer: &str, forwarded: &[&'static str]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        believed(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client("192.0.2.1", &["198.51.100.9"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.9"]), "198.51.100.9");
        assert_eq!(client("10.0.0.1", &["6.6.6.6, 198.51.100.9, 10.0.0.2"]), "198.51.100.9");
        assert_eq!(client("10.0.0.1", &["6.6.6.6", "198.51.100.9:443"]), "198.51.100.9");
        assert_eq!(client("10.0.0.1", &["6.6.6.6, nonsense"]), "10.0.0.1");
        assert_eq!(client("::1", &[]), "::1");
    }

    #[test]
    fn one_customer_of_ipv6_is_one_bucket() {
        let bucket = |text: &str| ClientAddress(text.parse().unwrap()).bucket();
        assert_eq!(bucket("2001:db8:1:2:3::4"), bucket("2001:db8:1:2:ffff::9"));
        assert_ne!(bucket("2001:db8:1:2::1"), bucket("2001:db8:1:3::1"));
    }
}
