//! A provider that lies: sign-in with ID tokens and descriptions that must not be believed.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use codecourier_identity::attempt::Attempt;
use codecourier_identity::jwt::Refused;
use codecourier_identity::oidc::{Oidc, OidcConfig};
use codecourier_identity::person::{OutsideEmail, OutsidePerson};
use codecourier_identity::provider::{Callback, Provider, SignInFailed};
use codecourier_testkit::outside::signing::{SigningKey, key_set, token_of_secret, unsigned};
use parking_lot::Mutex;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{now, outbound};

const RETURN_TO: &str = "http://127.0.0.1:9/return";
const CLIENT: &str = "codecourier";

/// A provider that answers what it is told to.
struct Liar {
    issuer: String,
    key: SigningKey,
    answers: Arc<Mutex<Answers>>,
    _server: JoinSet<()>,
}

struct Answers {
    description: Value,
    keys: Value,
    token: Value,
    userinfo: Value,
}

impl Liar {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let key = SigningKey::rsa("one");
        let answers = Arc::new(Mutex::new(Answers {
            description: json!({
                "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
                "userinfo_endpoint": format!("{issuer}/userinfo"),
            }),
            keys: key_set(&[&key]),
            token: Value::Null,
            userinfo: Value::Null,
        }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&answers));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            issuer,
            key,
            answers,
            _server: server,
        }
    }

    fn provider(&self) -> Provider {
        let config = OidcConfig {
            issuer: self.issuer.clone(),
            client_id: CLIENT.to_owned(),
            client_secret: None,
            scopes: Vec::new(),
        };
        Provider::Oidc(Oidc::new(outbound(), config).unwrap())
    }

    /// The claims of a good ID token for an attempt.
    async fn claims(&self, attempt: &Attempt) -> Value {
        let url = self.provider().authorization(attempt, RETURN_TO, now()).await.unwrap();
        let url: Url = url.parse().unwrap();
        let nonce = url
            .query_pairs()
            .find(|(name, _)| name == "nonce")
            .unwrap()
            .1
            .into_owned();
        let seconds = now().milliseconds() / 1000;
        json!({
            "iss": self.issuer, "sub": "ada", "aud": CLIENT, "nonce": nonce, "iat": seconds, "exp": seconds + 300,
            "email": "ada@example.org", "email_verified": true,
        })
    }

    /// What comes of a sign-in with this ID token.
    async fn sign_in(&self, attempt: &Attempt, id_token: &str) -> Result<OutsidePerson, SignInFailed> {
        self.answers.lock().token = json!({ "access_token": "opaque", "token_type": "Bearer", "id_token": id_token });
        let callback = Callback {
            code: Some("code"),
            ..Callback::default()
        };
        self.provider().finish(attempt, &callback, RETURN_TO, now()).await
    }
}

