//! Sign-in through the real provider: everything a browser and a provider can do right, and wrong.

use codecourier_domain::time::Timestamp;
use codecourier_identity::attempt::Attempt;
use codecourier_identity::jwt;
use codecourier_identity::oidc::{Oidc, OidcConfig};
use codecourier_identity::person::{OutsideEmail, OutsidePerson};
use codecourier_identity::provider::{Callback, Provider, SignInFailed};
use codecourier_testkit::outside::browser::Browser;
use codecourier_testkit::outside::oidc_provider::{CLIENT_ID, CLIENT_SECRET, ClaimsAt, OidcProvider};
use codecourier_testkit::outside::signing::SigningKey;
use serde_json::{Value, json};

use super::{now, outbound};

const RETURN_TO: &str = "http://127.0.0.1:9/return";

fn accounts() -> Value {
    json!({
        "ada": { "email": "ada@example.org", "email_verified": true, "name": "Ada Lovelace" },
        "eve": { "email": "ada@example.org", "email_verified": false, "name": "Eve" },
    })
}

fn provider_at(issuer: &str, client: &str) -> Provider {
    let config = OidcConfig {
        issuer: issuer.to_owned(),
        client_id: client.to_owned(),
        client_secret: Some(CLIENT_SECRET.to_owned().into()),
        scopes: OidcConfig::usual_scopes(),
    };
    Provider::Oidc(Oidc::new(outbound(), config).unwrap())
}

/// What the browser brings back.
struct Returned {
    code: Option<String>,
    error: Option<String>,
    state: Option<String>,
    issuer: Option<String>,
}

impl Returned {
    fn callback(&self) -> Callback<'_> {
        Callback {
            code: self.code.as_deref(),
            error: self.error.as_deref(),
            issuer: self.issuer.as_deref(),
        }
    }
}

async fn visit(provider: &Provider, attempt: &Attempt, account: &str) -> Returned {
    let url = provider.authorization(attempt, RETURN_TO, now()).await.unwrap();
    let back = Browser::default().follow(&url, account, RETURN_TO).await;
    let given = |name: &str| {
        let mut pairs = back.query_pairs();
        pairs
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.into_owned())
    };
    Returned {
        code: given("code"),
        error: given("error"),
        state: given("state"),
        issuer: given("iss"),
    }
}

async fn sign_in(provider: &Provider, account: &str, at: Timestamp) -> Result<OutsidePerson, SignInFailed> {
    let attempt = Attempt::begin();
    let returned = visit(provider, &attempt, account).await;
    assert_eq!(returned.state.as_deref(), Some(attempt.state()));
    provider.finish(&attempt, &returned.callback(), RETURN_TO, at).await
}

fn is_invalid_grant(finished: &Result<OutsidePerson, SignInFailed>) -> bool {
    matches!(finished, Err(SignInFailed::Refused(word)) if word == "invalid_grant")
}

#[tokio::test]
async fn people_sign_in_whatever_the_keys_are_and_wherever_the_claims() {
    for (key, claims_at) in [
        (SigningKey::rsa("one"), ClaimsAt::IdToken),
        (SigningKey::ec("one"), ClaimsAt::UserInfo),
    ] {
        let real = OidcProvider::start(&[&key], &accounts(), &[RETURN_TO], claims_at);
        for client in [CLIENT_ID, "another client"] {
            let provider = provider_at(real.issuer(), client);
            let ada = sign_in(&provider, "ada", now()).await.unwrap();
            let expected = OutsidePerson {
                issuer: real.issuer().to_owned(),
                subject: "ada".to_owned(),
                email: OutsideEmail::Verified("ada@example.org".parse().unwrap()),
                name: Some("Ada Lovelace".parse().unwrap()),
                session: ada.session.clone(),
            };
            assert_eq!(ada, expected);
            let eve = sign_in(&provider, "eve", now()).await.unwrap();
            assert_eq!(eve.email, OutsideEmail::Unverified("ada@example.org".parse().unwrap()));
        }
    }
}

#[tokio::test]
async fn who_declines_is_not_signed_in() {
    let key = SigningKey::ec("one");
    let real = OidcProvider::start(&[&key], &accounts(), &[RETURN_TO], ClaimsAt::IdToken);
    let declined = sign_in(&provider_at(real.issuer(), CLIENT_ID), "nobody", now()).await;
    assert!(
        matches!(&declined, Err(SignInFailed::Refused(word)) if word == "access_denied"),
        "{declined:?}"
    );
}

