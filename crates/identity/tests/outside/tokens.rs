//! Tokens of a trusted issuer: which are believed, and all the ways not to be.

use codecourier_domain::time::Timestamp;
use codecourier_identity::jwt::{LEEWAY_MS, MAX_TOKEN_BYTES, Refused, TrustedIssuer, UnsoundIssuer, WhoTokensAreFor};
use codecourier_identity::person::{OutsideEmail, OutsidePerson};
use codecourier_testkit::outside::key_server::KeyServer;
use codecourier_testkit::outside::signing::{SigningKey, token_of_secret, unsigned};
use serde_json::{Value, json};

use super::outbound;

const NOON: Timestamp = Timestamp(1_800_000_000_000);
const NOON_SECONDS: i64 = 1_800_000_000;
const MINUTE: i64 = 60_000;

struct Scene {
    server: KeyServer,
    issuer: TrustedIssuer,
    rsa: SigningKey,
    ec: SigningKey,
}

fn for_audience() -> WhoTokensAreFor {
    WhoTokensAreFor {
        audiences: vec!["codecourier".to_owned()],
        parties: Vec::new(),
    }
}

fn for_party() -> WhoTokensAreFor {
    WhoTokensAreFor {
        audiences: Vec::new(),
        parties: vec!["https://app.example.org".to_owned()],
    }
}

impl Scene {
    async fn new(tokens_are_for: WhoTokensAreFor) -> Self {
        let (rsa, ec) = (SigningKey::rsa("rsa"), SigningKey::ec("ec"));
        let server = KeyServer::start(&[&rsa, &ec]).await;
        let issuer = TrustedIssuer::new(outbound(), &server.issuer(), None, tokens_are_for).unwrap();
        Self {
            server,
            issuer,
            rsa,
            ec,
        }
    }

    /// The claims of a good token for either of the two ways to say whom it is for.
    fn claims(&self) -> Value {
        json!({
            "iss": self.server.issuer(), "sub": "user_2abc", "aud": "codecourier", "azp": "https://app.example.org",
            "iat": NOON_SECONDS, "nbf": NOON_SECONDS - 10, "exp": NOON_SECONDS + 60, "sid": "sess_1",
            "email": "Ada@Example.org", "email_verified": true, "name": "Ada Lovelace",
        })
    }

    fn with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    fn without(&self, name: &str) -> Value {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().shift_remove(name);
        claims
    }

    async fn verify(&self, token: &str) -> Result<OutsidePerson, Refused> {
        self.issuer.verify(token, NOON).await
    }

    async fn refusal(&self, token: &str) -> Refused {
        self.verify(token).await.expect_err("the token is believed")
    }
}

#[tokio::test]
async fn a_good_token_says_who_it_is() {
    let scene = Scene::new(for_audience()).await;
    for key in [&scene.rsa, &scene.ec] {
        let person = scene.verify(&key.token(&scene.claims())).await.unwrap();
        let expected = OutsidePerson {
            issuer: scene.server.issuer(),
            subject: "user_2abc".to_owned(),
            email: OutsideEmail::Verified("ada@example.org".parse().unwrap()),
            name: Some("Ada Lovelace".parse().unwrap()),
            session: Some("sess_1".to_owned()),
        };
        assert_eq!(person, expected);
    }
    assert_eq!(scene.server.asked(), 1);
}

