//! One listener: accepts connections up to a cap, serves each with limits and timeouts, ends gracefully.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use http::{HeaderValue, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept;
use super::handle::{self, Entrance};
use super::stall::StallGuard;
use super::{BoxError, Core};

pub(super) async fn serve(core: Arc<Core>, entrance: Arc<Entrance>, listener: TcpListener, cancel: CancellationToken) {
    let connections = TaskTracker::new();
    // When this future is dropped instead of cancelled, its connections end all the same.
    let ending = cancel.child_token();
    let _end_with_me = ending.clone().drop_guard();
    let places = Arc::new(Semaphore::new(core.config.limits.listener_connections));
    accept(listener, &places, &ending, |stream, place| {
        let (core, entrance) = (Arc::clone(&core), Arc::clone(&entrance));
        let connection = serve_connection(core, entrance, stream, Arc::clone(&places), ending.clone());
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
    })
    .await;
    connections.close();
    connections.wait().await;
    entrance.tasks.close();
    entrance.tasks.wait().await;
}

async fn serve_connection(
    core: Arc<Core>,
    entrance: Arc<Entrance>,
    stream: TcpStream,
    places: Arc<Semaphore>,
    ending: CancellationToken,
) {
    // Small pieces must not wait for the acknowledgement of earlier ones.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the gateway's client went before it was served");
        return;
    }
    let timeouts = core.config.timeouts;
    let limits = core.config.limits;
    let io = TokioIo::new(StallGuard::new(stream, timeouts.client_stall));
    let service = service_fn(|request| {
        let answer = handle::handle(Arc::clone(&core), Arc::clone(&entrance), request);
        let places = Arc::clone(&places);
        async move {
            let mut answer = answer.await;
            // With every place taken, somebody may be waiting: the connection is not kept for a next request. So there is
            // always one place that becomes free, however many connections rest.
            if places.available_permits() == 0 {
                answer
                    .headers_mut()
                    .insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(timeouts.request_head)
            .max_buf_size(limits.request_head_bytes)
            .max_headers(limits.request_headers)
            .serve_connection(io, service)
    );
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended.map_err(BoxError::from),
        () = ending.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(timeouts.grace, connection).await {
                Ok(ended) => ended.map_err(BoxError::from),
                Err(elapsed) => Err(elapsed.into()),
            }
        }
    };
    if let Err(error) = ended {
        // Resets, cut streams and bad heads: the agent's doing, and recorded where they matter.
        tracing::debug!(error = &*error, "a connection to the gateway ended early");
    }
}
