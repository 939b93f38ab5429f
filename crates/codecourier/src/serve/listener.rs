//! The socket that the server listens on: its own, or one that the service manager passes on.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use tokio::net::{TcpListener, TcpStream};

use super::service_manager::ServiceManager;
use crate::config::Config;
use crate::config::value::WebUrl;
use crate::exit::Exit;
use crate::problem::Problem;
use codecourier_engine::ErrorCode;

/// A bound socket.
pub(super) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds it.
    pub(super) async fn bind(config: &Config, service: &ServiceManager) -> Result<Self, Problem> {
        let socket = match service.socket()? {
            Some(passed) => adopt(passed)?,
            None => {
                let address = config.settings.listen.as_str();
                TcpListener::bind(address)
                    .await
                    .map_err(|error| refused(address, &error))?
            }
        };
        let address = socket
            .local_addr()
            .map_err(|error| Problem::internal("Listening", &error))?;
        Ok(Self { socket, address })
    }

    /// The next client.
    pub(super) async fn accept(&self) -> std::io::Result<(TcpStream, SocketAddr)> {
        self.socket.accept().await
    }

    /// Where the socket is.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address to open: the configured one, or where the socket is.
    pub(super) fn url(&self, config: &Config, has_certificate: bool) -> String {
        if let Some(url) = &config.settings.public_url {
            return WebUrl::as_str(url).to_owned();
        }
        let scheme = if has_certificate { "https" } else { "http" };
        let port = self.address.port();
        match self.address.ip() {
            // It listens on every address; the loopback one is the only one that is known to work from here.
            IpAddr::V4(address) if address.is_unspecified() => format!("{scheme}://127.0.0.1:{port}"),
            IpAddr::V6(address) if address.is_unspecified() => format!("{scheme}://[::1]:{port}"),
            IpAddr::V4(address) => format!("{scheme}://{address}:{port}"),
            IpAddr::V6(address) => format!("{scheme}://[{address}]:{port}"),
        }
    }
}

fn adopt(passed: OwnedFd) -> Result<TcpListener, Problem> {
    let socket = std::net::TcpListener::from(passed);
    let adopted = socket
        .set_nonblocking(true)
        .and_then(|()| TcpListener::from_std(socket));
    adopted.map_err(|error| Problem::internal("Listening on the service manager's socket", &error))
}

fn refused(address: &str, error: &std::io::Error) -> Problem {
    use std::io::ErrorKind;
    let problem = Problem::new(
        Exit::Environment,
        ErrorCode::Unavailable,
        format!("The server cannot listen on {address}: {error}."),
    );
    match error.kind() {
        ErrorKind::AddrInUse => problem.with_remedy("Another program listens there. Name another port with --listen."),
        ErrorKind::PermissionDenied => {
            problem.with_remedy("Ports below 1024 are root's. Name another one, and put a reverse proxy before it.")
        }
        ErrorKind::AddrNotAvailable => problem.with_remedy("This machine has no such address. 0.0.0.0 is all of them."),
        _ => problem,
    }
}
