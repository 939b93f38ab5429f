//! Keys of outside services: set, replaced, removed, tried, and given to the gateway.
//!
//! Called by the API with a grant, and by the gateway through [`ProjectKeys`]. Invariants: a key comes back to nobody: it
//! is sealed on its way in, and opened only to be sent to its own service; people see its last four characters; a new one
//! takes effect at the next request, and whatever waits for the limit of the one before goes on.

mod change;
mod check;
mod source;
mod subscription;

use std::sync::Arc;

use codecourier_domain::actor::Actor;
use codecourier_domain::id::ProjectId;
use codecourier_domain::provider::Provider;
use codecourier_domain::time::Timestamp;
use codecourier_store::provider_keys::ProviderKey;
use codecourier_store::sealed::{SealedColumn, SealedPlace};

pub use check::{CheckedKey, KeyVerdict};
pub(crate) use source::ProjectKeys;
pub(crate) use subscription::{subscription, subscription_token};

use crate::{Engine, Inner};

/// The use cases of provider keys.
#[derive(Clone)]
pub struct ProviderKeys {
    engine: Arc<Inner>,
}

impl Engine {
    /// The keys that projects have for outside services.
    #[must_use]
    pub fn provider_keys(&self) -> ProviderKeys {
        ProviderKeys {
            engine: Arc::clone(&self.inner),
        }
    }
}

/// A provider key, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderKeyView {
    /// Of which service.
    pub provider: Provider,
    /// Its last four characters.
    pub last_four: String,
    /// When it was set.
    pub set_at: Timestamp,
    /// By whom.
    pub set_by: Actor,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl From<ProviderKey> for ProviderKeyView {
    fn from(key: ProviderKey) -> Self {
        Self {
            provider: key.provider,
            last_four: key.last_four,
            set_at: key.set_at,
            set_by: key.set_by,
            last_used_at: key.last_used_at,
        }
    }
}

/// Where the key of a project for a service is.
fn place_of(project: ProjectId, provider: Provider) -> SealedPlace {
    SealedPlace {
        column: SealedColumn::ProviderKey,
        scope: project.to_string(),
        row: provider.to_string(),
    }
}
