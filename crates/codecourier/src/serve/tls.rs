//! TLS from a certificate and a key in files, which can be replaced while the server runs.
//!
//! Invariant: a certificate is used only when its key fits; a new one that does not leaves the old one in use.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::Config;
use crate::problem::Problem;

/// How long a client may take to agree on a key.
const PATIENCE: Duration = Duration::from_secs(10);

/// The server's side of TLS. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tls {
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Tls {
    /// Reads the configured certificate. `None` when none is configured.
    pub(super) fn read(config: &Config) -> Result<Option<Self>, Problem> {
        Ok(server_config(config)?.map(|server| Self {
            current: Arc::new(RwLock::new(server)),
        }))
    }

    /// Reads it again, for connections from now on.
    pub(super) fn reload(&self, config: &Config) -> Result<(), Problem> {
        if let Some(server) = server_config(config)? {
            *self.current.write() = server;
        }
        Ok(())
    }

    /// Agrees on a key with a client.
    pub(super) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.current.read()));
        tokio::time::timeout(PATIENCE, acceptor.accept(stream))
            .await
            .map_err(|_| std::io::ErrorKind::TimedOut)?
    }
}

fn server_config(config: &Config) -> Result<Option<Arc<ServerConfig>>, Problem> {
    let (certificate, key) = match (&config.settings.tls_certificate, &config.settings.tls_key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => {
            return Err(Problem::usage(
                "There is a `server.tls_certificate` and no `server.tls_key`.",
            ));
        }
        (None, Some(_)) => {
            return Err(Problem::usage(
                "There is a `server.tls_key` and no `server.tls_certificate`.",
            ));
        }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(certificate, "certificate", &error.to_string()))?;
    if chain.is_empty() {
        return Err(unreadable(certificate, "certificate", "there is none in it"));
    }
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, "key", &error.to_string()))?;
    let mut server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Problem::internal("Setting up TLS", &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .map_err(|error| {
            Problem::usage(format!(
                "The certificate {} and the key {} do not fit: {error}.",
                certificate.display(),
                key.display()
            ))
        })?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Arc::new(server)))
}

fn unreadable(path: &Path, what: &str, why: &str) -> Problem {
    Problem::usage(format!("The {what} {} cannot be read: {why}.", path.display()))
        .with_remedy("It must be a PEM file that the server's user may read.")
}
