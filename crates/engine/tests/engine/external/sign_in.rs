//! Signing in through a provider: who gets which account, and who gets none.

use codecourier_domain::id::UserId;
use codecourier_domain::member::MemberRole;
use codecourier_engine::access::{Credential, Principal, SignUpPolicy, Standing};
use codecourier_engine::external::{NotSignedIn, Returned, SignedInOutside, WhyNot};
use codecourier_testkit::outside::browser::Browser;
use codecourier_testkit::outside::fake_github::FakeGitHub;
use codecourier_testkit::outside::oidc_provider::{ClaimsAt, OidcProvider};
use codecourier_testkit::outside::signing::SigningKey;
use codecourier_testkit::outside::world::{PUBLIC_URL, RETURN_TO_GITHUB, RETURN_TO_OIDC};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{MINUTE, visitor, world_of_providers};
use crate::team::{Team, on};

/// Runs a test against a server with both providers. Ada's address is verified everywhere, Eve claims it.
async fn with_providers<F>(sign_up: SignUpPolicy, test: impl FnOnce(Team) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let accounts = json!({
        "ada": { "email": "ada@example.org", "email_verified": true, "name": "Ada Lovelace" },
        "bob": { "email": "bob@example.org", "email_verified": true },
        "eve": { "email": "ada@example.org", "email_verified": false, "name": "Eve" },
        "ghost": { "name": "Ghost" },
    });
    let oidc = OidcProvider::start(
        &[&SigningKey::ec("one")],
        &accounts,
        &[RETURN_TO_OIDC],
        ClaimsAt::IdToken,
    );
    let user = json!({ "login": "ada", "id": 1815 });
    let emails = json!([{ "email": "ada@example.org", "primary": true, "verified": true }]);
    let github = FakeGitHub::start(RETURN_TO_GITHUB, user, emails).await;
    let world = world_of_providers(sign_up, &oidc, &github);
    let engine = world.start().await;
    on(&world, &engine, test).await;
    engine.kill().await;
}

/// A browser that was at the provider and is on its way back.
struct Back {
    binding: SecretString,
    parameters: Vec<(String, String)>,
}

impl Back {
    fn given(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        parameters
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    fn returned(&self) -> Returned<'_> {
        Returned {
            state: self.given("state").unwrap_or_default(),
            code: self.given("code"),
            error: self.given("error"),
            issuer: self.given("iss"),
            binding: self.binding.expose_secret(),
        }
    }
}

impl Team {
    async fn visit(&self, provider: &str, account: &str, redirect_to: &str) -> Back {
        let started = self.engine.external().start(provider, Some(redirect_to)).await.unwrap();
        let back = Browser::default().follow(&started.location, account, PUBLIC_URL).await;
        Back {
            binding: started.binding,
            parameters: back.query_pairs().into_owned().collect(),
        }
    }

    async fn finish(&self, provider: &str, returned: Returned<'_>) -> Result<SignedInOutside, WhyNot> {
        let finished = self.engine.external().finish(provider, returned, &visitor()).await;
        finished.map_err(|NotSignedIn { why, .. }| why)
    }

    async fn come_in(&self, provider: &str, account: &str) -> Result<UserId, WhyNot> {
        let back = self.visit(provider, account, "/").await;
        let finished = self.finish(provider, back.returned()).await?;
        Ok(finished.signed_in.account.id)
    }
}

