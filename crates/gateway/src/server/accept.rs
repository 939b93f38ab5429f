//! Accepting on the listener of a sandbox: only as many connections at once as there are places.
//!
//! Called by whatever serves such a listener. Invariants: no connection is accepted without a place; what cannot be accepted
//! now ends nothing; the listener is closed when this returns.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The rest after an accept that failed, which is a lack of descriptors or memory and not the listener's end.
const REST_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// Hands on each connection with its place, until it is cancelled.
pub(crate) async fn accept(
    listener: TcpListener,
    places: &Arc<Semaphore>,
    ending: &CancellationToken,
    mut serve: impl FnMut(TcpStream, OwnedSemaphorePermit),
) {
    loop {
        // A place first: connections beyond the cap wait in the listener's queue and cost nothing here.
        let accepted = async {
            let place = Arc::clone(places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            biased;
            () = ending.cancelled() => break,
            accepted = accepted => accepted,
        };
        match (place, accepted) {
            (Ok(place), Ok((stream, _))) => serve(stream, place),
            (_, Err(error)) => {
                tracing::warn!(%error, "the gateway cannot accept a connection");
                tokio::time::sleep(REST_AFTER_FAILED_ACCEPT).await;
            }
            // Nobody closes the places.
            (Err(_), _) => break,
        }
    }
}
