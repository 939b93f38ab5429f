//! TLS before a server that has none: for tests of clients that speak to their provider by its name and certificate.
//!
//! Who may call it: tests. Invariant: the authority that signs the certificate is made for the one front and its key is
//! forgotten, so whoever is told to trust it trusts this front and nothing else.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A listener on the loopback address that takes TLS off. Ends when it is dropped.
pub struct TlsFront {
    address: SocketAddr,
    authority: String,
    _serving: JoinSet<()>,
}

impl TlsFront {
    /// Starts one that is `name`, before the server at `behind`.
    ///
    /// # Errors
    /// When no port can be had, or no certificate can be made for the name.
    pub async fn start(name: &str, behind: SocketAddr) -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut parameters = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Not the name that certificates have by default: one whose issuer has its own name signs itself.
        parameters
            .distinguished_name
            .push(DnType::CommonName, "An authority of tests");
        let authority = parameters.self_signed(&key).map_err(io::Error::other)?.pem();
        let issuer = Issuer::new(parameters, key);
        let own_key = KeyPair::generate().map_err(io::Error::other)?;
        let own = CertificateParams::new([name.to_owned()]).map_err(io::Error::other)?;
        let certificate = own.signed_by(&own_key, &issuer).map_err(io::Error::other)?;
        let own_key = PrivateKeyDer::try_from(own_key.serialize_der()).map_err(io::Error::other)?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], own_key)
            .map_err(io::Error::other)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    // A client that does not trust it goes again; that shows at the client.
                    let Ok(mut client) = acceptor.accept(client).await else {
                        return;
                    };
                    if let Ok(mut server) = TcpStream::connect(behind).await {
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            address,
            authority,
            _serving: serving,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the authority that a client must trust, as PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}
