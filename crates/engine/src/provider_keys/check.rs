//! Trying a key at its service, because a person wants to know.

use codecourier_domain::provider::Provider;
use codecourier_domain::time::Timestamp;
use codecourier_gateway::KeyCheck;

use super::ProviderKeys;
use crate::access::ProjectGrant;
use crate::error::Error;

/// What trying a key gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedKey {
    /// Of which service.
    pub provider: Provider,
    /// What it came to.
    pub verdict: KeyVerdict,
    /// What that means, for people; absent when the key is taken.
    pub reason: Option<String>,
    /// When it was tried.
    pub at: Timestamp,
}

/// What a service says about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyVerdict {
    /// It takes it.
    Valid,
    /// It does not.
    Refused,
    /// It could not be asked.
    Unreachable,
    /// The platform does not ask about such keys.
    Untried,
}

impl ProviderKeys {
    /// Tries a key with one cheap request to its service.
    pub async fn validate(&self, grant: &ProjectGrant, provider: Provider) -> Result<CheckedKey, Error> {
        let key = self.open(grant.project, provider).await?;
        let (verdict, reason) = match self.engine.gateway.check_key(provider, &key).await {
            KeyCheck::Valid => (KeyVerdict::Valid, None),
            KeyCheck::Refused { reason } => (KeyVerdict::Refused, Some(reason)),
            KeyCheck::Unreachable { reason } => (KeyVerdict::Unreachable, Some(reason)),
            KeyCheck::Untried { reason } => (KeyVerdict::Untried, Some(reason)),
        };
        Ok(CheckedKey {
            provider,
            verdict,
            reason,
            at: self.engine.clock.now(),
        })
    }
}
