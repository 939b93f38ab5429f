//! Step tokens on the store: minted for a step, resolved at each request, revoked with the step.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_domain::provider::ModelProvider;
use codecourier_gateway::{Lane, Mode, Provider, StepGrant, StepTokens, TokenHash, TokenRefused};
use codecourier_store::ledger::{NewStepToken, TokenHash as StoredHash};
use codecourier_store::{Body, Error as StoreError};

use super::ModelAccess;
use crate::random::step_token;
use crate::runs::hold;
use crate::runs::spec::ModelSource;
use crate::runs::step::StepContext;

/// A token outlives its step's sandbox by that much at the most: the longest time limit and a margin.
const LIFETIME_MILLISECONDS: i64 = 5 * 60 * 60 * 1000;

/// What the store keeps of a grant, beside whose it is.
#[derive(Debug, Serialize, Deserialize)]
struct Permission {
    provider: Provider,
    source: ModelSource,
    lane: Lane,
}

impl ModelAccess {
    /// A fresh token for a step, good at one provider. Only its hash is kept.
    pub(crate) async fn mint(&self, context: &StepContext, provider: ModelProvider) -> Result<String, StoreError> {
        let now = self.clock.now();
        let token = step_token();
        let permission = Permission {
            provider: provider.into(),
            source: context.spec.model_source.clone(),
            lane: Lane::new(context.plan.lane.clone()),
        };
        let new = NewStepToken {
            hash: StoredHash::of(&token),
            project: context.project,
            run: context.run,
            step: context.step,
            created_at: now,
            expires_at: now.plus_milliseconds(LIFETIME_MILLISECONDS),
            grant: Body::of(&permission)?,
        };
        let fence = context.recorder.fence();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    // Under the hold: a run that was cancelled meanwhile must not get a token after its last one died.
                    hold(tx, fence, now).await?;
                    tx.insert_step_token(&new).await
                })
            })
            .await?;
        Ok(token)
    }

    /// Ends every token of a step.
    pub(crate) async fn revoke(&self, project: ProjectId, run: RunId, step: StepId) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                Box::pin(async move { tx.revoke_step_tokens(project, run, Some(step), now).await.map(drop) })
            })
            .await
    }
}

#[async_trait]
impl StepTokens for ModelAccess {
    async fn resolve(&self, token: &TokenHash) -> Result<StepGrant, TokenRefused> {
        let failed = |error: StoreError| TokenRefused::LookUpFailed(Box::new(error));
        let hash = StoredHash::from_bytes(*token.as_bytes());
        let mut reader = self.store.read().await.map_err(failed)?;
        let found = reader.step_token(hash, self.clock.now()).await.map_err(failed)?;
        drop(reader);
        let found = found.ok_or(TokenRefused::Unknown)?;
        let Permission { provider, source, lane } = found.grant.read().map_err(failed)?;
        let mode = match source {
            ModelSource::Live => Mode::Live,
            ModelSource::Record { cassette } => Mode::Record(cassette),
            ModelSource::Replay { cassette } => Mode::Replay(
                self.cassettes
                    .get(&cassette)
                    .map_err(|error| TokenRefused::LookUpFailed(Box::new(error)))?,
            ),
        };
        Ok(StepGrant {
            project: found.project,
            run: found.run,
            step: found.step,
            provider,
            mode,
            lane,
        })
    }
}
