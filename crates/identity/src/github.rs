//! Sign-in through GitHub, which speaks OAuth 2 and has an API where others have ID tokens.
//!
//! Used by `provider`. Invariants: the person is GitHub's number for the account, never the login, which can be given
//! to somebody else; the address is the primary one, and only if GitHub has verified it.

use std::sync::Arc;

use secrecy::SecretString;
use serde::Deserialize;

use codecourier_domain::email::EmailAddress;

use crate::attempt::Attempt;
use crate::oidc::exchange;
use crate::oidc::{ClientAuthentication, Exchange};
use crate::outbound::{Answer, Endpoint, Outbound, Proof, UnsoundEndpoint};
use crate::person::{OutsideEmail, OutsidePerson, sound_name};
use crate::provider::{Callback, SignInFailed};

/// What GitHub knows us by, and where it is.
#[derive(Debug, Clone)]
pub struct GitHubConfig {
    /// The OAuth app's client id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// The website: another one for GitHub Enterprise Server.
    pub web_url: String,
    /// The API.
    pub api_url: String,
}

/// GitHub as a provider.
#[derive(Debug)]
pub struct GitHub {
    outbound: Arc<Outbound>,
    config: GitHubConfig,
    authorization: Endpoint,
    token: Endpoint,
    user: Endpoint,
    emails: Endpoint,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    email: String,
    primary: bool,
    verified: bool,
}

impl GitHubConfig {
    /// An OAuth app of github.com.
    #[must_use]
    pub fn new(client_id: String, client_secret: SecretString) -> Self {
        Self {
            client_id,
            client_secret,
            web_url: "https://github.com".to_owned(),
            api_url: "https://api.github.com".to_owned(),
        }
    }
}

impl GitHub {
    /// A provider. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When one of its addresses is not one that requests may go to.
    pub fn new(outbound: Arc<Outbound>, config: GitHubConfig) -> Result<Self, UnsoundEndpoint> {
        let at = |base: &str, path: &str| outbound.endpoint(&format!("{}{path}", base.trim_end_matches('/')));
        Ok(Self {
            authorization: at(&config.web_url, "/login/oauth/authorize")?,
            token: at(&config.web_url, "/login/oauth/access_token")?,
            user: at(&config.api_url, "/user")?,
            emails: at(&config.api_url, "/user/emails?per_page=100")?,
            outbound,
            config,
        })
    }

    /// Where the browser goes.
    pub(crate) fn authorization(&self, attempt: &Attempt, return_to: &str) -> String {
        self.authorization.with_query(&[
            ("client_id", &self.config.client_id),
            ("redirect_uri", return_to),
            ("scope", "read:user user:email"),
            ("state", attempt.state()),
            ("code_challenge", &attempt.challenge()),
            ("code_challenge_method", "S256"),
        ])
    }

    /// Who came back.
    pub(crate) async fn finish(
        &self,
        attempt: &Attempt,
        callback: &Callback<'_>,
        return_to: &str,
    ) -> Result<OutsidePerson, SignInFailed> {
        if callback.issuer.is_some_and(|issuer| !self.is_named(issuer)) {
            return Err(SignInFailed::MixedUp);
        }
        let exchanged = Exchange {
            code: callback.code()?,
            client_id: &self.config.client_id,
            client_secret: Some(&self.config.client_secret),
            authentication: ClientAuthentication::Post,
            verifier: &attempt.verifier(),
            return_to,
        };
        let token = exchange(&self.outbound, &self.token, exchanged).await?.access_token;
        let user: User = self.ask(&self.user, &token).await?;
        let emails: Vec<Email> = self.ask(&self.emails, &token).await?;
        let primary = emails.into_iter().find(|email| email.primary);
        let email = primary.and_then(|email| Some((email.email.parse::<EmailAddress>().ok()?, email.verified)));
        Ok(OutsidePerson {
            issuer: self.config.web_url.clone(),
            subject: user.id.to_string(),
            email: match email {
                None => OutsideEmail::Absent,
                Some((email, true)) => OutsideEmail::Verified(email),
                Some((email, false)) => OutsideEmail::Unverified(email),
            },
            name: sound_name(user.name.as_deref()).or_else(|| sound_name(Some(&user.login))),
            session: None,
        })
    }

    /// GitHub names itself by the address of its OAuth pages, should it do so.
    fn is_named(&self, issuer: &str) -> bool {
        let web_url = self.config.web_url.trim_end_matches('/');
        issuer.trim_end_matches('/') == web_url || issuer == format!("{web_url}/login/oauth")
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        to: &Endpoint,
        token: &SecretString,
    ) -> Result<T, SignInFailed> {
        let answer: Answer = self
            .outbound
            .get(to, Proof::Bearer(token), "application/vnd.github+json")
            .await
            .map_err(SignInFailed::Provider)?;
        answer.body().map_err(SignInFailed::Provider)?;
        answer.read().map_err(SignInFailed::Provider)
    }
}
