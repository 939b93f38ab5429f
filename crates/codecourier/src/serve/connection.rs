//! Connections: accepted, served, and ended in order.
//!
//! Invariants: a client that sends nothing, or its headers one byte at a time, is let go, and so is one that takes nothing
//! of what it is sent; one connection's fault ends that connection only.

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
use super::patience::Patient;
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
            .serve_connection(TokioIo::new(Patient::new(stream)), service)
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

#[cfg(test)]
mod tests {
    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::super::patience::STALL;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_of_a_stream_who_stops_reading_gives_its_place_back() {
        let (place, given_back) = tokio::sync::oneshot::channel::<()>();
        let place = std::sync::Arc::new(parking_lot::Mutex::new(Some(place)));
        let endless = move || {
            let place = place.lock().take();
            let events = futures::stream::repeat_with(move || {
                assert!(place.is_some(), "one reader");
                Ok::<_, std::io::Error>(Bytes::from_static(b"event: delta\ndata: {}\n\n"))
            });
            async move { Body::from_stream(events) }
        };
        let serving = Serving {
            tls: None,
            router: Router::new().route("/", get(endless)),
            stopping: CancellationToken::new(),
            cut: CancellationToken::new(),
        };
        let (server, mut client) = duplex(1_024);
        let tasks = TaskTracker::new();
        tasks.spawn(async move { serving.serve(server, SocketAddr::from(([127, 0, 0, 1], 1))).await });
        tasks.close();
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut begin = [0; 15];
        client.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200 OK");

        let stopped = tokio::time::Instant::now();
        given_back.await.unwrap_err();
        assert!(stopped.elapsed() <= STALL + Duration::from_secs(1));
        tasks.wait().await;
    }
}
