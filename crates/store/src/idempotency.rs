//! Requests that must not be done twice: who sent which key, what the request was, and what was answered.
//!
//! Called by the engine. Invariants: of several who claim a key, one gets it; an answer is written once and never
//! changed; a claim whose server died stays, since nobody knows whether the request took effect.

use codecourier_domain::id::BootId;
use codecourier_domain::time::Timestamp;

use crate::error::{Error, Result};
use crate::sealed::{Sealed, sealed};
use crate::sql::sql;
use crate::writer::Tx;

/// A request with a key.
#[derive(Debug, Clone)]
pub struct KeyedRequest {
    /// Who sent it.
    pub principal: String,
    /// The key.
    pub key: String,
    /// What is the same for the same request.
    pub fingerprint: String,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The request is the caller's to do.
    Granted,
    /// It was claimed by a start of the server that is no more, and never answered: it may have taken effect, and stays
    /// claimed.
    Abandoned,
    /// It is being done.
    UnderWay,
    /// It was done, with this answer.
    Answered(Sealed),
    /// The key stands for another request.
    Mismatch,
}

impl Tx {
    /// Claims a key. Keys older than `forget_before` are forgotten.
    pub async fn claim_request(
        &mut self,
        request: &KeyedRequest,
        boot: BootId,
        now: Timestamp,
        forget_before: Timestamp,
    ) -> Result<Claim> {
        let forget = sql("DELETE FROM idempotency WHERE principal = $1 AND key = $2 AND created_at < $3")
            .bind(request.principal.as_str())
            .bind(request.key.as_str())
            .bind(forget_before);
        self.execute("forget an old request", forget).await?;
        let claim = sql(
            "INSERT INTO idempotency (principal, key, fingerprint, boot, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (principal, key) DO NOTHING",
        )
        .bind(request.principal.as_str())
        .bind(request.key.as_str())
        .bind(request.fingerprint.as_str())
        .bind(boot)
        .bind(now);
        if self.execute("claim a request", claim).await? == 1 {
            return Ok(Claim::Granted);
        }
        let look =
            sql("SELECT fingerprint, boot, answer, sealed_with FROM idempotency WHERE principal = $1 AND key = $2")
                .bind(request.principal.as_str())
                .bind(request.key.as_str());
        let row = self.fetch_optional("read a request", look).await?;
        let row = row.ok_or(Error::NotFound { entity: "request" })?;
        if row.text(0)? != request.fingerprint {
            return Ok(Claim::Mismatch);
        }
        if row.optional_text(2)?.is_some() {
            return Ok(Claim::Answered(sealed(&row, 2)?));
        }
        if row.parsed::<BootId>(1)? == boot {
            return Ok(Claim::UnderWay);
        }
        Ok(Claim::Abandoned)
    }

    /// Keeps the answer of a request that is under way.
    pub async fn answer_request(&mut self, principal: &str, key: &str, answer: &Sealed) -> Result<()> {
        let statement = sql("UPDATE idempotency SET answer = $3, sealed_with = $4 \
             WHERE principal = $1 AND key = $2 AND answer IS NULL")
        .bind(principal)
        .bind(key)
        .bind(answer.envelope.as_str())
        .bind(answer.key.as_str());
        self.execute("keep an answer", statement).await.map(drop)
    }

    /// Lets go of a key whose request took no effect.
    pub async fn release_request(&mut self, principal: &str, key: &str) -> Result<()> {
        let statement = sql("DELETE FROM idempotency WHERE principal = $1 AND key = $2 AND answer IS NULL")
            .bind(principal)
            .bind(key);
        self.execute("release a request", statement).await.map(drop)
    }

    /// Removes at most `limit` keys that are older than a moment.
    pub async fn sweep_requests(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let statement = sql("DELETE FROM idempotency WHERE (principal, key) IN \
             (SELECT principal, key FROM idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2)")
        .bind(before)
        .bind(i64::from(limit));
        self.execute("sweep old requests", statement).await
    }
}
