//! Sign-in through any provider of OpenID Connect: authorization code with PKCE, state and nonce.
//!
//! Used by `provider`. Invariants: the provider's description is believed only if it names the issuer that was
//! configured; the ID token is verified with the provider's published keys whatever connection it came by; what the
//! userinfo endpoint says counts only if it is about the same person.

mod discovery;
mod token;

use std::sync::Arc;

use secrecy::SecretString;
use serde::Deserialize;

use codecourier_domain::time::Timestamp;

use crate::attempt::Attempt;
use crate::jwt::{self, IdTokenExpectation, TokenUse, verified_email};
use crate::kept::Kept;
use crate::outbound::{Endpoint, Outbound, Proof, UnsoundEndpoint};
use crate::person::{OutsideEmail, OutsidePerson, sound_name};
use crate::provider::{Callback, SignInFailed};

use discovery::Description;
pub(crate) use token::{ClientAuthentication, Exchange, exchange};

/// What a provider needs to know of us, and we of it.
#[derive(Debug, Clone)]
pub struct OidcConfig {
    /// The issuer, exactly as the provider writes it.
    pub issuer: String,
    /// The name that this deployment is registered by.
    pub client_id: String,
    /// The secret that goes with it; none for a public client, which PKCE alone protects.
    pub client_secret: Option<SecretString>,
    /// What is asked for beside `openid`: `email profile` for most.
    pub scopes: Vec<String>,
}

/// A provider of OpenID Connect.
#[derive(Debug)]
pub struct Oidc {
    outbound: Arc<Outbound>,
    config: OidcConfig,
    issuer: Endpoint,
    description: Kept<Description>,
}

/// What userinfo says (OpenID Connect Core, 5.3.2), as far as we ask.
#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    email: Option<String>,
    email_verified: Option<jwt::Truth>,
    name: Option<String>,
}

impl OidcConfig {
    /// Google, which is a provider like any other.
    #[must_use]
    pub fn google(client_id: String, client_secret: SecretString) -> Self {
        Self {
            issuer: "https://accounts.google.com".to_owned(),
            client_id,
            client_secret: Some(client_secret),
            scopes: Self::usual_scopes(),
        }
    }

    /// What is asked for unless the configuration says otherwise.
    #[must_use]
    pub fn usual_scopes() -> Vec<String> {
        vec!["email".to_owned(), "profile".to_owned()]
    }
}

impl Oidc {
    /// A provider. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When its issuer is no address that requests may go to.
    pub fn new(outbound: Arc<Outbound>, config: OidcConfig) -> Result<Self, UnsoundEndpoint> {
        let issuer = outbound.endpoint(&config.issuer)?;
        Ok(Self {
            outbound,
            config,
            issuer,
            description: Kept::default(),
        })
    }

    /// Where the browser goes.
    pub(crate) async fn authorization(
        &self,
        attempt: &Attempt,
        return_to: &str,
        now: Timestamp,
    ) -> Result<String, SignInFailed> {
        let description = self.describe(now).await?;
        let mut scopes = vec!["openid"];
        scopes.extend(
            self.config
                .scopes
                .iter()
                .map(String::as_str)
                .filter(|scope| *scope != "openid"),
        );
        Ok(description.authorization.with_query(&[
            ("response_type", "code"),
            ("client_id", &self.config.client_id),
            ("redirect_uri", return_to),
            ("scope", &scopes.join(" ")),
            ("state", attempt.state()),
            ("nonce", &attempt.nonce()),
            ("code_challenge", &attempt.challenge()),
            ("code_challenge_method", "S256"),
        ]))
    }

    /// Who came back.
    pub(crate) async fn finish(
        &self,
        attempt: &Attempt,
        callback: &Callback<'_>,
        return_to: &str,
        now: Timestamp,
    ) -> Result<OutsidePerson, SignInFailed> {
        let description = self.describe(now).await?;
        // RFC 9207: whose answer this is. A provider that says so always must have said so here.
        match callback.issuer {
            Some(issuer) if issuer != self.config.issuer => return Err(SignInFailed::MixedUp),
            None if description.names_itself => return Err(SignInFailed::MixedUp),
            Some(_) | None => {}
        }
        let code = callback.code()?;
        let tokens = exchange(
            &self.outbound,
            &description.token,
            Exchange {
                code,
                client_id: &self.config.client_id,
                client_secret: self.config.client_secret.as_ref(),
                authentication: description.authentication,
                verifier: &attempt.verifier(),
                return_to,
            },
        )
        .await?;
        let id_token = tokens.id_token.ok_or(SignInFailed::NoIdToken)?;
        let claims = jwt::verify(&description.keys, &id_token, TokenUse::IdToken, now)
            .await
            .map_err(SignInFailed::IdToken)?;
        let expected = IdTokenExpectation {
            issuer: &self.config.issuer,
            client: &self.config.client_id,
            nonce: &attempt.nonce(),
        };
        claims.check_id_token(expected, now).map_err(SignInFailed::IdToken)?;
        let person = claims.person().map_err(SignInFailed::IdToken)?;
        match &description.userinfo {
            Some(userinfo) if person.email == OutsideEmail::Absent => {
                self.complete(person, userinfo, &tokens.access_token).await
            }
            _ => Ok(person),
        }
    }

    async fn describe(&self, now: Timestamp) -> Result<Arc<Description>, SignInFailed> {
        self.description
            .get(now, async || {
                discovery::fetch(&self.outbound, &self.issuer, &self.config.issuer).await
            })
            .await
            .map_err(SignInFailed::Provider)
    }

    /// Adds what the ID token did not tell.
    async fn complete(
        &self,
        person: OutsidePerson,
        userinfo: &Endpoint,
        access_token: &SecretString,
    ) -> Result<OutsidePerson, SignInFailed> {
        let proof = Proof::Bearer(access_token);
        let answer = self
            .outbound
            .get(userinfo, proof, "application/json")
            .await
            .map_err(SignInFailed::Provider)?;
        answer.body().map_err(SignInFailed::Provider)?;
        let info: UserInfo = answer.read().map_err(SignInFailed::Provider)?;
        if info.sub != person.subject {
            return Err(SignInFailed::MixedUp);
        }
        Ok(OutsidePerson {
            email: verified_email(info.email.as_deref(), info.email_verified.as_ref()),
            name: person.name.or_else(|| sound_name(info.name.as_deref())),
            ..person
        })
    }
}
