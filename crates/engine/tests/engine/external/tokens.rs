//! Tokens of a trusted issuer as credentials.

use codecourier_domain::time::Timestamp;
use codecourier_engine::access::{Credential, Person, Principal, Standing};
use codecourier_engine::{Error, ErrorCode};
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::always;
use codecourier_testkit::outside::key_server::KeyServer;
use codecourier_testkit::outside::signing::{SigningKey, token_of_secret, unsigned};
use codecourier_testkit::outside::world::PUBLIC_URL;
use serde_json::{Value, json};

use super::world_of_issuer;
use crate::agents::good;
use crate::team::{Team, on};

/// A token that the issuer gives one of its people.
pub(super) fn claims(issuer: &str, subject: &str, email: &str, now: Timestamp) -> Value {
    let seconds = now.milliseconds() / 1000;
    json!({
        "iss": issuer, "sub": subject, "azp": PUBLIC_URL, "sid": "sess_1",
        "iat": seconds, "nbf": seconds - 10, "exp": seconds + 3_600,
        "email": email, "email_verified": true, "name": subject,
    })
}

impl Team {
    pub(super) async fn show(&self, token: &str) -> Result<Person, Error> {
        let credential = Credential::from_bearer(token)?;
        match self.engine.access().authenticate(&credential).await? {
            Principal::Person(person) => Ok(person),
            Principal::ApiKey(_) => panic!("a token is no key"),
        }
    }

    async fn refused(&self, token: &str) {
        let error = self.show(token).await.expect_err("the token is believed");
        assert_eq!(error.code, ErrorCode::AuthInvalid);
        let made_up = self.show("made.up.token").await.unwrap_err();
        assert_eq!(error.message, made_up.message, "the answer tells why");
    }

    pub(super) fn clock_now(&self) -> Timestamp {
        use codecourier_domain::time::Clock as _;

        self.clock.now()
    }
}

#[tokio::test]
async fn the_issuers_people_get_accounts_at_first_sight() {
    let key = SigningKey::rsa("one");
    let server = KeyServer::start(&[&key]).await;
    let world = world_of_issuer(&server);
    let engine = world.start().await;
    on(&world, &engine, async move |team| {
        let now = team.clock_now();
        let ada = key.token(&claims(&server.issuer(), "user_ada", "ada@example.org", now));
        let first = team.show(&ada).await.unwrap();
        assert_eq!((first.session, first.standing), (None, Standing::Operator));
        assert_eq!(team.show(&ada).await.unwrap(), first);
        let twin = key.token(&claims(&server.issuer(), "user_twin", "ada@example.org", now));
        assert_eq!(
            team.show(&twin).await.unwrap().user,
            first.user,
            "one verified address, one account"
        );
        let bob = key.token(&claims(&server.issuer(), "user_bob", "bob@example.org", now));
        let bob = team.show(&bob).await.unwrap();
        assert_eq!(bob.standing, Standing::User);

        // Who is known needs no address any more.
        let mut without = claims(&server.issuer(), "user_bob", "", now);
        without
            .as_object_mut()
            .unwrap()
            .retain(|name, _| !name.starts_with("email"));
        assert_eq!(team.show(&key.token(&without)).await.unwrap().user, bob.user);
    })
    .await;
    engine.kill().await;
}

#[tokio::test]
async fn what_is_not_the_issuers_word_is_refused_in_the_same_words() {
    let (key, ec) = (SigningKey::rsa("one"), SigningKey::ec("two"));
    let server = KeyServer::start(&[&key, &ec]).await;
    let world = world_of_issuer(&server);
    let engine = world.start().await;
    on(&world, &engine, async move |team| {
        let now = team.clock_now();
        let good = claims(&server.issuer(), "user_ada", "ada@example.org", now);
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            claims
        };
        let seconds = now.milliseconds() / 1000;
        let head = json!({ "alg": "RS256", "kid": "one" });
        for token in [
            SigningKey::rsa("one").token(&good),
            SigningKey::rsa("other").token(&good),
            key.token(&with("exp", json!(seconds - 61))),
            key.token(&with("nbf", json!(seconds + 120))),
            key.token(&with("iss", json!("https://evil.example"))),
            key.token(&with("azp", json!("https://evil.example"))),
            key.token(&with("sts", json!("pending"))),
            key.token(&with("email_verified", json!(false))),
            key.token(&with("email", json!("nobody"))),
            format!("{}.", unsigned(&json!({ "alg": "none" }), &good)),
            token_of_secret(&key.public_der(), &json!({ "alg": "HS256", "kid": "one" }), &good),
            token_of_secret(&key.public_der(), &head, &good),
            key.token_with(&json!({ "alg": "ES256", "kid": "one" }), &good),
            ec.token_with(&json!({ "alg": "ES256", "kid": "one" }), &good),
            "x".repeat(100_000),
            String::new(),
        ] {
            team.refused(&token).await;
        }
        let mut reader = team.store.read().await.unwrap();
        assert!(!reader.has_operator().await.unwrap(), "somebody got an account");
        drop(reader);
        assert!(team.show(&key.token(&good)).await.is_ok());
    })
    .await;
    engine.kill().await;
}

#[tokio::test]
async fn an_account_that_nobody_proved_to_be_theirs_is_not_taken_over() {
    let key = SigningKey::ec("one");
    let server = KeyServer::start(&[&key]).await;
    let world = world_of_issuer(&server);
    let engine = world.start().await;
    on(&world, &engine, async move |team| {
        team.account("ada", None).await;
        let token = key.token(&claims(
            &server.issuer(),
            "user_ada",
            "ada@example.org",
            team.clock_now(),
        ));
        team.refused(&token).await;
    })
    .await;
    engine.kill().await;
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_told_apart_from_a_bad_token() {
    let key = SigningKey::ec("one");
    let server = KeyServer::start(&[&key]).await;
    server.answer(503, &json!({}));
    let world = world_of_issuer(&server);
    let engine = world.start().await;
    on(&world, &engine, async move |team| {
        let token = key.token(&claims(
            &server.issuer(),
            "user_ada",
            "ada@example.org",
            team.clock_now(),
        ));
        assert_eq!(team.show(&token).await.unwrap_err().code, ErrorCode::Unavailable);
        server.publish(&[&key]);
        team.clock.advance(11_000);
        assert!(team.show(&token).await.is_ok());
    })
    .await;
    engine.kill().await;
}

#[tokio::test]
async fn where_no_issuer_is_trusted_tokens_are_worth_nothing() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    on(&world, &engine, async |team| {
        let token = SigningKey::ec("one").token(&claims("https://a", "user_ada", "ada@example.org", team.clock_now()));
        team.refused(&token).await;
    })
    .await;
    engine.kill().await;
}
