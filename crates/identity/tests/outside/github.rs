//! Sign-in through GitHub.

use codecourier_identity::attempt::Attempt;
use codecourier_identity::github::{GitHub, GitHubConfig};
use codecourier_identity::person::{OutsideEmail, OutsidePerson};
use codecourier_identity::provider::{Callback, Provider, SignInFailed};
use codecourier_testkit::outside::browser::Browser;
use codecourier_testkit::outside::fake_github::{CLIENT_ID, CLIENT_SECRET, FakeGitHub};
use serde_json::{Value, json};

use super::{now, outbound};

const RETURN_TO: &str = "http://127.0.0.1:9/return";

fn ada() -> Value {
    json!({ "login": "ada", "id": 1815, "name": "Ada Lovelace", "email": "public@example.org", "type": "User" })
}

fn emails() -> Value {
    json!([
        { "email": "old@example.org", "primary": false, "verified": true, "visibility": null },
        { "email": "Ada@example.org", "primary": true, "verified": true, "visibility": "private" },
    ])
}

fn provider(github: &FakeGitHub, secret: &str) -> Provider {
    let config = GitHubConfig {
        web_url: github.web_url(),
        api_url: github.api_url(),
        ..GitHubConfig::new(CLIENT_ID.to_owned(), secret.to_owned().into())
    };
    Provider::GitHub(GitHub::new(outbound(), config).unwrap())
}

async fn visit(provider: &Provider, attempt: &Attempt) -> String {
    let url = provider.authorization(attempt, RETURN_TO, now()).await.unwrap();
    let back = Browser::default().follow(&url, "", RETURN_TO).await;
    let given = |name: &str| {
        let mut pairs = back.query_pairs();
        pairs.find(|(given, _)| given == name).unwrap().1.into_owned()
    };
    assert_eq!(given("state"), attempt.state());
    given("code")
}

async fn finish(provider: &Provider, attempt: &Attempt, code: &str) -> Result<OutsidePerson, SignInFailed> {
    let callback = Callback {
        code: Some(code),
        ..Callback::default()
    };
    provider.finish(attempt, &callback, RETURN_TO, now()).await
}

async fn sign_in(provider: &Provider) -> Result<OutsidePerson, SignInFailed> {
    let attempt = Attempt::begin();
    let code = visit(provider, &attempt).await;
    finish(provider, &attempt, &code).await
}

#[tokio::test]
async fn the_person_is_the_number_and_the_address_the_primary_one() {
    let github = FakeGitHub::start(RETURN_TO, ada(), emails()).await;
    let provider = provider(&github, CLIENT_SECRET);
    let person = sign_in(&provider).await.unwrap();
    let expected = OutsidePerson {
        issuer: github.web_url(),
        subject: "1815".to_owned(),
        email: OutsideEmail::Verified("ada@example.org".parse().unwrap()),
        name: Some("Ada Lovelace".parse().unwrap()),
        session: None,
    };
    assert_eq!(person, expected);

    let unnamed = json!({ "login": "ada", "id": 1815, "name": null });
    github.visit(
        unnamed.clone(),
        json!([{ "email": "ada@example.org", "primary": true, "verified": false }]),
    );
    let person = sign_in(&provider).await.unwrap();
    assert_eq!(person.name, "ada".parse().ok());
    assert_eq!(
        person.email,
        OutsideEmail::Unverified("ada@example.org".parse().unwrap())
    );
    github.visit(
        unnamed,
        json!([{ "email": "old@example.org", "primary": false, "verified": true }]),
    );
    assert_eq!(sign_in(&provider).await.unwrap().email, OutsideEmail::Absent);
}

#[tokio::test]
async fn a_code_is_good_once_and_in_its_own_attempt() {
    let github = FakeGitHub::start(RETURN_TO, ada(), emails()).await;
    let provider = provider(&github, CLIENT_SECRET);
    let attempt = Attempt::begin();
    let code = visit(&provider, &attempt).await;
    assert!(finish(&provider, &attempt, &code).await.is_ok());
    let injected = visit(&provider, &attempt).await;
    for (attempt, code) in [
        (&attempt, &code),
        (&Attempt::begin(), &injected),
        (&attempt, &"made up".to_owned()),
    ] {
        let refused = finish(&provider, attempt, code).await;
        assert!(
            matches!(&refused, Err(SignInFailed::Refused(word)) if word == "bad_verification_code"),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn what_github_says_wrong_is_no_person() {
    let github = FakeGitHub::start(RETURN_TO, json!({ "login": "ada", "id": "1815" }), emails()).await;
    assert!(matches!(
        sign_in(&provider(&github, CLIENT_SECRET)).await,
        Err(SignInFailed::Provider(_))
    ));
    github.visit(ada(), json!({ "message": "Not Found" }));
    assert!(matches!(
        sign_in(&provider(&github, CLIENT_SECRET)).await,
        Err(SignInFailed::Provider(_))
    ));
    assert!(matches!(
        sign_in(&provider(&github, "wrong")).await,
        Err(SignInFailed::Refused(_))
    ));
    let of_another = Callback {
        code: Some("code"),
        error: None,
        issuer: Some("https://evil.example"),
    };
    let refused = provider(&github, CLIENT_SECRET)
        .finish(&Attempt::begin(), &of_another, RETURN_TO, now())
        .await;
    assert!(matches!(refused, Err(SignInFailed::MixedUp)));
}
