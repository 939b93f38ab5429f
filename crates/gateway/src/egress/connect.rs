//! The connection to a host that may be reached: by the operator's proxy, or by an address that was checked.

use std::net::SocketAddr;
use std::time::Duration;

use codecourier_domain::event::EgressOutcome;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Destination, EgressConfig, address};

/// A connection to a host, whatever it goes by.
pub(super) type Server = Box<dyn Connected>;

/// Both directions of one.
pub(super) trait Connected: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connected for S {}

/// Opens a connection to a host of the list.
pub(super) async fn connect(egress: &EgressConfig, to: &Destination) -> Result<Server, EgressOutcome> {
    let patience = egress.limits.connect;
    match (egress.claude_address, egress.proxies.get(to)) {
        (Some(address), _) => {
            let stream = dial(address, patience).await.ok_or(EgressOutcome::Unreachable)?;
            Ok(Box::new(stream))
        }
        (None, Some(proxy)) => match proxy.open(to, patience).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => {
                tracing::warn!("{to} is not reached by the proxy {proxy}: {error}");
                Err(EgressOutcome::Unreachable)
            }
        },
        (None, None) => Ok(Box::new(look_up_and_dial(to, patience).await?)),
    }
}

/// Looks a name up, once, and connects to an address that was checked.
async fn look_up_and_dial(to: &Destination, patience: Duration) -> Result<TcpStream, EgressOutcome> {
    let looked_up = tokio::time::timeout(patience, tokio::net::lookup_host((to.host(), to.port()))).await;
    let Ok(Ok(found)) = looked_up else {
        return Err(EgressOutcome::Unreachable);
    };
    let found: Vec<SocketAddr> = found.collect();
    let public: Vec<SocketAddr> = found.iter().copied().filter(|it| address::is_public(it.ip())).collect();
    if public.is_empty() && !found.is_empty() {
        tracing::warn!("{to} is at {found:?}: addresses inside, which no sandbox may reach");
        return Err(EgressOutcome::PrivateAddress);
    }
    for address in public {
        let Some(stream) = dial(address, patience).await else {
            continue;
        };
        // A public address may be one of this very machine, whose services are nobody's business either.
        let is_own = match (stream.local_addr(), stream.peer_addr()) {
            (Ok(local), Ok(peer)) => local.ip() == peer.ip(),
            _ => true,
        };
        if is_own {
            return Err(EgressOutcome::PrivateAddress);
        }
        return Ok(stream);
    }
    Err(EgressOutcome::Unreachable)
}

async fn dial(address: SocketAddr, patience: Duration) -> Option<TcpStream> {
    let connected = tokio::time::timeout(patience, TcpStream::connect(address)).await;
    let stream = connected.ok()?.ok()?;
    drop(stream.set_nodelay(true));
    Some(stream)
}