#[tokio::test]
async fn people_come_in_and_are_the_same_the_next_time() {
    with_providers(SignUpPolicy::Closed, async |team| {
        let back = team.visit("oidc", "ada", "/projects/clock?tab=runs").await;
        let finished = team.finish("oidc", back.returned()).await.unwrap();
        assert_eq!(finished.redirect_to, "/projects/clock?tab=runs");
        let account = finished.signed_in.account;
        assert_eq!(account.name, "Ada Lovelace");
        assert!(account.email_verified_at.is_some() && !account.has_password);
        assert_eq!(
            account.standing,
            Standing::Operator,
            "the first account is the operator's"
        );
        let credential = Credential::Session(finished.signed_in.token);
        let principal = team.engine.access().authenticate(&credential).await.unwrap();
        assert!(matches!(principal, Principal::Person(person) if person.user == account.id));

        assert_eq!(team.come_in("oidc", "ada").await, Ok(account.id));
        let elsewhere = team.visit("oidc", "ada", "//evil.example").await;
        let finished = team.finish("oidc", elsewhere.returned()).await.unwrap();
        assert_eq!(finished.redirect_to, "/");

        let entrance = team.engine.access().entrance().await.unwrap();
        assert_eq!(entrance.providers[0], ("oidc".to_owned(), "OIDC".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn the_same_verified_address_is_the_same_person() {
    with_providers(SignUpPolicy::Open, async |team| {
        let ada = team.come_in("oidc", "ada").await.unwrap();
        assert_eq!(team.come_in("github", "").await, Ok(ada));
        let mut reader = team.store.read().await.unwrap();
        assert_eq!(reader.identities_of(ada).await.unwrap().len(), 2);
        let bob = team.come_in("oidc", "bob").await.unwrap();
        assert_ne!(bob, ada);
        assert_eq!(reader.account(bob).await.unwrap().unwrap().name, "bob");
    })
    .await;
}

#[tokio::test]
async fn an_address_that_is_not_verified_on_both_sides_never_links() {
    with_providers(SignUpPolicy::Open, async |team| {
        let squatter = team.account("ada", None).await;
        assert_eq!(team.come_in("oidc", "eve").await, Err(WhyNot::EmailUnverified));
        assert_eq!(team.come_in("oidc", "ghost").await, Err(WhyNot::NoEmail));
        for (provider, account) in [("oidc", "ada"), ("github", "")] {
            assert_eq!(team.come_in(provider, account).await, Err(WhyNot::AccountUnverified));
        }
        let mut reader = team.store.read().await.unwrap();
        assert!(reader.identities_of(squatter).await.unwrap().is_empty());
        assert!(reader.sessions(squatter, team.clock_now()).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn who_may_have_an_account_is_the_servers_to_say() {
    with_providers(SignUpPolicy::Closed, async |team| {
        team.person("operator").await;
        assert_eq!(team.come_in("oidc", "bob").await, Err(WhyNot::SignUpClosed));
        let ada = team.person("ada").await;
        assert_eq!(
            team.come_in("oidc", "ada").await,
            Ok(ada),
            "who has an account may sign in"
        );
    })
    .await;
    with_providers(SignUpPolicy::Invitation, async |team| {
        let operator = team.person("operator").await;
        assert_eq!(team.come_in("oidc", "bob").await, Err(WhyNot::InvitationNeeded));
        let project = team.project(operator, "Clock").await;
        let grant = team.grant(operator, project.slug.as_ref()).await;
        let invitations = team.engine.invitations();
        let invited = invitations.invite(&grant, "bob@example.org", MemberRole::Member);
        invited.await.unwrap();
        assert!(team.come_in("oidc", "bob").await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_return_is_good_once_in_time_in_its_browser_and_at_its_provider() {
    with_providers(SignUpPolicy::Open, async |team| {
        let back = team.visit("oidc", "ada", "/").await;
        assert!(team.finish("oidc", back.returned()).await.is_ok());
        let replayed = team.finish("oidc", back.returned()).await;
        assert_eq!(replayed.map(drop), Err(WhyNot::Expired));

        // Another browser: its cookie is another, or none.
        let (back, other) = (
            team.visit("oidc", "ada", "/").await,
            team.visit("oidc", "bob", "/").await,
        );
        for binding in [other.binding.expose_secret(), ""] {
            let returned = Returned {
                binding,
                ..back.returned()
            };
            assert_eq!(team.finish("oidc", returned).await.map(drop), Err(WhyNot::Expired));
        }
        assert!(
            team.finish("oidc", back.returned()).await.is_ok(),
            "a stranger's try took it away"
        );

        // The code of one sign-in in another.
        let injected = Returned {
            code: back.given("code"),
            ..other.returned()
        };
        assert_eq!(team.finish("oidc", injected).await.map(drop), Err(WhyNot::Declined));

        // Another provider's address.
        let back = team.visit("oidc", "ada", "/").await;
        assert_eq!(
            team.finish("github", back.returned()).await.map(drop),
            Err(WhyNot::NotBelieved)
        );
        assert_eq!(
            team.finish("oidc", back.returned()).await.map(drop),
            Err(WhyNot::Expired)
        );
        assert_eq!(
            team.finish("gitlab", back.returned()).await.map(drop),
            Err(WhyNot::UnknownProvider)
        );
        assert_eq!(
            team.engine.external().start("gitlab", None).await.unwrap_err().why,
            WhyNot::UnknownProvider
        );
    })
    .await;
}

#[tokio::test]
async fn who_declines_or_takes_too_long_is_not_signed_in() {
    with_providers(SignUpPolicy::Open, async |team| {
        assert_eq!(team.come_in("oidc", "nobody").await, Err(WhyNot::Declined));
        let back = team.visit("oidc", "ada", "/").await;
        team.clock.advance(10 * MINUTE);
        assert_eq!(
            team.finish("oidc", back.returned()).await.map(drop),
            Err(WhyNot::Expired)
        );
        let mut reader = team.store.read().await.unwrap();
        assert!(
            !reader.has_operator().await.unwrap(),
            "an account was made all the same"
        );
    })
    .await;
}