async fn answer(State(answers): State<Arc<Mutex<Answers>>>, uri: Uri) -> Response {
    let answers = answers.lock();
    let value = match uri.path() {
        "/.well-known/openid-configuration" => &answers.description,
        "/keys" => &answers.keys,
        "/token" => &answers.token,
        "/userinfo" => &answers.userinfo,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    axum::Json(value.clone()).into_response()
}

#[tokio::test]
async fn id_tokens_for_others_or_of_another_attempt_are_refused() {
    let liar = Liar::start().await;
    let attempt = Attempt::begin();
    let good = liar.claims(&attempt).await;
    assert!(liar.sign_in(&attempt, &liar.key.token(&good)).await.is_ok());

    let other = liar.claims(&Attempt::begin()).await["nonce"].clone();
    let seconds = now().milliseconds() / 1000;
    type Is = fn(&Refused) -> bool;
    let lies: [(&str, Value, Is); 13] = [
        ("nonce", other, |refused| matches!(refused, Refused::Nonce)),
        ("nonce", Value::Null, |refused| matches!(refused, Refused::Nonce)),
        ("nonce", json!(""), |refused| matches!(refused, Refused::Nonce)),
        ("aud", json!("another"), |refused| matches!(refused, Refused::Audience)),
        ("aud", json!([]), |refused| matches!(refused, Refused::Audience)),
        ("aud", json!([CLIENT, "another"]), |refused| {
            matches!(refused, Refused::Party)
        }),
        ("azp", json!("another"), |refused| matches!(refused, Refused::Party)),
        ("iss", json!("https://accounts.google.com"), |refused| {
            matches!(refused, Refused::Issuer)
        }),
        ("exp", json!(seconds - 61), |refused| {
            matches!(refused, Refused::Expired)
        }),
        ("exp", Value::Null, |refused| matches!(refused, Refused::Expired)),
        ("iat", json!(seconds + 600), |refused| {
            matches!(refused, Refused::NotYetValid)
        }),
        ("iat", Value::Null, |refused| matches!(refused, Refused::NotYetValid)),
        ("sub", json!(""), |refused| matches!(refused, Refused::Subject)),
    ];
    for (name, value, is) in lies {
        let mut claims = good.clone();
        claims[name] = value.clone();
        let refused = liar.sign_in(&attempt, &liar.key.token(&claims)).await;
        assert!(
            matches!(&refused, Err(SignInFailed::IdToken(refused)) if is(refused)),
            "{name} {value}: {refused:?}"
        );
    }
    let mut for_both = good;
    for_both["aud"] = json!([CLIENT, "another"]);
    for_both["azp"] = json!(CLIENT);
    assert!(liar.sign_in(&attempt, &liar.key.token(&for_both)).await.is_ok());
}

#[tokio::test]
async fn id_tokens_that_nobody_signed_are_refused_though_they_come_from_the_provider() {
    let liar = Liar::start().await;
    let attempt = Attempt::begin();
    let good = liar.claims(&attempt).await;
    let head = json!({ "alg": "RS256", "kid": "one" });
    for id_token in [
        SigningKey::rsa("one").token(&good),
        format!("{}.", unsigned(&json!({ "alg": "none" }), &good)),
        token_of_secret(&liar.key.public_der(), &json!({ "alg": "HS256", "kid": "one" }), &good),
        token_of_secret(&liar.key.public_der(), &head, &good),
        liar.key.token_with(&json!({ "alg": "ES256", "kid": "one" }), &good),
        liar.key
            .token_with(&json!({ "alg": "RS256", "kid": "one", "typ": "at+jwt" }), &good),
        String::new(),
        "x".repeat(200_000),
    ] {
        let refused = liar.sign_in(&attempt, &id_token).await;
        assert!(matches!(refused, Err(SignInFailed::IdToken(_))), "{refused:?}");
    }
    liar.answers.lock().token = json!({ "access_token": "opaque" });
    let callback = Callback {
        code: Some("code"),
        ..Callback::default()
    };
    let without = liar.provider().finish(&attempt, &callback, RETURN_TO, now()).await;
    assert!(matches!(without, Err(SignInFailed::NoIdToken)));
}

#[tokio::test]
async fn what_userinfo_says_counts_only_for_the_same_person() {
    let liar = Liar::start().await;
    let attempt = Attempt::begin();
    let mut claims = liar.claims(&attempt).await;
    claims.as_object_mut().unwrap().shift_remove("email");
    let id_token = liar.key.token(&claims);
    liar.answers.lock().userinfo = json!({ "sub": "eve", "email": "ada@example.org", "email_verified": true });
    let mixed_up = liar.sign_in(&attempt, &id_token).await;
    assert!(matches!(mixed_up, Err(SignInFailed::MixedUp)), "{mixed_up:?}");
    liar.answers.lock().userinfo = json!({ "sub": "ada", "email": "ada@example.org" });
    let person = liar.sign_in(&attempt, &id_token).await.unwrap();
    assert_eq!(
        person.email,
        OutsideEmail::Unverified("ada@example.org".parse().unwrap())
    );
}

#[tokio::test]
async fn descriptions_that_lead_elsewhere_are_refused() {
    for (name, value) in [
        ("issuer", json!("https://accounts.google.com")),
        ("token_endpoint", json!("http://169.254.169.254/latest/meta-data")),
        ("token_endpoint", json!("http://10.0.0.1/token")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("jwks_uri", json!("file:///etc/passwd")),
        ("userinfo_endpoint", json!("http://intranet.example.org/")),
        ("token_endpoint", Value::Null),
        ("jwks_uri", json!(7)),
    ] {
        let liar = Liar::start().await;
        liar.answers.lock().description[name] = value.clone();
        let refused = liar.provider().authorization(&Attempt::begin(), RETURN_TO, now()).await;
        assert!(
            matches!(refused, Err(SignInFailed::Provider(_))),
            "{name} {value}: {refused:?}"
        );
    }
}
