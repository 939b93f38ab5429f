//! Outside providers, from the settings about signing in with others and about trusted tokens.

use std::sync::Arc;

use codecourier_engine::ExternalConfig;
use codecourier_engine::error::chain;
use codecourier_engine::external::SignInProvider;
use codecourier_identity::github::{GitHub, GitHubConfig};
use codecourier_identity::jwt::{TrustedIssuer, WhoTokensAreFor};
use codecourier_identity::oidc::{Oidc, OidcConfig};
use codecourier_identity::outbound::{Outbound, PlainHttp};
use codecourier_identity::provider::Provider;
use codecourier_identity::svix::WebhookSecret;
use secrecy::SecretString;

use super::Config;
use super::secret::SecretSource;
use crate::problem::Problem;

impl Config {
    /// The outside providers that vouch for people. Reads their secrets.
    pub(crate) fn external(&self) -> Result<ExternalConfig, Problem> {
        let outbound = self.outbound()?;
        let mut providers = Vec::new();
        providers.extend(self.github(&outbound)?);
        providers.extend(self.google(&outbound)?);
        providers.extend(self.oidc(&outbound)?);
        let settings = &self.settings;
        let trusted_issuer = self.trusted_issuer(&outbound)?;
        let webhook_secret = match (&settings.identity_webhook_secret, &trusted_issuer) {
            (None, _) => None,
            (Some(_), None) => {
                let message =
                    "`identity.webhook_secret` is set, but `identity.issuer` is not. Set whose webhooks they are.";
                return Err(Problem::usage(message));
            }
            (Some(source), Some(_)) => Some(
                WebhookSecret::parse(&secret(source)?)
                    .map_err(|error| Problem::usage(format!("`identity.webhook_secret`: {error}.")))?,
            ),
        };
        Ok(ExternalConfig {
            providers,
            trusted_issuer,
            webhook_secret,
        })
    }

    /// The way out. Without TLS only to this machine, and only if an issuer is written so.
    fn outbound(&self) -> Result<Arc<Outbound>, Problem> {
        let settings = &self.settings;
        let addresses = [
            settings.oidc_issuer.as_deref(),
            settings.identity_jwks_url.as_ref().map(super::value::WebUrl::as_str),
            settings.identity_issuer.as_deref(),
        ];
        let is_plain = addresses.into_iter().flatten().any(|url| url.starts_with("http://"));
        let plain_http = if is_plain {
            PlainHttp::ToLoopback
        } else {
            PlainHttp::Refused
        };
        let outbound = Outbound::new(plain_http, None);
        Ok(Arc::new(outbound.map_err(|error| Problem::usage(chain(&error)))?))
    }

    fn github(&self, outbound: &Arc<Outbound>) -> Result<Option<SignInProvider>, Problem> {
        let settings = &self.settings;
        let client = client(
            "sign_in.github",
            settings.github_client_id.as_ref(),
            settings.github_client_secret.as_ref(),
        )?;
        let Some((id, secret)) = client else { return Ok(None) };
        let github = GitHub::new(Arc::clone(outbound), GitHubConfig::new(id, secret));
        let github = github.map_err(|error| Problem::usage(format!("`sign_in.github`: {error}.")))?;
        Ok(Some(named("github", "GitHub", Provider::GitHub(github))))
    }

    fn google(&self, outbound: &Arc<Outbound>) -> Result<Option<SignInProvider>, Problem> {
        let settings = &self.settings;
        let client = client(
            "sign_in.google",
            settings.google_client_id.as_ref(),
            settings.google_client_secret.as_ref(),
        )?;
        let Some((id, secret)) = client else { return Ok(None) };
        let google = Oidc::new(Arc::clone(outbound), OidcConfig::google(id, secret));
        let google = google.map_err(|error| Problem::usage(format!("`sign_in.google`: {error}.")))?;
        Ok(Some(named("google", "Google", Provider::Oidc(google))))
    }

    fn oidc(&self, outbound: &Arc<Outbound>) -> Result<Option<SignInProvider>, Problem> {
        let settings = &self.settings;
        let (issuer, client_id) = match (&settings.oidc_issuer, &settings.oidc_client_id) {
            (Some(issuer), Some(client_id)) => (issuer, client_id),
            (None, None) => return Ok(None),
            (Some(_), None) | (None, Some(_)) => {
                let message = "Set both `sign_in.oidc.issuer` and `sign_in.oidc.client_id`, or neither.";
                return Err(Problem::usage(message));
            }
        };
        let config = OidcConfig {
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            client_secret: settings.oidc_client_secret.as_ref().map(secret).transpose()?,
            scopes: OidcConfig::usual_scopes(),
        };
        let oidc = Oidc::new(Arc::clone(outbound), config)
            .map_err(|error| Problem::usage(format!("`sign_in.oidc.issuer`: {error}.")))?;
        Ok(Some(named("oidc", &settings.oidc_name, Provider::Oidc(oidc))))
    }

    fn trusted_issuer(&self, outbound: &Arc<Outbound>) -> Result<Option<Arc<TrustedIssuer>>, Problem> {
        let settings = &self.settings;
        let Some(issuer) = &settings.identity_issuer else {
            return Ok(None);
        };
        let keys = settings.identity_jwks_url.as_ref().map(super::value::WebUrl::as_str);
        let tokens_are_for = WhoTokensAreFor {
            audiences: settings.identity_audience.0.clone(),
            parties: settings.identity_authorized_parties.0.clone(),
        };
        let issuer = TrustedIssuer::new(Arc::clone(outbound), issuer, keys, tokens_are_for);
        let issuer =
            issuer.map_err(|error| Problem::usage(format!("The settings of `identity`: {}.", chain(&error))))?;
        Ok(Some(Arc::new(issuer)))
    }
}

fn named(id: &str, name: &str, provider: Provider) -> SignInProvider {
    SignInProvider {
        id: id.to_owned(),
        name: name.to_owned(),
        provider: Arc::new(provider),
    }
}

fn client(
    section: &str,
    id: Option<&String>,
    source: Option<&SecretSource>,
) -> Result<Option<(String, SecretString)>, Problem> {
    match (id, source) {
        (Some(id), Some(source)) => Ok(Some((id.clone(), secret(source)?))),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(Problem::usage(format!(
            "Set both `{section}.client_id` and `{section}.client_secret`, or neither."
        ))),
    }
}

fn secret(source: &SecretSource) -> Result<SecretString, Problem> {
    Ok(source.read()?.expose().to_owned().into())
}
