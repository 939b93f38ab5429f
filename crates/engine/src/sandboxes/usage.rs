//! What a sandbox uses, again and again, for whoever watches it.
//!
//! Nothing of it is stored: it is of no use later, and a log of it would be longer than that of the run. Invariants: a
//! sandbox is asked only while somebody takes the samples, however many they are; the asking takes a small part of the
//! time, however long one asking takes; what stays the same is given twice and then no more, so that the second says that
//! nothing is being used up.

use std::sync::Arc;
use std::time::Duration;

use codecourier_domain::id::SandboxId;
use codecourier_domain::time::{Clock, Timestamp};
use codecourier_sandbox::{Backend, Usage};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::time::Instant;

/// How long after a sample the next is taken.
const PAUSE: Duration = Duration::from_secs(2);
/// The pause is this many times as long as taking the sample was: on some hosts the files of a disk are counted.
const PAUSE_PER_WORK: u32 = 20;

/// What a sandbox used at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageSample {
    /// When.
    pub at: Timestamp,
    /// What; `None` when it was not there.
    pub usage: Option<Usage>,
}

struct Sampler {
    backend: Arc<dyn Backend>,
    clock: Arc<dyn Clock>,
    sandbox: SandboxId,
    next: Instant,
    last: Option<Option<Usage>>,
    is_known_to_stay: bool,
}

/// Samples of a sandbox, the first at once. They do not end: a sandbox that is not there may come.
pub(crate) fn samples(
    backend: Arc<dyn Backend>,
    clock: Arc<dyn Clock>,
    sandbox: SandboxId,
) -> BoxStream<'static, UsageSample> {
    let sampler = Sampler {
        backend,
        clock,
        sandbox,
        next: Instant::now(),
        last: None,
        is_known_to_stay: false,
    };
    futures::stream::unfold(sampler, |mut sampler| async move {
        let sample = sampler.next().await;
        Some((sample, sampler))
    })
    .boxed()
}

impl Sampler {
    async fn next(&mut self) -> UsageSample {
        loop {
            tokio::time::sleep_until(self.next).await;
            let begun = Instant::now();
            let usage = self.take().await;
            self.next = Instant::now() + PAUSE.max(begun.elapsed() * PAUSE_PER_WORK);
            let stays = self.last.replace(usage) == Some(usage);
            let is_news = !(stays && self.is_known_to_stay);
            self.is_known_to_stay = stays;
            if is_news {
                return UsageSample {
                    at: self.clock.now(),
                    usage,
                };
            }
        }
    }

    async fn take(&self) -> Option<Usage> {
        let sandbox = self.backend.open(&self.sandbox).await.ok()??;
        sandbox.usage().await.ok()
    }
}
