//! The event stream: one thing followed, for scripts and for whoever cannot hold a socket.
//!
//! Invariant: nothing is taken from the engine before the connection can take it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use codecourier_domain::id::RunId;
use codecourier_engine::live::{Frame, Query, Told, Watch};
use codecourier_wire::schema;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::text;
use crate::ApiState;
use crate::access::credential;
use crate::conventions::error::ApiError;

/// How often a line without meaning shows that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The name of the one subscription.
const NAME: &str = "stream";

/// The address of a run.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct RunAddress {
    /// The run.
    #[param(value_type = schema::RunId)]
    pub(super) run: RunId,
}

/// Where a stream goes on. Only for the description.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described: the value is read from the headers")]
pub(super) struct LastEventId {
    /// The number of the last event that the client had.
    #[param(rename = "Last-Event-ID", pattern = "^[0-9]{1,19}$")]
    last_event_id: Option<String>,
}

/// Answers with a stream of what a query gives.
pub(super) async fn serve(state: &ApiState, headers: &HeaderMap, query: Query) -> Result<Response, ApiError> {
    let after = super::last_event_id(headers)?;
    let mut watch = state.engine.live().watch(credential(headers, state)?).await?;
    watch.subscribe(NAME.into(), query, after).await?;
    let stream = futures::stream::unfold(Some(Box::new(watch)), |watch| async move {
        let mut watch = watch?;
        let (chunk, goes_on) = next(&mut watch).await;
        Some((Ok::<_, std::convert::Infallible>(chunk), goes_on.then_some(watch)))
    });
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that collect answers before they pass them on are asked not to.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The next part of a stream, and whether another follows.
async fn next(watch: &mut Watch) -> (Bytes, bool) {
    let Ok(told) = tokio::time::timeout(HEARTBEAT, watch.next()).await else {
        return (Bytes::from_static(b":\n\n"), true);
    };
    match told {
        Told::Frames { frames, .. } => (of_frames(&frames), true),
        Told::Snapshot { snapshot, .. } => {
            let data = text::json(&text::snapshot(&snapshot));
            (event(Some(snapshot.seq), "snapshot", &data), true)
        }
        Told::Reset { .. } => (event(None, "reset", "{}"), true),
        Told::Ended { error, .. } | Told::SignedOut(error) => {
            let data = text::json(&serde_json::json!({"code": error.code.as_str(), "message": error.message}));
            (event(None, "ended", &data), false)
        }
        Told::Closing => (Bytes::from_static(b"retry: 1000\nevent: restart\ndata: {}\n\n"), false),
    }
}

fn of_frames(frames: &[Arc<Frame>]) -> Bytes {
    let mut chunk = String::new();
    for frame in frames {
        let name = if frame.seq().is_some() { "delta" } else { "transient" };
        write_event(&mut chunk, frame.seq(), name, text::of(frame));
    }
    chunk.into()
}

fn event(id: Option<u64>, name: &str, data: &str) -> Bytes {
    let mut chunk = String::new();
    write_event(&mut chunk, id, name, data);
    chunk.into()
}

/// `data` has no line breaks: it is JSON.
fn write_event(chunk: &mut String, id: Option<u64>, name: &str, data: &str) {
    use std::fmt::Write as _;
    // Writing to a string cannot fail.
    if let Some(id) = id {
        let _ = writeln!(chunk, "id: {id}");
    }
    let _ = write!(chunk, "event: {name}\ndata: {data}\n\n");
}
