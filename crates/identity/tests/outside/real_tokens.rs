//! Tokens that the real provider signed, sent as bearer tokens: believed as they are, and in no other form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use codecourier_identity::jwt::{Refused, TrustedIssuer, WhoTokensAreFor};
use codecourier_identity::person::OutsideEmail;
use codecourier_testkit::outside::browser::Browser;
use codecourier_testkit::outside::oidc_provider::{CLIENT_ID, CLIENT_SECRET, ClaimsAt, OidcProvider};
use codecourier_testkit::outside::signing::{SigningKey, token_of_secret, unsigned};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{now, outbound};

const RETURN_TO: &str = "http://127.0.0.1:9/return";
const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters-as-it-must-be";

/// What a client of the provider gets for somebody: an ID token that nobody here made.
async fn token_of(real: &OidcProvider, account: &str) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut url: Url = format!("{}/auth", real.issuer()).parse().unwrap();
    url.query_pairs_mut().extend_pairs([
        ("client_id", CLIENT_ID),
        ("response_type", "code"),
        ("redirect_uri", RETURN_TO),
        ("scope", "openid email profile"),
        ("code_challenge_method", "S256"),
        ("code_challenge", &challenge),
    ]);
    let back = Browser::default().follow(url.as_str(), account, RETURN_TO).await;
    let code = back
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .into_owned();
    let form = url_form(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", RETURN_TO),
        ("code_verifier", VERIFIER),
    ]);
    let encode = |text: &str| url_form(&[("x", text)]).split_off(2);
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let answer = client
        .post(format!("{}/token", real.issuer()))
        .basic_auth(encode(CLIENT_ID), Some(encode(CLIENT_SECRET)))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    answer["id_token"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

fn url_form(pairs: &[(&str, &str)]) -> String {
    let mut url: Url = "http://x/".parse().unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap().to_owned()
}

fn issuer(real: &OidcProvider, audience: &str) -> TrustedIssuer {
    let keys = format!("{}/jwks", real.issuer());
    let tokens_are_for = WhoTokensAreFor {
        audiences: vec![audience.to_owned()],
        parties: Vec::new(),
    };
    TrustedIssuer::new(outbound(), real.issuer(), Some(&keys), tokens_are_for).unwrap()
}

fn accounts() -> Value {
    json!({ "ada": { "email": "ada@example.org", "email_verified": true, "name": "Ada Lovelace" } })
}

#[tokio::test]
async fn the_real_providers_tokens_are_believed_until_its_keys_change() {
    for (old, new) in [
        (SigningKey::rsa("old"), SigningKey::rsa("new")),
        (SigningKey::ec("old"), SigningKey::ec("new")),
    ] {
        let real = OidcProvider::start(&[&old], &accounts(), &[RETURN_TO], ClaimsAt::IdToken);
        let trusted = issuer(&real, CLIENT_ID);
        let before = token_of(&real, "ada").await;
        let ada = trusted.verify(&before, now()).await.unwrap();
        assert_eq!((ada.subject.as_str(), ada.issuer.as_str()), ("ada", real.issuer()));
        assert_eq!(ada.email, OutsideEmail::Verified("ada@example.org".parse().unwrap()));

        // An unknown `kid` has the keys fetched again: the new ones count from now on, the old ones no more.
        real.rotate(&[&new]);
        let after = token_of(&real, "ada").await;
        let later = now().plus_milliseconds(11_000);
        assert!(trusted.verify(&after, later).await.is_ok());
        let withdrawn = trusted.verify(&before, later).await;
        assert!(matches!(withdrawn, Err(Refused::UnknownKey)), "{withdrawn:?}");
    }
}

#[tokio::test]
async fn the_real_providers_tokens_are_believed_in_no_other_form() {
    let (key, stranger) = (SigningKey::rsa("one"), SigningKey::rsa("one"));
    let real = OidcProvider::start(&[&key], &accounts(), &[RETURN_TO], ClaimsAt::IdToken);
    let token = token_of(&real, "ada").await;
    let trusted = issuer(&real, CLIENT_ID);
    assert!(trusted.verify(&token, now()).await.is_ok());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let claims = signed.rsplit_once('.').unwrap().1;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let head = |algorithm: &str, name: &str| json!({ "alg": algorithm, "kid": name, "typ": "JWT" });
    type Is = fn(&Refused) -> bool;
    let forgeries: [(&str, String, Is); 9] = [
        ("no signature", format!("{signed}."), |refused| {
            matches!(refused, Refused::Signature)
        }),
        (
            "alg none",
            format!("{}.", unsigned(&head("none", "one"), &claims)),
            |refused| matches!(refused, Refused::Algorithm),
        ),
        (
            "the public key as a secret",
            token_of_secret(&key.public_der(), &head("HS256", "one"), &claims),
            |refused| matches!(refused, Refused::Algorithm),
        ),
        (
            "the public key as a secret under the right algorithm",
            token_of_secret(&key.public_der(), &head("RS256", "one"), &claims),
            |refused| matches!(refused, Refused::Signature),
        ),
        ("a stranger's key of that name", stranger.token(&claims), |refused| {
            matches!(refused, Refused::Signature)
        }),
        (
            "a key that it brings along",
            stranger.token_with(
                &json!({ "alg": "RS256", "kid": "mine", "jwk": stranger.public(), "jku": "http://127.0.0.1:1/" }),
                &claims,
            ),
            |refused| matches!(refused, Refused::UnknownKey),
        ),
        (
            "a name that leads elsewhere",
            stranger.token_with(&head("RS256", "../../../dev/null"), &claims),
            |refused| matches!(refused, Refused::UnknownKey),
        ),
        (
            "another algorithm for the same key",
            key.token_with(&head("ES256", "one"), &claims),
            |refused| matches!(refused, Refused::UnknownKey),
        ),
        (
            "somebody else under the same signature",
            format!(
                "{}.{signature}",
                unsigned(&head("RS256", "one"), &with("sub", json!("eve")))
            ),
            |refused| matches!(refused, Refused::Signature),
        ),
    ];
    for (what, forged, is) in forgeries {
        let refused = trusted.verify(&forged, now()).await;
        assert!(matches!(&refused, Err(refused) if is(refused)), "{what}: {refused:?}");
    }

    // Signed by the provider, and not for us, not now, or not by whom we trust.
    let day = 86_400_000;
    let expired = trusted.verify(&token, now().plus_milliseconds(day)).await;
    assert!(matches!(expired, Err(Refused::Expired)), "{expired:?}");
    let for_others = issuer(&real, "another client").verify(&token, now()).await;
    assert!(matches!(for_others, Err(Refused::Audience)), "{for_others:?}");
    let seconds = now().milliseconds() / 1000;
    for (name, value, is) in [
        (
            "nbf",
            json!(seconds + 3_600),
            (|refused| matches!(refused, Refused::NotYetValid)) as Is,
        ),
        ("aud", json!(["another client"]), |refused| {
            matches!(refused, Refused::Audience)
        }),
        ("iss", json!("https://accounts.google.com"), |refused| {
            matches!(refused, Refused::Issuer)
        }),
    ] {
        let refused = trusted.verify(&key.token(&with(name, value)), now()).await;
        assert!(matches!(&refused, Err(refused) if is(refused)), "{name}: {refused:?}");
    }
    let party = WhoTokensAreFor {
        audiences: Vec::new(),
        parties: vec!["https://app.example.org".to_owned()],
    };
    let keys = format!("{}/jwks", real.issuer());
    let by_party = TrustedIssuer::new(outbound(), real.issuer(), Some(&keys), party).unwrap();
    let refused = by_party
        .verify(&key.token(&with("azp", json!("https://evil.example"))), now())
        .await;
    assert!(matches!(refused, Err(Refused::Party)), "{refused:?}");
}
