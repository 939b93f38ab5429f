//! Connections: accepted, served, and ended in order.
//!
//! Invariants: a client that sends nothing, or its headers one byte at a time, is let go; one connection's fault ends that
//! connection only.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::listener::Listener;
use super::tls::Tls;

/// How long the headers of a request may take, from the first byte or from the end of the request before.
const HEADERS_PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait when the system gives no more descriptors.
const BREATH: Duration = Duration::from_millis(100);
/// The most bytes that wait in a connection.
const BUFFER: usize = 64 * 1024;

/// Everything that is connected.
pub(super) struct Connections {
    tasks: TaskTracker,
    cut: CancellationToken,
}

impl Connections {
    /// Accepts and serves until `stopping`.
    pub(super) fn start(listener: Listener, tls: Option<Tls>, router: Router, stopping: CancellationToken) -> Self {
        let (tasks, cut) = (TaskTracker::new(), CancellationToken::new());
        let serving = Serving {
            tls,
            router,
            stopping,
            cut: cut.clone(),
        };
        tasks.spawn(accept(listener, serving, tasks.clone()));
        Self { tasks, cut }
    }

    /// Waits for requests under way, for that long at most; what is left then is cut off.
    pub(super) async fn drain(self, patience: Duration) {
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "requests took too long and are cut off");
            self.cut.cancel();
            self.tasks.wait().await;
        }
    }
}

#[derive(Clone)]
struct Serving {
    tls: Option<Tls>,
    router: Router,
    stopping: CancellationToken,
    cut: CancellationToken,
}

async fn accept(listener: Listener, serving: Serving, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = serving.stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Answers are small and people wait for them.
                let _ = stream.set_nodelay(true);
                let serving = serving.clone();
                tasks.spawn(async move {
                    let cut = serving.cut.clone();
                    tokio::select! {
                        () = cut.cancelled() => {}
                        () = serving.client(stream, peer) => {}
                    }
                });
            }
            Err(error) => {
                tracing::warn!("no connection could be accepted: {error}");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

impl Serving {
    async fn client(self, stream: tokio::net::TcpStream, peer: SocketAddr) {
        match &self.tls {
            None => self.serve(stream, peer).await,
            Some(tls) => match tls.accept(stream).await {
                Ok(stream) => self.serve(stream, peer).await,
                Err(error) => tracing::debug!(%peer, "no TLS: {error}"),
            },
        }
    }

    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: SocketAddr) {
        let service = service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            self.router.clone().oneshot(request.map(axum::body::Body::new))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_PATIENCE)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, "a connection ended: {error}");
        }
    }
}
