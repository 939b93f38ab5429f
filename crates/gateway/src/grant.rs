//! Step tokens: what an agent holds instead of a key, and what such a token stands for.
//!
//! The engine mints a [`StepToken`] for each step, gives the text to the agent as its API key and stores only the
//! [`TokenHash`]. The gateway resolves the hash through [`StepTokens`] at every request, so a revoked token is dead at
//! once. Invariants: the text of a token is never logged nor stored; hashes are compared in constant time; a grant is
//! for one provider and one step.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use codecourier_domain::id::{ProjectId, RunId, StepId};
use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::cassette::Cassette;
use crate::provider::Provider;

/// The text an agent presents as its API key. Good only at the gateway, only for its own step.
#[derive(Clone)]
pub struct StepToken(SecretString);

impl StepToken {
    /// The token that carries these random bytes. The caller owns the randomness; 32 bytes leave nothing to guess.
    #[must_use]
    pub fn from_random(bytes: &[u8; 32]) -> Self {
        Self(SecretString::from(format!("cc_step_{}", hex::encode(bytes))))
    }

    /// The token with this text, as a client presented it.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(SecretString::from(text.to_owned()))
    }

    /// What is stored of the token, and looked up.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.expose_secret().as_bytes()).into())
    }

    /// The text itself: for the environment of the agent's process and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for StepToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StepToken([redacted])")
    }
}

/// SHA-256 of a step token. Compared in constant time.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash with these bytes, as a store kept them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl fmt::Display for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenHash({self})")
    }
}

/// The position of a step in its run as cassettes know it: `designer#1` is the first designer step. It does not depend
/// on identifiers, so a cassette recorded in one run plays in another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lane(String);

impl Lane {
    /// The lane with this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Where the answers to a step's requests come from.
#[derive(Debug, Clone)]
pub enum Mode {
    /// From the provider.
    Live,
    /// From the provider, and every whole exchange is appended to the cassette at this path.
    Record(PathBuf),
    /// From a cassette. Nothing leaves the machine and no key is needed.
    Replay(Arc<Cassette>),
}

/// What a token stands for.
#[derive(Debug, Clone)]
pub struct StepGrant {
    /// The project that pays.
    pub project: ProjectId,
    /// The run the step belongs to.
    pub run: RunId,
    /// The step: what is metered is metered to it.
    pub step: StepId,
    /// The only provider the token is good for.
    pub provider: Provider,
    /// Where answers come from.
    pub mode: Mode,
    /// The step's lane in a cassette.
    pub lane: Lane,
}

/// Why a token is not honoured.
#[derive(Debug, thiserror::Error)]
pub enum TokenRefused {
    /// Nobody minted it.
    #[error("the step token is not known")]
    Unknown,
    /// Its time is over.
    #[error("the step token has expired")]
    Expired,
    /// It was revoked: the step has ended or was stopped.
    #[error("the step token was revoked: its step has ended")]
    Revoked,
    /// The tokens cannot be looked up now. Answered as the gateway's own fault, not as a wrong token.
    #[error("step tokens cannot be looked up")]
    LookUpFailed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where step tokens are looked up. The engine implements it on the store.
#[async_trait]
pub trait StepTokens: Send + Sync {
    /// What the token with this hash stands for. Asked at every request and never cached, so that revoking works at
    /// once.
    async fn resolve(&self, token: &TokenHash) -> Result<StepGrant, TokenRefused>;
}

/// Step tokens in memory: for tests, examples and tools that keep no store.
#[derive(Debug, Default)]
pub struct MemoryStepTokens {
    grants: RwLock<HashMap<[u8; 32], Option<StepGrant>>>,
}

impl MemoryStepTokens {
    /// Honours a token from now on.
    pub fn grant(&self, token: &StepToken, grant: StepGrant) {
        self.grants.write().insert(*token.hash().as_bytes(), Some(grant));
    }

    /// Stops honouring a token.
    pub fn revoke(&self, token: &StepToken) {
        self.grants.write().insert(*token.hash().as_bytes(), None);
    }
}

#[async_trait]
impl StepTokens for MemoryStepTokens {
    async fn resolve(&self, token: &TokenHash) -> Result<StepGrant, TokenRefused> {
        // The map is keyed by the hash of a secret that nobody can choose towards a collision; an attacker who times
        // the look-up learns about hashes, not about tokens.
        match self.grants.read().get(token.as_bytes()) {
            None => Err(TokenRefused::Unknown),
            Some(None) => Err(TokenRefused::Revoked),
            Some(Some(grant)) => Ok(grant.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_shows_itself_nowhere_but_where_it_is_exposed() {
        let token = StepToken::from_random(&[7; 32]);
        assert!(token.expose().starts_with("cc_step_0707"));
        assert!(!format!("{token:?}").contains("0707"));
        assert_eq!(token.hash(), StepToken::from_text(token.expose()).hash());
        assert_ne!(token.hash(), StepToken::from_random(&[8; 32]).hash());
    }
}
