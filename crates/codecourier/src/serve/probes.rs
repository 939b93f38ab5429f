//! `/health`: the process lives. `/ready`: it can do its work, and takes more of it.
//!
//! Invariant: asking often costs the store nothing: it is tried at most once a second, whoever asks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use codecourier_store::Store;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// How long an answer of the store counts.
const COUNTS: Duration = Duration::from_secs(1);
/// How long the store may take to write nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// With less room than this nothing more can be kept.
const LEAST_ROOM: u64 = 8 << 20;

/// What is looked at.
pub(super) struct Probes {
    store: Store,
    data_directory: PathBuf,
    stopping: CancellationToken,
    last: Mutex<Option<(Instant, Readiness)>>,
}

/// Whether the server can work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readiness {
    /// It can.
    Ready,
    /// It is about to end.
    Stopping,
    /// Nothing can be written.
    StoreUnwritable,
    /// The disk with the data directory is full.
    DiskFull,
}

impl Readiness {
    const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Stopping => "stopping",
            Self::StoreUnwritable => "store_unwritable",
            Self::DiskFull => "disk_full",
        }
    }
}

impl Probes {
    pub(super) fn new(store: Store, config: &Config, stopping: CancellationToken) -> Self {
        Self {
            store,
            data_directory: config.data_directory.clone(),
            stopping,
            last: Mutex::new(None),
        }
    }

    async fn readiness(&self) -> Readiness {
        if self.stopping.is_cancelled() {
            return Readiness::Stopping;
        }
        let mut last = self.last.lock().await;
        if let Some((at, readiness)) = *last
            && at.elapsed() < COUNTS
        {
            return readiness;
        }
        let readiness = self.look().await;
        if readiness != Readiness::Ready {
            tracing::warn!("not ready: {}", readiness.word());
        }
        *last = Some((Instant::now(), readiness));
        readiness
    }

    async fn look(&self) -> Readiness {
        let room = rustix::fs::statvfs(&self.data_directory).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        if room.is_ok_and(|room| room < LEAST_ROOM) {
            return Readiness::DiskFull;
        }
        let written = self.store.write(|_| Box::pin(async { Ok(()) }));
        match tokio::time::timeout(PATIENCE, written).await {
            Ok(Ok(())) => Readiness::Ready,
            Ok(Err(_)) | Err(_) => Readiness::StoreUnwritable,
        }
    }
}

/// The routes.
pub(super) fn routes(probes: Arc<Probes>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .with_state(probes)
}

async fn health() -> Response {
    answer(StatusCode::OK, "ok")
}

async fn ready(State(probes): State<Arc<Probes>>) -> Response {
    let readiness = probes.readiness().await;
    let status = match readiness {
        Readiness::Ready => StatusCode::OK,
        Readiness::Stopping | Readiness::StoreUnwritable | Readiness::DiskFull => StatusCode::SERVICE_UNAVAILABLE,
    };
    answer(status, readiness.word())
}

fn answer(status: StatusCode, word: &str) -> Response {
    let no_store = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, no_store, Json(json!({ "status": word }))).into_response()
}