#[tokio::test]
async fn clerks_shape_of_claims_is_understood() {
    let scene = Scene::new(for_party()).await;
    let clerk = json!({
        "azp": "https://app.example.org", "exp": NOON_SECONDS + 60, "fva": [0, -1], "iat": NOON_SECONDS,
        "iss": scene.server.issuer(), "nbf": NOON_SECONDS - 10, "sid": "sess_1", "sts": "active", "sub": "user_2abc", "v": 2,
        "primary_email_address": "ada@example.org", "email_verified": "true", "full_name": "Ada Lovelace",
        "o": { "id": "org_1", "rol": "admin" },
    });
    let person = scene.verify(&scene.rsa.token(&clerk)).await.unwrap();
    assert_eq!(person.email, OutsideEmail::Verified("ada@example.org".parse().unwrap()));
    assert_eq!(person.name, "Ada Lovelace".parse().ok());

    let mut pending = clerk.clone();
    pending["sts"] = json!("pending");
    assert!(matches!(
        scene.refusal(&scene.rsa.token(&pending)).await,
        Refused::Session
    ));
    let mut elsewhere = clerk;
    elsewhere["azp"] = json!("https://evil.example");
    assert!(matches!(
        scene.refusal(&scene.rsa.token(&elsewhere)).await,
        Refused::Party
    ));
    assert!(matches!(
        scene.refusal(&scene.rsa.token(&scene.without("azp"))).await,
        Refused::Party
    ));
}

#[tokio::test]
async fn an_address_counts_as_verified_only_if_the_issuer_says_so() {
    let scene = Scene::new(for_audience()).await;
    let ada = || "ada@example.org".parse().unwrap();
    for (value, expected) in [
        (json!(true), OutsideEmail::Verified(ada())),
        (json!("true"), OutsideEmail::Verified(ada())),
        (json!(false), OutsideEmail::Unverified(ada())),
        (json!("TRUE"), OutsideEmail::Unverified(ada())),
        (json!("yes"), OutsideEmail::Unverified(ada())),
        (json!(null), OutsideEmail::Unverified(ada())),
    ] {
        let token = scene.ec.token(&scene.with("email_verified", value.clone()));
        assert_eq!(scene.verify(&token).await.unwrap().email, expected, "{value}");
    }
    let missing = scene.verify(&scene.ec.token(&scene.without("email"))).await.unwrap();
    assert_eq!(missing.email, OutsideEmail::Absent);
    let unreadable = scene
        .ec
        .token(&scene.with("email", json!("ada@example.org\r\nBcc: x@y.z")));
    assert_eq!(scene.verify(&unreadable).await.unwrap().email, OutsideEmail::Absent);
}

#[tokio::test]
async fn tokens_for_others_of_others_or_out_of_time_are_refused() {
    let scene = Scene::new(for_audience()).await;
    let several = scene.ec.token(&scene.with("aud", json!(["other", "codecourier"])));
    assert!(scene.verify(&several).await.is_ok());
    for audience in [json!("other"), json!(["other"]), json!([]), json!("codecourier ")] {
        let token = scene.ec.token(&scene.with("aud", audience));
        assert!(matches!(scene.refusal(&token).await, Refused::Audience));
    }
    let token = scene.ec.token(&scene.without("aud"));
    assert!(matches!(scene.refusal(&token).await, Refused::Audience));

    let issuer = scene.server.issuer();
    for other in [format!("{issuer}/"), "https://evil.example".to_owned(), String::new()] {
        let token = scene.ec.token(&scene.with("iss", json!(other)));
        assert!(matches!(scene.refusal(&token).await, Refused::Issuer), "{other}");
    }
    assert!(matches!(
        scene.refusal(&scene.ec.token(&scene.without("iss"))).await,
        Refused::Issuer
    ));

    for expires in [json!(NOON_SECONDS - 60), json!(0), json!(-1), json!(-1e300)] {
        let token = scene.ec.token(&scene.with("exp", expires.clone()));
        assert!(matches!(scene.refusal(&token).await, Refused::Expired), "{expires}");
    }
    let token = scene.ec.token(&scene.without("exp"));
    assert!(matches!(scene.refusal(&token).await, Refused::Expired));
    let token = scene.ec.token(&scene.claims());
    let later = scene.issuer.verify(&token, NOON.plus_milliseconds(2 * MINUTE));
    assert!(
        matches!(later.await, Err(Refused::Expired)),
        "the clock is not the one that was given"
    );

    for name in ["nbf", "iat"] {
        let token = scene.ec.token(&scene.with(name, json!(NOON_SECONDS + 61)));
        assert!(matches!(scene.refusal(&token).await, Refused::NotYetValid), "{name}");
    }
    for subject in [json!(null), json!(""), json!("x".repeat(300)), json!("a\u{0}b")] {
        let token = scene.ec.token(&scene.with("sub", subject));
        assert!(matches!(scene.refusal(&token).await, Refused::Subject));
    }
}

