//! API keys of projects: made, listed, rotated, revoked.
//!
//! Called by the API with a grant; what a key is worth at a request is decided in [`crate::access`]. Invariants: the token
//! is given to whoever makes the key, once, and only its hash is kept; a key can make or rotate no key that may do more
//! than it may itself; a rotated key is good until the end of the overlap, a revoked one not any more.

mod change;
mod view;

use std::sync::Arc;

pub use change::{CreatedApiKey, MAX_OVERLAP, NewApiKey};
pub use view::{ApiKeyStatus, ApiKeyView, is_good};

use crate::{Engine, Inner};

/// The use cases of API keys.
#[derive(Clone)]
pub struct ApiKeys {
    engine: Arc<Inner>,
}

impl Engine {
    /// The API keys of projects.
    #[must_use]
    pub fn api_keys(&self) -> ApiKeys {
        ApiKeys {
            engine: Arc::clone(&self.inner),
        }
    }
}
