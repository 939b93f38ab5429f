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

#[cfg(test)]
mod tests {
    use super::super::tests::with_file;
    use super::*;

    /// What a configuration with these secrets in the environment comes to.
    fn external(file: &str, variables: &[(&str, &str)]) -> Result<ExternalConfig, Problem> {
        with_file(file, variables, &[])?.external()
    }

    fn refused(file: &str, variables: &[(&str, &str)]) -> String {
        match external(file, variables) {
            Err(problem) => {
                let said = format!("{problem:?}");
                assert!(!said.contains("canary"), "{said}");
                problem.message
            }
            Ok(_) => panic!("`{file}` is taken"),
        }
    }

    const GITHUB: &str = "[sign_in.github]\nclient_id = \"Iv1.0\"\n";
    const GITHUB_SECRET: (&str, &str) = ("CODECOURIER_SIGN_IN_GITHUB_CLIENT_SECRET", "canary-github");
    const GOOGLE: &str = "[sign_in.google]\nclient_id = \"1.apps.googleusercontent.com\"\n";
    const GOOGLE_SECRET: (&str, &str) = ("CODECOURIER_SIGN_IN_GOOGLE_CLIENT_SECRET", "canary-google");
    const WEBHOOK_SECRET: (&str, &str) = (
        "CODECOURIER_IDENTITY_WEBHOOK_SECRET",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    );

    #[test]
    fn nothing_is_trusted_that_is_not_configured() {
        let external = external("", &[]).unwrap();
        assert!(external.providers.is_empty());
        assert!(external.trusted_issuer.is_none() && external.webhook_secret.is_none());
    }

    #[test]
    fn every_provider_is_offered_under_its_name_and_in_this_order() {
        let file = format!(
            "{GITHUB}{GOOGLE}[sign_in.oidc]\nissuer = \"https://login.example.org\"\nname = \"Example\"\n\
             client_id = \"codecourier\"\n"
        );
        let external = external(&file, &[GITHUB_SECRET, GOOGLE_SECRET]).unwrap();
        let offered = external.providers.iter();
        let offered: Vec<(&str, &str)> = offered.map(|one| (one.id.as_str(), one.name.as_str())).collect();
        assert_eq!(
            offered,
            [("github", "GitHub"), ("google", "Google"), ("oidc", "Example")],
            "a public OIDC client needs no secret"
        );
    }

    #[test]
    fn half_a_provider_is_refused_and_says_which_half() {
        for (file, variables, section) in [
            (GITHUB, None, "sign_in.github"),
            ("", Some(GITHUB_SECRET), "sign_in.github"),
            (GOOGLE, None, "sign_in.google"),
            ("", Some(GOOGLE_SECRET), "sign_in.google"),
        ] {
            let said = refused(file, variables.as_slice());
            assert!(
                said.contains(&format!("{section}.client_id")) && said.contains(&format!("{section}.client_secret")),
                "{said}"
            );
        }
        for half in ["issuer = \"https://login.example.org\"", "client_id = \"codecourier\""] {
            let said = refused(&format!("[sign_in.oidc]\n{half}"), &[]);
            assert!(
                said.contains("`sign_in.oidc.issuer` and `sign_in.oidc.client_id`"),
                "{said}"
            );
        }
    }

    #[test]
    fn an_issuer_is_reached_over_tls_or_on_this_machine() {
        let oidc = |issuer: &str| format!("[sign_in.oidc]\nissuer = \"{issuer}\"\nclient_id = \"codecourier\"");
        for issuer in ["https://login.example.org", "http://127.0.0.1:9", "http://localhost:9"] {
            assert_eq!(external(&oidc(issuer), &[]).unwrap().providers.len(), 1, "{issuer}");
        }
        for issuer in ["http://login.example.org", "ftp://login.example.org", "login", ""] {
            let said = refused(&oidc(issuer), &[]);
            assert!(said.contains("sign_in.oidc.issuer"), "{issuer}: {said}");
        }
        // A plain issuer on this machine takes the TLS of nobody else away.
        let both = format!(
            "{}\n[identity]\nissuer = \"http://clerk.example.org\"\naudience = \"a\"",
            oidc("http://localhost:9")
        );
        assert!(refused(&both, &[]).contains("identity"));
    }

    #[test]
    fn a_trusted_issuer_names_who_its_tokens_are_for() {
        let identity = |more: &str| format!("[identity]\nissuer = \"https://clerk.example.org\"\n{more}");
        let said = refused(&identity(""), &[]);
        assert!(said.contains("The settings of `identity`"), "{said}");
        for more in [
            "audience = \"codecourier\"",
            "authorized_parties = \"https://app.example.org\"",
        ] {
            let external = external(&identity(more), &[WEBHOOK_SECRET]).unwrap();
            assert_eq!(
                external.trusted_issuer.unwrap().issuer(),
                "https://clerk.example.org",
                "{more}"
            );
            assert!(external.webhook_secret.is_some());
        }
    }

    #[test]
    fn a_webhook_secret_is_one_and_belongs_to_an_issuer() {
        let said = refused("", &[WEBHOOK_SECRET]);
        assert!(said.contains("`identity.issuer` is not"), "{said}");
        let identity = "[identity]\nissuer = \"https://clerk.example.org\"\naudience = \"a\"\n";
        let said = refused(identity, &[("CODECOURIER_IDENTITY_WEBHOOK_SECRET", "whsec_canary!")]);
        assert!(said.contains("`identity.webhook_secret`"), "{said}");
    }

    #[test]
    fn a_secret_that_cannot_be_read_is_named() {
        let file = format!("{GITHUB}client_secret_file = \"/nonexistent/secret\"");
        let said = refused(&file, &[]);
        assert!(
            said.contains("`sign_in.github.client_secret`") && said.contains("/nonexistent/secret"),
            "{said}"
        );
    }
}
