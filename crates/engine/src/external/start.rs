//! The beginning of a sign-in through a provider.

use std::time::Duration;

use codecourier_identity::attempt::Attempt;
use codecourier_store::external::PendingSignIn;
use secrecy::SecretString;

use super::finish::not_signed_in;
use super::{External, NotSignedIn, redirect};

/// How long a person may take at the provider.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// A sign-in that has begun.
#[derive(Debug)]
pub struct Started {
    /// Where the browser goes.
    pub location: String,
    /// What stays in the browser's cookie, to be shown at the return.
    pub binding: SecretString,
    /// For how long.
    pub lifetime: Duration,
}

impl External {
    /// Begins a sign-in, after which the person goes to `redirect_to` if that is a page of this server.
    pub async fn start(&self, provider: &str, redirect_to: Option<&str>) -> Result<Started, NotSignedIn> {
        let chosen = self.provider(provider)?;
        let now = self.engine.clock.now();
        let attempt = Attempt::begin();
        let location = chosen
            .provider
            .authorization(&attempt, &self.return_to(provider), now)
            .await
            .map_err(not_signed_in)?;
        let lifetime = i64::try_from(LIFETIME.as_millis()).unwrap_or(i64::MAX);
        let pending = PendingSignIn {
            fingerprint: attempt.fingerprint(),
            provider: provider.to_owned(),
            redirect_to: redirect::safe(redirect_to),
            at: now,
            expires_at: now.plus_milliseconds(lifetime),
        };
        self.engine
            .store
            .write(move |tx| Box::pin(async move { tx.insert_pending_sign_in(&pending).await }))
            .await?;
        Ok(Started {
            location,
            binding: attempt.binding().clone(),
            lifetime: LIFETIME,
        })
    }
}
