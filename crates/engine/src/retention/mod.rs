//! The end of what nobody asks for any more: ended work, ended access, and blobs that nothing refers to.
//!
//! Started by the engine. A reconciler: takes no input, runs on a signal and on a period, is idempotent. The change log,
//! the audit log, sessions and keyed requests are swept by their own features; `codecourier_store::retention` has the
//! rule of every table.

mod blobs;
mod ended;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::{Error, chain};
use crate::{Engine, Inner};

const PERIOD: Duration = Duration::from_secs(60 * 60);

/// The use cases of retention.
#[derive(Clone)]
pub struct Retention {
    engine: Arc<Inner>,
}

/// What a round removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Rows of work and access that ended long ago.
    pub rows: u64,
    /// Blobs that nothing referred to.
    pub blobs: u64,
}

impl Engine {
    /// The use cases of retention.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention {
            engine: Arc::clone(&self.inner),
        }
    }
}

impl Retention {
    /// Removes whatever is over, and says what that was.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        Ok(Swept {
            rows: ended::sweep(&self.engine).await?,
            blobs: blobs::collect(&self.engine).await?,
        })
    }
}

/// Sweeps until told to stop.
pub(crate) async fn run(engine: Arc<Inner>, stop: CancellationToken) {
    let retention = Retention { engine };
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        match retention.sweep().await {
            Ok(Swept { rows: 0, blobs: 0 }) => {}
            Ok(swept) => tracing::info!(rows = swept.rows, blobs = swept.blobs, "what is over was removed"),
            Err(error) => tracing::warn!("what is over stays until the next round: {}", chain(&error)),
        }
    }
}