#[tokio::test]
async fn keys_may_change_at_any_time() {
    let (old, new) = (SigningKey::rsa("old"), SigningKey::rsa("new"));
    let real = OidcProvider::start(&[&old], &accounts(), &[RETURN_TO], ClaimsAt::IdToken);
    let provider = provider_at(real.issuer(), CLIENT_ID);
    assert!(sign_in(&provider, "ada", now()).await.is_ok());
    real.rotate(&[&new]);
    // The pause between two fetches has passed; the keys that are kept are still fresh.
    let later = now().plus_milliseconds(11_000);
    assert!(sign_in(&provider, "ada", later).await.is_ok());
}

#[tokio::test]
async fn a_code_is_worth_nothing_twice_to_others_or_in_another_attempt() {
    let key = SigningKey::ec("one");
    let real = OidcProvider::start(&[&key], &accounts(), &[RETURN_TO], ClaimsAt::IdToken);
    let provider = provider_at(real.issuer(), CLIENT_ID);

    let attempt = Attempt::begin();
    let returned = visit(&provider, &attempt, "ada").await;
    let callback = returned.callback();
    // Injected into somebody else's attempt: the verifier is another.
    let refused = provider.finish(&Attempt::begin(), &callback, RETURN_TO, now()).await;
    assert!(is_invalid_grant(&refused), "{refused:?}");

    let returned = visit(&provider, &attempt, "ada").await;
    let callback = returned.callback();
    assert!(provider.finish(&attempt, &callback, RETURN_TO, now()).await.is_ok());
    let again = provider.finish(&attempt, &callback, RETURN_TO, now()).await;
    assert!(is_invalid_grant(&again), "{again:?}");

    // At another client of the same provider.
    let other = provider_at(real.issuer(), "another client");
    let returned = visit(&provider, &attempt, "ada").await;
    let refused = other.finish(&attempt, &returned.callback(), RETURN_TO, now()).await;
    assert!(matches!(refused, Err(SignInFailed::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn answers_of_another_provider_are_not_mixed_up() {
    let key = SigningKey::ec("one");
    let real = OidcProvider::start(&[&key], &accounts(), &[RETURN_TO], ClaimsAt::IdToken);
    let provider = provider_at(real.issuer(), CLIENT_ID);
    let attempt = Attempt::begin();
    let returned = visit(&provider, &attempt, "ada").await;
    for issuer in [None, Some("https://evil.example"), Some("")] {
        let callback = Callback {
            issuer,
            ..returned.callback()
        };
        let refused = provider.finish(&attempt, &callback, RETURN_TO, now()).await;
        assert!(matches!(refused, Err(SignInFailed::MixedUp)), "{issuer:?}: {refused:?}");
    }
    let without_code = Callback {
        code: None,
        ..returned.callback()
    };
    let refused = provider.finish(&attempt, &without_code, RETURN_TO, now()).await;
    assert!(matches!(refused, Err(SignInFailed::NoCode)));
    assert!(
        provider
            .finish(&attempt, &returned.callback(), RETURN_TO, now())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn the_issuer_must_be_the_one_that_is_configured() {
    let key = SigningKey::ec("one");
    let real = OidcProvider::start(&[&key], &accounts(), &[RETURN_TO], ClaimsAt::IdToken);
    let by_another_name = real.issuer().replace("127.0.0.1", "localhost");
    let provider = provider_at(&by_another_name, CLIENT_ID);
    let refused = provider.authorization(&Attempt::begin(), RETURN_TO, now()).await;
    assert!(matches!(refused, Err(SignInFailed::Provider(_))), "{refused:?}");
    let nobody = provider_at("http://127.0.0.1:1", CLIENT_ID);
    let refused = nobody.authorization(&Attempt::begin(), RETURN_TO, now()).await;
    assert!(matches!(refused, Err(SignInFailed::Provider(_))), "{refused:?}");
}

#[tokio::test]
async fn id_tokens_out_of_time_are_refused() {
    let key = SigningKey::ec("one");
    let real = OidcProvider::start(&[&key], &accounts(), &[RETURN_TO], ClaimsAt::IdToken);
    let day = 86_400_000;
    for (off, what) in [(day, "expired"), (-day, "not yet valid")] {
        let provider = provider_at(real.issuer(), CLIENT_ID);
        let refused = sign_in(&provider, "ada", now().plus_milliseconds(off)).await;
        let is_right = matches!(
            (&refused, what),
            (Err(SignInFailed::IdToken(jwt::Refused::Expired)), "expired")
                | (Err(SignInFailed::IdToken(jwt::Refused::NotYetValid)), "not yet valid")
        );
        assert!(is_right, "{what}: {refused:?}");
    }
}