#[tokio::test]
async fn clocks_may_be_a_minute_apart() {
    let scene = Scene::new(for_audience()).await;
    for (name, seconds) in [
        ("exp", json!(NOON_SECONDS - 59)),
        ("nbf", json!(NOON_SECONDS + 60)),
        ("iat", json!(NOON_SECONDS + 60)),
        ("exp", json!(1_800_000_000.5)),
        ("exp", json!(1e300)),
    ] {
        let token = scene.ec.token(&scene.with(name, seconds.clone()));
        assert!(scene.verify(&token).await.is_ok(), "{name} {seconds}");
    }
    assert_eq!(LEEWAY_MS, 60_000);
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let scene = Scene::new(for_audience()).await;
    let claims = scene.claims();
    let stranger = SigningKey::rsa("rsa");
    assert!(matches!(
        scene.refusal(&stranger.token(&claims)).await,
        Refused::Signature
    ));

    // Other claims under a good signature.
    let good = scene.rsa.token(&claims);
    let signature = good.rsplit_once('.').unwrap().1;
    let head = json!({ "alg": "RS256", "kid": "rsa", "typ": "JWT" });
    let changed = unsigned(&head, &scene.with("sub", json!("somebody else")));
    assert!(matches!(
        scene.refusal(&format!("{changed}.{signature}")).await,
        Refused::Signature
    ));
    for cut in [
        String::new(),
        signature[..signature.len() - 4].to_owned(),
        format!("{signature}AAAA"),
    ] {
        let token = format!("{}.{cut}", unsigned(&head, &claims));
        assert!(matches!(scene.refusal(&token).await, Refused::Signature));
    }

    // No signature.
    for name in ["none", "None", "NONE"] {
        let token = format!("{}.", unsigned(&json!({ "alg": name, "kid": "rsa" }), &claims));
        assert!(matches!(scene.refusal(&token).await, Refused::Algorithm), "{name}");
    }
    // The public key as the secret of a symmetric algorithm, in each form that a library might take it.
    let public = scene.rsa.public_der();
    let modulus = scene.rsa.public()["n"].as_str().unwrap().to_owned();
    for secret in [public.as_slice(), modulus.as_bytes(), b""] {
        for name in ["HS256", "HS384", "HS512"] {
            let token = token_of_secret(secret, &json!({ "alg": name, "kid": "rsa" }), &claims);
            assert!(matches!(scene.refusal(&token).await, Refused::Algorithm));
        }
        let token = token_of_secret(secret, &json!({ "alg": "RS256", "kid": "rsa" }), &claims);
        assert!(matches!(scene.refusal(&token).await, Refused::Signature));
    }
    // A key as what it is not.
    for (key, name) in [(&scene.rsa, "ES256"), (&scene.ec, "RS256")] {
        let token = key.token_with(&json!({ "alg": name, "kid": key.name() }), &claims);
        assert!(matches!(scene.refusal(&token).await, Refused::UnknownKey));
    }
    // A key that the token brings itself.
    let head = json!({ "alg": "RS256", "kid": "mine", "jwk": stranger.public(), "jku": "http://127.0.0.1:1/" });
    assert!(matches!(
        scene.refusal(&stranger.token_with(&head, &claims)).await,
        Refused::UnknownKey
    ));
    // No name of a key: only for the one key of its algorithm.
    assert!(
        scene
            .verify(&scene.rsa.token_with(&json!({ "alg": "RS256" }), &claims))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_huge_token_is_refused_before_anything_is_asked() {
    let scene = Scene::new(for_audience()).await;
    let token = scene.rsa.token(&scene.with("name", json!("x".repeat(MAX_TOKEN_BYTES))));
    assert!(matches!(scene.refusal(&token).await, Refused::TooLong));
    assert!(matches!(scene.refusal(&"A.".repeat(5_000_000)).await, Refused::TooLong));
    assert_eq!(scene.server.asked(), 0);
}

#[tokio::test]
async fn claims_of_the_wrong_type_and_twofold_claims_are_refused() {
    let scene = Scene::new(for_audience()).await;
    for (name, value) in [
        ("exp", json!("never")),
        ("exp", json!([NOON_SECONDS + 60])),
        ("aud", json!({ "codecourier": true })),
        ("iss", json!(["a", "b"])),
        ("sub", json!(7)),
        ("email", json!(["ada@example.org"])),
        ("email_verified", json!(1)),
    ] {
        let token = scene.ec.token(&scene.with(name, value.clone()));
        assert!(
            matches!(scene.refusal(&token).await, Refused::Malformed),
            "{name} {value}"
        );
    }
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_but_strangers_cause_few_requests() {
    let scene = Scene::new(for_audience()).await;
    let claims = scene.with("exp", json!(NOON_SECONDS + 86_400));
    assert!(scene.verify(&scene.rsa.token(&claims)).await.is_ok());
    let new = SigningKey::ec("new");
    for number in 0..200 {
        let head = json!({ "alg": "ES256", "kid": format!("made up {number}") });
        let token = new.token_with(&head, &claims);
        let refused = scene.issuer.verify(&token, NOON.plus_milliseconds(number * 10)).await;
        assert!(matches!(refused, Err(Refused::UnknownKey)));
    }
    assert_eq!(scene.server.asked(), 1, "strangers made us ask");

    scene.server.publish(&[&new]);
    let later = NOON.plus_milliseconds(11_000);
    assert!(scene.issuer.verify(&new.token(&claims), later).await.is_ok());
    assert_eq!(scene.server.asked(), 2);
    let withdrawn = scene.issuer.verify(&scene.rsa.token(&claims), later).await;
    assert!(
        matches!(withdrawn, Err(Refused::UnknownKey)),
        "a withdrawn key is still good"
    );
}

#[tokio::test]
async fn an_issuer_that_is_down_or_publishes_nonsense_takes_nothing_away() {
    let scene = Scene::new(for_audience()).await;
    let token = scene.rsa.token(&scene.with("exp", json!(NOON_SECONDS + 86_400)));
    assert!(scene.verify(&token).await.is_ok());
    for (number, (status, body)) in [
        (503, json!({})),
        (200, json!("not a set")),
        (200, json!({ "keys": [] })),
        (302, json!({})),
        (200, json!({ "keys": "x".repeat(400_000) })),
    ]
    .into_iter()
    .enumerate()
    {
        scene.server.answer(status, &body);
        let asked = scene.server.asked();
        let later = NOON.plus_milliseconds((11 + i64::try_from(number).unwrap()) * MINUTE);
        assert!(scene.issuer.verify(&token, later).await.is_ok(), "{status}");
        assert_eq!(scene.server.asked(), asked + 1, "it was not asked again");
    }
    let fresh = TrustedIssuer::new(outbound(), &scene.server.issuer(), None, for_audience()).unwrap();
    assert!(matches!(
        fresh.verify(&token, NOON).await,
        Err(Refused::KeysUnavailable(_))
    ));
}

#[tokio::test]
async fn an_issuer_must_be_sound_and_its_tokens_for_somebody() {
    let new = |issuer: &str, keys: Option<&str>, tokens_are_for| {
        TrustedIssuer::new(outbound(), issuer, keys, tokens_are_for).map(drop)
    };
    let sound = "https://clerk.example.org";
    assert!(new(sound, None, for_party()).is_ok());
    assert!(matches!(
        new(sound, None, WhoTokensAreFor::default()),
        Err(UnsoundIssuer::ForAnybody)
    ));
    assert!(matches!(
        new("http://clerk.example.org", None, for_party()),
        Err(UnsoundIssuer::Issuer(_))
    ));
    assert!(matches!(
        new(sound, Some("file:///etc/passwd"), for_party()),
        Err(UnsoundIssuer::Keys(_))
    ));
}
