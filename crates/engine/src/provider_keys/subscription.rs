//! The token of a Claude subscription: who is handed it instead of the gateway.
//!
//! Invariant: it goes to Claude Code and to no other agent, and only where the project has nothing that may stay at the
//! gateway.

use codecourier_domain::agent::AgentKind;
use codecourier_domain::id::ProjectId;
use codecourier_domain::provider::Provider;
use secrecy::SecretString;

use super::place_of;
use crate::Inner;
use crate::error::Error;

/// The login of a project's sessions with an agent, if that is no key at the gateway.
pub(crate) async fn subscription(
    engine: &Inner,
    project: ProjectId,
    agent: AgentKind,
) -> Result<Option<SecretString>, Error> {
    if agent != AgentKind::Claude {
        return Ok(None);
    }
    let mut reader = engine.store.read().await?;
    if reader.provider_key(project, Provider::Anthropic).await?.is_some() {
        return Ok(None);
    }
    drop(reader);
    subscription_token(engine, project).await
}

/// The token of a project's Claude subscription, whatever else it has.
pub(crate) async fn subscription_token(engine: &Inner, project: ProjectId) -> Result<Option<SecretString>, Error> {
    let mut reader = engine.store.read().await?;
    let stored = reader.provider_key(project, Provider::AnthropicToken).await?;
    drop(reader);
    let Some(stored) = stored else { return Ok(None) };
    let place = place_of(project, Provider::AnthropicToken);
    Ok(Some(engine.vault.unseal(&place, &stored.sealed)?))
}
