//! People whom outside providers vouch for: signing in through one, tokens of a trusted issuer, and its webhooks.
//!
//! The API calls this; `access` asks it who a token stands for. Invariants: an account is made or linked only for an
//! address that the provider has verified, and linked only if the account's own address is verified too, since whoever
//! made an account with somebody else's address must not be joined by them; a sign-in is finished once, by the browser
//! that began it, with the provider that it was begun with; who has left at the issuer is let in no more, whatever token
//! they still hold.

mod admit;
mod departure;
mod finish;
mod heirs;
mod redirect;
mod refusal;
mod start;
mod webhook;

use std::fmt;
use std::sync::Arc;

use codecourier_identity::jwt::TrustedIssuer;
use codecourier_identity::provider::Provider;
use codecourier_identity::svix::WebhookSecret;

use crate::{Engine, Inner};

pub(crate) use admit::{Gate, admit, identity_of};
pub use finish::{Returned, SignedInOutside};
pub use refusal::{NotSignedIn, WhyNot};
pub use start::Started;
pub use webhook::Webhook;

/// The outside providers that this server works with.
#[derive(Debug, Clone, Default)]
pub struct ExternalConfig {
    /// Those that people can sign in through.
    pub providers: Vec<SignInProvider>,
    /// The issuer whose tokens stand for people.
    pub trusted_issuer: Option<Arc<TrustedIssuer>>,
    /// What the issuer signs its webhooks with.
    pub webhook_secret: Option<WebhookSecret>,
}

/// A provider that people can sign in through.
#[derive(Clone)]
pub struct SignInProvider {
    /// Its name in addresses.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// How to talk to it.
    pub provider: Arc<Provider>,
}

impl fmt::Debug for SignInProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SignInProvider")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The use cases of outside providers.
#[derive(Clone)]
pub struct External {
    engine: Arc<Inner>,
}

impl Engine {
    /// The use cases of outside providers.
    #[must_use]
    pub fn external(&self) -> External {
        External {
            engine: Arc::clone(&self.inner),
        }
    }
}

impl External {
    fn provider(&self, id: &str) -> Result<&SignInProvider, NotSignedIn> {
        let mut providers = self.engine.external.providers.iter();
        providers
            .find(|provider| provider.id == id)
            .ok_or_else(|| WhyNot::UnknownProvider.into())
    }

    /// Where a provider sends the browser back to.
    fn return_to(&self, id: &str) -> String {
        let public_url = self.engine.accounts.config.public_url.trim_end_matches('/');
        format!("{public_url}/api/v1/auth/providers/{id}/callback")
    }
}
