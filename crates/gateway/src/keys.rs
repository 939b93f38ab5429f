//! Provider keys: where the gateway gets the real one, and the type that cannot show it by accident.
//!
//! The engine implements [`KeySource`] on its encrypted store. Invariants: a key is exposed in one place only, where
//! the upstream request is built; no `Debug`, error, log line, answer or cassette holds one.

use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use futures::future::{BoxFuture, pending};
use secrecy::{ExposeSecret, SecretString};

use crate::grant::StepGrant;
use crate::provider::Provider;

/// From this length on the end of a key may be shown.
const SHOWN_FROM: usize = 16;

/// The real credential of a provider.
#[derive(Clone)]
pub enum ProviderKey {
    /// Sent in the provider's own header (`x-api-key` for Anthropic, a bearer token for the others).
    ApiKey(SecretString),
    /// Sent as `Authorization: Bearer`: what Anthropic-compatible endpoints of others expect.
    Bearer(SecretString),
}

impl ProviderKey {
    /// A key for the provider's own header.
    #[must_use]
    pub fn api_key(text: impl Into<String>) -> Self {
        Self::ApiKey(SecretString::from(text.into()))
    }

    /// A bearer token.
    #[must_use]
    pub fn bearer(text: impl Into<String>) -> Self {
        Self::Bearer(SecretString::from(text.into()))
    }

    /// Its last four characters, by which people tell their keys apart. None of a key that is so short that they would
    /// give it away.
    #[must_use]
    pub fn last_four(&self) -> Option<String> {
        let text = self.expose();
        let start = text.len().checked_sub(4).filter(|_| text.len() >= SHOWN_FROM)?;
        // Keys are plain text; of another one four bytes are not four characters.
        text.get(start..).filter(|end| end.is_ascii()).map(str::to_owned)
    }

    /// The text itself: for the upstream request and for scrubbing, in this crate only.
    pub(crate) fn expose(&self) -> &str {
        match self {
            Self::ApiKey(secret) | Self::Bearer(secret) => secret.expose_secret(),
        }
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ApiKey(_) => "ApiKey([redacted])",
            Self::Bearer(_) => "Bearer([redacted])",
        })
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyRefused {
    /// The project has none for this provider.
    #[error("no {} key is configured for this project", .0.display_name())]
    Missing(Provider),
    /// The keys cannot be read now.
    #[error("provider keys cannot be read")]
    LookUpFailed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where real keys come from. Asked at every live request, so that a rotated key takes effect at once.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// The key that pays for this step.
    async fn key(&self, grant: &StepGrant) -> Result<ProviderKey, KeyRefused>;

    /// Begins to watch the key that pays for this step. What it gives resolves when there may be another one than when this
    /// returned; never, for keys that do not change while the process lives. Asked for requests that wait for the limit of
    /// a key.
    async fn watch(&self, grant: &StepGrant) -> BoxFuture<'static, ()> {
        let _ = grant;
        Box::pin(pending())
    }

    /// Whether it has a key for a provider whatever the project: what people are told before they start anything.
    fn has(&self, provider: Provider) -> bool {
        let _ = provider;
        false
    }
}

/// One key for everything, or none: for tests and examples.
#[derive(Debug, Clone, Default)]
pub struct SingleKey(pub Option<ProviderKey>);

#[async_trait]
impl KeySource for SingleKey {
    async fn key(&self, grant: &StepGrant) -> Result<ProviderKey, KeyRefused> {
        self.0.clone().ok_or(KeyRefused::Missing(grant.provider))
    }

    fn has(&self, _: Provider) -> bool {
        self.0.is_some()
    }
}

/// A key for each provider, the same for every project: those of the server itself.
#[derive(Debug, Clone, Default)]
pub struct KeysByProvider(HashMap<Provider, ProviderKey>);

impl KeysByProvider {
    /// Pays with this key at a provider.
    pub fn set(&mut self, provider: Provider, key: ProviderKey) {
        self.0.insert(provider, key);
    }

    /// The key for a provider.
    #[must_use]
    pub fn of(&self, provider: Provider) -> Option<&ProviderKey> {
        self.0.get(&provider)
    }
}

#[async_trait]
impl KeySource for KeysByProvider {
    async fn key(&self, grant: &StepGrant) -> Result<ProviderKey, KeyRefused> {
        let key = self.of(grant.provider).cloned();
        key.ok_or(KeyRefused::Missing(grant.provider))
    }

    fn has(&self, provider: Provider) -> bool {
        self.of(provider).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_shows_itself() {
        let key = ProviderKey::api_key("sk-ant-canary");
        assert!(!format!("{key:?} {:?}", SingleKey(Some(key.clone()))).contains("canary"));
        assert!(!format!("{:?}", ProviderKey::bearer("sk-ant-canary")).contains("canary"));
        assert_eq!(key.expose(), "sk-ant-canary");
        assert_eq!(key.last_four(), None, "too short to show the end of");
        assert_eq!(
            ProviderKey::bearer("sk-ant-0123456789").last_four().as_deref(),
            Some("6789")
        );
        assert_eq!(ProviderKey::bearer("ünïcödé-ünïcödé-€").last_four(), None);
    }
}
