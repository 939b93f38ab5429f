//! Worlds whose people come from outside: through providers, or by the word of an issuer of tokens.

use std::sync::Arc;

use codecourier_engine::ExternalConfig;
use codecourier_engine::external::SignInProvider;
use codecourier_identity::github::{GitHub, GitHubConfig};
use codecourier_identity::jwt::{TrustedIssuer, WhoTokensAreFor};
use codecourier_identity::oidc::{Oidc, OidcConfig};
use codecourier_identity::outbound::{Outbound, PlainHttp};
use codecourier_identity::provider::Provider;
use codecourier_identity::svix::WebhookSecret;

use super::fake_github::{self, FakeGitHub};
use super::key_server::KeyServer;
use super::oidc_provider::{self, OidcProvider};
use crate::engine::World;

/// Where people find the server of such a world. Nothing listens there: browsers of tests stop before it.
pub const PUBLIC_URL: &str = "http://127.0.0.1:9";
/// Where the provider `oidc` sends the browser back to.
pub const RETURN_TO_OIDC: &str = "http://127.0.0.1:9/api/v1/auth/providers/oidc/callback";
/// Where the provider `github` sends the browser back to.
pub const RETURN_TO_GITHUB: &str = "http://127.0.0.1:9/api/v1/auth/providers/github/callback";
/// What the issuer signs its webhooks with.
pub const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Lets people in through these two.
///
/// # Panics
/// When one of them has no address of this machine.
pub fn let_in_through(world: &mut World, oidc: &OidcProvider, github: &FakeGitHub) {
    let oidc = OidcConfig {
        issuer: oidc.issuer().to_owned(),
        client_id: oidc_provider::CLIENT_ID.to_owned(),
        client_secret: Some(oidc_provider::CLIENT_SECRET.into()),
        scopes: OidcConfig::usual_scopes(),
    };
    let github = GitHubConfig {
        web_url: github.web_url(),
        api_url: github.api_url(),
        ..GitHubConfig::new(fake_github::CLIENT_ID.to_owned(), fake_github::CLIENT_SECRET.into())
    };
    let named = |id: &str, provider| SignInProvider {
        id: id.to_owned(),
        name: id.to_uppercase(),
        provider: Arc::new(provider),
    };
    PUBLIC_URL.clone_into(&mut world.accounts.public_url);
    world.external.providers = vec![
        named("oidc", Provider::Oidc(Oidc::new(outbound(), oidc).expect("an issuer"))),
        named(
            "github",
            Provider::GitHub(GitHub::new(outbound(), github).expect("addresses")),
        ),
    ];
}

/// Leaves the accounts to an issuer of tokens for [`PUBLIC_URL`].
///
/// # Panics
/// When it has no address of this machine.
pub fn trust(world: &mut World, issuer: &KeyServer) {
    let tokens_are_for = WhoTokensAreFor {
        audiences: Vec::new(),
        parties: vec![PUBLIC_URL.to_owned()],
    };
    let issuer = TrustedIssuer::new(outbound(), &issuer.issuer(), None, tokens_are_for).expect("an issuer");
    world.external = ExternalConfig {
        providers: Vec::new(),
        trusted_issuer: Some(Arc::new(issuer)),
        webhook_secret: Some(WebhookSecret::parse(&WEBHOOK_SECRET.into()).expect("a secret")),
    };
}

fn outbound() -> Arc<Outbound> {
    Arc::new(Outbound::new(PlainHttp::ToLoopback, None).expect("no proxy"))
}
