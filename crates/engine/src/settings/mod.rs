//! The settings of a project: what its runs take unless somebody says otherwise.
//!
//! Called by the API with a [`ProjectGrant`](crate::access::ProjectGrant); admins only, which the route says. Invariants:
//! a document in the store has passed [`validate`]; it is changed only over the revision that its editor had read; there
//! is nothing secret in it, for which there are variables and provider keys.

mod document;
mod on_record;
mod run_defaults;
#[cfg(test)]
mod tests;
mod update;
mod validate;

use std::sync::Arc;

pub use document::{
    DEFAULT_DISCOVERY_PROMPT, DEFAULT_SANDBOX_PROMPT, SessionConfig, SessionType, SettingsDocument, UnknownSessionType,
};
pub(crate) use on_record::OnRecord;
pub use run_defaults::RunDefaults;
pub use update::{SettingsPatch, SettingsView};

use crate::{Engine, Inner};

/// The use cases of settings.
#[derive(Clone)]
pub struct Settings {
    pub(crate) engine: Arc<Inner>,
}

impl Engine {
    /// The settings of projects.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            engine: Arc::clone(&self.inner),
        }
    }
}
