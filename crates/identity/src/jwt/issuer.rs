//! An outside issuer whose tokens stand for its people: Clerk, or any other with a published key set.
//!
//! Invariant: an issuer is trusted only for tokens that were made for this deployment: an audience, a party or both must
//! be configured, and what is configured must be met.

use std::sync::Arc;

use codecourier_domain::time::Timestamp;

use super::{Refused, TokenUse, verify};
use crate::jwks::PublishedKeys;
use crate::outbound::{Outbound, UnsoundEndpoint};
use crate::person::OutsidePerson;

/// An issuer whose tokens are accepted as credentials.
#[derive(Debug)]
pub struct TrustedIssuer {
    issuer: String,
    tokens_are_for: WhoTokensAreFor,
    keys: PublishedKeys,
}

/// By what a token shows that it was made for this deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhoTokensAreFor {
    /// One of these must be an audience (`aud`) of it. Empty: not looked at.
    pub audiences: Vec<String>,
    /// It must have been issued to one of these parties (`azp`): with Clerk, the addresses of the web pages. Empty: not
    /// looked at.
    pub parties: Vec<String>,
}

/// A configuration of an issuer that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnsoundIssuer {
    /// Any token of the issuer would do, also those for other services.
    #[error("name an audience or an authorised party, or every token of the issuer would open this server")]
    ForAnybody,
    /// Its address cannot be used.
    #[error("the issuer's address cannot be used")]
    Issuer(#[source] UnsoundEndpoint),
    /// The address of its keys cannot be used.
    #[error("the address of the issuer's keys cannot be used")]
    Keys(#[source] UnsoundEndpoint),
}

impl TrustedIssuer {
    /// Trusts an issuer. Without another address, its keys are where Clerk and many others have them:
    /// `/.well-known/jwks.json`.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn new(
        outbound: Arc<Outbound>,
        issuer: &str,
        keys: Option<&str>,
        tokens_are_for: WhoTokensAreFor,
    ) -> Result<Self, UnsoundIssuer> {
        if tokens_are_for.audiences.is_empty() && tokens_are_for.parties.is_empty() {
            return Err(UnsoundIssuer::ForAnybody);
        }
        outbound.endpoint(issuer).map_err(UnsoundIssuer::Issuer)?;
        let keys = keys.map_or_else(
            || format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')),
            ToOwned::to_owned,
        );
        let keys = outbound.endpoint(&keys).map_err(UnsoundIssuer::Keys)?;
        Ok(Self {
            issuer: issuer.to_owned(),
            tokens_are_for,
            keys: PublishedKeys::at(outbound, keys),
        })
    }

    /// Its name, as tokens have it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whom a token stands for.
    ///
    /// # Errors
    /// When it is not believed, or the issuer's keys are not known.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<OutsidePerson, Refused> {
        let claims = verify(&self.keys, token, TokenUse::Bearer, now).await?;
        claims.check_issuer(&self.issuer)?;
        let WhoTokensAreFor { audiences, parties } = &self.tokens_are_for;
        if !audiences.is_empty() && !claims.is_for_one_of(audiences) {
            return Err(Refused::Audience);
        }
        if !parties.is_empty() && !claims.was_issued_to_one_of(parties) {
            return Err(Refused::Party);
        }
        claims.check_times(now)?;
        claims.check_session()?;
        claims.person()
    }
}
