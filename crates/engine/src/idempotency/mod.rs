//! Requests that must not be done twice.
//!
//! The API calls this around every request with a key. What is guaranteed, for 24 hours per caller and key: the request
//! takes effect at most once. Whoever repeats it gets the first answer, byte for byte; whoever repeats it while it is
//! being done waits for that answer; the same key with another request is `IDEMPOTENCY_MISMATCH`. The claim is committed
//! before the request is begun, and the answer after its effect. A server that dies in between leaves a claim without an
//! answer: then nobody knows whether the effect was committed, and repeating says so (`CONFLICT`) instead of doing it
//! again.
//!
//! Invariant: answers are sealed by the vault before they are stored, since some show a secret for the one time.

use std::sync::Arc;
use std::time::Duration;

use codecourier_domain::time::Timestamp;
use codecourier_store::idempotency::{Claim, KeyedRequest};
use codecourier_store::sealed::{Sealed, SealedColumn, SealedPlace};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::access::Principal;
use crate::error::{Error, ErrorCode};
use crate::{Engine, Inner};

/// How long a key is remembered, in milliseconds.
pub const KEPT: i64 = 24 * 60 * 60 * 1_000;

/// How long to wait before looking again for the answer of a request that another process does.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How many old keys are swept beside a new one.
const SWEEP: u32 = 20;

/// The use cases of keyed requests.
#[derive(Clone)]
pub struct Idempotency {
    engine: Arc<Inner>,
}

impl Engine {
    /// The use cases of keyed requests.
    #[must_use]
    pub fn idempotency(&self) -> Idempotency {
        Idempotency {
            engine: Arc::clone(&self.inner),
        }
    }
}

/// A request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    /// Who sent it.
    principal: String,
    /// The key.
    key: String,
    /// A digest of the request.
    fingerprint: String,
}

impl Keyed {
    /// A request of somebody with a key; `fingerprint` is the same for the same request.
    #[must_use]
    pub fn new(principal: &Principal, key: String, fingerprint: String) -> Self {
        Self {
            principal: principal.actor().to_string(),
            key,
            fingerprint,
        }
    }
}

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// The status.
    pub status: u16,
    /// The headers that matter.
    pub headers: Vec<(String, String)>,
    /// The body, in base64.
    pub body: String,
}

/// What to do about a keyed request.
#[derive(Debug)]
pub enum Turn {
    /// It is the caller's to do; then [`Idempotency::answered`] or [`Idempotency::released`].
    Do,
    /// It was done.
    Done(KeptAnswer),
}

impl Idempotency {
    /// Whose turn a keyed request is. Waits while it is being done.
    pub async fn claim(&self, keyed: &Keyed) -> Result<Turn, Error> {
        loop {
            let now = self.engine.clock.now();
            let forget_before = now.plus_milliseconds(-KEPT);
            match self.ask(keyed, now, forget_before).await? {
                Claim::Granted => return Ok(Turn::Do),
                Claim::Answered(sealed) => return self.unsealed(keyed, &sealed).map(Turn::Done),
                Claim::UnderWay => tokio::time::sleep(LOOK_AGAIN).await,
                Claim::Abandoned => {
                    return Err(Error::new(
                        ErrorCode::Conflict,
                        "The server stopped while it did this request, and nobody knows whether it took effect. Look, \
                         and send it with another key if it did not.",
                    ));
                }
                Claim::Mismatch => {
                    return Err(Error::new(
                        ErrorCode::IdempotencyMismatch,
                        "This `Idempotency-Key` came with another request within 24 hours. Use a new key for each request.",
                    ));
                }
            }
        }
    }

    /// Keeps the answer of a request that was done.
    pub async fn answered(&self, keyed: &Keyed, answer: &KeptAnswer) -> Result<(), Error> {
        let text = serde_json::to_string(answer).map_err(|error| Error::internal("Writing an answer", error))?;
        let sealed = self.engine.vault.seal(&place(keyed), &text.into());
        let sealed = sealed.map_err(|error| Error::internal("Sealing an answer", error))?;
        let Keyed { principal, key, .. } = keyed.clone();
        let kept = self
            .engine
            .store
            .write(move |tx| Box::pin(async move { tx.answer_request(&principal, &key, &sealed).await }));
        Ok(kept.await?)
    }

    /// Lets go of a key whose request took no effect: it may be sent again.
    pub async fn released(&self, keyed: &Keyed) -> Result<(), Error> {
        let Keyed { principal, key, .. } = keyed.clone();
        let released = self
            .engine
            .store
            .write(move |tx| Box::pin(async move { tx.release_request(&principal, &key).await }));
        Ok(released.await?)
    }

    /// Does something to its end, whether or not whoever asked still waits for it.
    pub fn carry_out(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.engine.tasks.spawn("keyed request", work);
    }

    async fn ask(&self, keyed: &Keyed, now: Timestamp, forget_before: Timestamp) -> Result<Claim, Error> {
        let request = KeyedRequest {
            principal: keyed.principal.clone(),
            key: keyed.key.clone(),
            fingerprint: keyed.fingerprint.clone(),
        };
        let boot = self.engine.boot;
        let asked = self.engine.store.write(move |tx| {
            Box::pin(async move {
                tx.sweep_requests(forget_before, SWEEP).await?;
                tx.claim_request(&request, boot, now, forget_before).await
            })
        });
        Ok(asked.await?)
    }

    fn unsealed(&self, keyed: &Keyed, sealed: &Sealed) -> Result<KeptAnswer, Error> {
        let lost = || {
            // The key that sealed it is gone. The effect is not.
            Error::new(
                ErrorCode::Conflict,
                "This request was done, and its answer can no longer be read.",
            )
        };
        let text = self
            .engine
            .vault
            .unseal(&place(keyed), sealed)
            .map_err(|error| lost().because(error))?;
        serde_json::from_str(text.expose_secret()).map_err(|error| lost().because(error))
    }
}

fn place(keyed: &Keyed) -> SealedPlace {
    SealedPlace {
        column: SealedColumn::KeptAnswer,
        scope: keyed.principal.clone(),
        row: keyed.key.clone(),
    }
}
