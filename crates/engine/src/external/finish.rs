//! The end of a sign-in through a provider: the browser is back.
//!
//! Invariant: the sign-in is taken up before anything is asked of the provider, so that whatever comes of it, it cannot
//! be tried again.

use std::time::Duration;

use codecourier_domain::id::UserId;
use codecourier_identity::attempt::Attempt;
use codecourier_identity::provider::{Callback, SignInFailed};
use uuid::Uuid;

use super::{External, Gate, NotSignedIn, WhyNot, admit};
use crate::accounts::{BegunSession, Delivery, SignedIn, Visitor, begin};

/// What the browser brought back: the address' parameters and the cookie.
#[derive(Clone, Copy, Default)]
pub struct Returned<'a> {
    /// `state`.
    pub state: &'a str,
    /// `code`.
    pub code: Option<&'a str>,
    /// `error`.
    pub error: Option<&'a str>,
    /// `iss`.
    pub issuer: Option<&'a str>,
    /// The cookie.
    pub binding: &'a str,
}

/// Somebody who signed in through a provider.
#[derive(Debug)]
pub struct SignedInOutside {
    /// The account and its session.
    pub signed_in: SignedIn,
    /// For how long the session is worth something, used or not.
    pub lifetime: Duration,
    /// Where they go: a page of this server.
    pub redirect_to: String,
}

impl External {
    /// Finishes a sign-in.
    pub async fn finish(
        &self,
        provider: &str,
        returned: Returned<'_>,
        visitor: &Visitor,
    ) -> Result<SignedInOutside, NotSignedIn> {
        let chosen = self.provider(provider)?;
        let now = self.engine.clock.now();
        let attempt = Attempt::resume(returned.state, returned.binding)
            .map_err(|error| NotSignedIn::because(WhyNot::Expired, error))?;
        let fingerprint = attempt.fingerprint();
        let taken = self
            .engine
            .store
            .write(move |tx| Box::pin(async move { tx.take_pending_sign_in(&fingerprint, now).await }))
            .await?;
        let pending = taken.ok_or(WhyNot::Expired)?;
        if pending.provider != provider {
            return Err(WhyNot::NotBelieved.into());
        }
        let callback = Callback {
            code: returned.code,
            error: returned.error,
            issuer: returned.issuer,
        };
        let person = chosen
            .provider
            .finish(&attempt, &callback, &self.return_to(provider), now)
            .await
            .map_err(not_signed_in)?;

        let gate = Gate::Policy(self.engine.accounts.config.sign_up);
        // Whose session it is turns out in the command.
        let begun = BegunSession::new(UserId::from_uuid(Uuid::nil()), visitor, Delivery::Cookie, now)?;
        let mut row = begun.row.clone();
        let account = self
            .engine
            .store
            .write_with(move |tx| {
                Box::pin(async move {
                    let account = admit(tx, &person, gate, now).await?;
                    row.user = account.id;
                    begin(tx, &row).await?;
                    Ok::<_, NotSignedIn>(account)
                })
            })
            .await?;
        let signed_in = begun.of(account);
        let lifetime = u64::try_from(signed_in.expires_at.since(now)).unwrap_or_default();
        Ok(SignedInOutside {
            signed_in,
            lifetime: Duration::from_millis(lifetime),
            redirect_to: pending.redirect_to,
        })
    }
}

pub(super) fn not_signed_in(failed: SignInFailed) -> NotSignedIn {
    let why = match failed {
        SignInFailed::Refused(_) => WhyNot::Declined,
        SignInFailed::Provider(_) => WhyNot::ProviderUnavailable,
        SignInFailed::NoCode | SignInFailed::MixedUp | SignInFailed::NoIdToken | SignInFailed::IdToken(_) => {
            WhyNot::NotBelieved
        }
    };
    NotSignedIn::because(why, failed)
}
