//! Step tokens: what a sandbox holds instead of a key.

use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_domain::time::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::body::Body;
use crate::error::{Error, Result};
use crate::read::Reader;
use crate::sql::sql;
use crate::writer::Tx;

/// The SHA-256 of a token. Tokens are random and long, so that no slower hash is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// The hash with these bytes, as somebody else computed it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn text(self) -> String {
        hex::encode(self.0)
    }
}

/// A token to remember.
#[derive(Debug, Clone)]
pub struct NewStepToken {
    /// Its hash.
    pub hash: TokenHash,
    /// The project of the step.
    pub project: ProjectId,
    /// The run of the step.
    pub run: RunId,
    /// The step that it is for.
    pub step: StepId,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// What it permits.
    pub grant: Body,
}

/// A token that is worth something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepToken {
    /// The project of the step.
    pub project: ProjectId,
    /// The run of the step.
    pub run: RunId,
    /// The step.
    pub step: StepId,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// What it permits.
    pub grant: Body,
}

impl Tx {
    /// Remembers the token of a step of the run.
    pub async fn insert_step_token(&mut self, token: &NewStepToken) -> Result<()> {
        let statement = sql(
            "INSERT INTO step_token (token_sha256, project, run, step, created_at, expires_at, body) \
             SELECT $1, $2, $3, $4, $5, $6, $7 \
             WHERE EXISTS (SELECT 1 FROM step_journal WHERE step = $4 AND run = $3 AND project = $2) \
             ON CONFLICT (token_sha256) DO NOTHING",
        )
        .bind(token.hash.text())
        .bind(token.project)
        .bind(token.run)
        .bind(token.step)
        .bind(token.created_at)
        .bind(token.expires_at)
        .bind(&token.grant);
        if self.execute("insert a step token", statement).await? == 1 {
            return Ok(());
        }
        // It may be remembered already.
        let step = self.read().journal_cursor(token.project, token.step).await?;
        step.map(drop).ok_or(Error::NotFound { entity: "step" })
    }

    /// Makes the tokens of a step worthless, or of every step of the run. Gives how many were worth something.
    pub async fn revoke_step_tokens(
        &mut self,
        project: ProjectId,
        run: RunId,
        step: Option<StepId>,
        at: Timestamp,
    ) -> Result<u64> {
        let statement = sql("UPDATE step_token SET revoked_at = $4 \
             WHERE project = $1 AND run = $2 AND ($3 IS NULL OR step = $3) AND revoked_at IS NULL");
        let statement = statement.bind(project).bind(run).bind(step).bind(at);
        self.execute("revoke step tokens", statement).await
    }
}

impl Reader<'_> {
    /// What a token permits now; `None` for one that is unknown, revoked or expired.
    pub async fn step_token(&mut self, hash: TokenHash, now: Timestamp) -> Result<Option<StepToken>> {
        let statement = sql("SELECT project, run, step, expires_at, body FROM step_token \
             WHERE token_sha256 = $1 AND revoked_at IS NULL AND expires_at > $2");
        let row = self
            .fetch_optional("look up a step token", statement.bind(hash.text()).bind(now))
            .await?;
        row.map(|row| {
            Ok(StepToken {
                project: row.parsed(0)?,
                run: row.parsed(1)?,
                step: row.parsed(2)?,
                expires_at: row.time(3)?,
                grant: row.body(4)?,
            })
        })
        .transpose()
    }
}
