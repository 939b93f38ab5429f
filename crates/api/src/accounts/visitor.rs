//! Whoever is at the door, from a request's connection and headers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use codecourier_engine::accounts::Visitor;

use crate::ApiState;
use crate::conventions::error::ApiError;

/// Whoever is at the door.
pub(super) struct AtTheDoor(pub(super) Visitor);

impl FromRequestParts<ApiState> for AtTheDoor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
        let is_trusted = |address: IpAddr| state.config.trusted_proxies.iter().any(|proxy| proxy.contains(address));
        // Each proxy adds whom it heard from at the end. What is before the first stranger was written by that stranger.
        let forwarded = parts.headers.get_all("x-forwarded-for").iter();
        let mut heard: Vec<IpAddr> = forwarded
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .filter_map(|text| text.trim().parse().ok())
            .collect();
        let mut nearest = peer;
        while is_trusted(nearest) {
            match heard.pop() {
                Some(address) => nearest = address,
                None => break,
            }
        }
        let agent = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|agent| agent.to_str().ok());
        Ok(Self(Visitor::new(nearest, agent)))
    }
}
