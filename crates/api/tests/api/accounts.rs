//! Accounts as a browser and a program meet them: cookies, tokens, links.

use std::sync::Arc;

use codecourier_api::ApiConfig;
use codecourier_engine::AccountsConfig;
use codecourier_engine::access::SignUpPolicy;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::designer_and_checker;
use codecourier_testkit::postbox::Postbox;
use codecourier_testkit::server::{TestAnswer, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

const DAY: i64 = 24 * 60 * 60 * 1_000;

async fn server(postbox: Option<Arc<Postbox>>) -> TestServer {
    let mut world = World::new(designer_and_checker());
    world.accounts = AccountsConfig {
        sign_up: SignUpPolicy::Open,
        ..AccountsConfig::default()
    };
    if let Some(postbox) = postbox {
        world.accounts.mailer = postbox;
    }
    TestServer::start_in(Arc::new(world), ApiConfig::default()).await
}

async fn post(server: &TestServer, path: &str, body: Value) -> TestAnswer {
    server.send(server.request(Method::POST, path).json(&body)).await
}

async fn sign_up(server: &TestServer, email: &str) -> TestAnswer {
    let body = json!({ "email": email, "name": "Ada", "password": "correct horse" });
    post(server, "/auth/sign-up", body).await
}

/// The cookie that an answer gives, as the next request brings it, with its attributes.
fn cookie(answer: &TestAnswer) -> Option<(String, String)> {
    let text = answer.headers.get("set-cookie")?.to_str().expect("a readable cookie");
    let (pair, attributes) = text.split_once("; ").expect("attributes");
    Some((pair.to_owned(), attributes.to_owned()))
}

async fn with_cookie(server: &TestServer, method: Method, path: &str, cookie: &str) -> TestAnswer {
    let request = server.request(method, path).header("cookie", cookie);
    server.send(request.header("sec-fetch-site", "same-origin")).await
}

#[tokio::test]
async fn a_browser_signs_up_stays_and_leaves_by_its_cookie() {
    let server = server(None).await;
    let answer = sign_up(&server, "Ada@Example.org").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let data = answer.data();
    assert_eq!(data["outcome"], "signedIn");
    assert_eq!(
        data["session"]["token"],
        Value::Null,
        "the token is in the cookie alone"
    );
    assert_eq!(data["session"]["account"]["email"], "ada@example.org");
    assert_eq!(data["session"]["account"]["standing"], "operator");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let (pair, attributes) = cookie(&answer).unwrap();
    assert!(
        attributes.contains("HttpOnly") && attributes.contains("SameSite=Lax"),
        "{attributes}"
    );
    assert!(!answer.text.contains(pair.split_once('=').unwrap().1));

    let account = with_cookie(&server, Method::GET, "/account", &pair).await;
    assert_eq!(account.data()["name"], "Ada", "{}", account.text);
    let sessions = with_cookie(&server, Method::GET, "/account/sessions", &pair).await;
    assert_eq!(sessions.json()["data"][0]["isCurrent"], true);
    assert_eq!(sessions.json()["data"][0]["address"], "127.0.0.1");

    // A day later the answer brings another token for the same session.
    server.world.clock.advance(DAY);
    let renewing = with_cookie(&server, Method::GET, "/account", &pair).await;
    let (renewed, _) = cookie(&renewing).expect("a fresh cookie");
    assert_ne!(renewed, pair);
    assert!(cookie(&with_cookie(&server, Method::GET, "/account", &renewed).await).is_none());
    server.world.clock.advance(61_000);
    assert_eq!(
        with_cookie(&server, Method::GET, "/account", &pair).await.code(),
        "AUTH_INVALID"
    );

    // Another site's page has the cookie sent, and gets nowhere.
    let forged = server
        .request(Method::POST, "/auth/sign-out")
        .header("cookie", &renewed);
    let forged = server.send(forged.header("sec-fetch-site", "cross-site")).await;
    assert_eq!(forged.code(), "FORBIDDEN");
    let left = with_cookie(&server, Method::POST, "/auth/sign-out", &renewed).await;
    assert_eq!(left.status, 204, "{}", left.text);
    assert!(cookie(&left).unwrap().1.contains("Max-Age=0"));
    assert_eq!(
        with_cookie(&server, Method::GET, "/account", &renewed).await.code(),
        "AUTH_INVALID"
    );
}

#[tokio::test]
async fn a_program_gets_its_token_in_the_answer_and_no_cookie() {
    let server = server(None).await;
    sign_up(&server, "ada@example.org").await;
    let wrong = json!({ "email": "ada@example.org", "password": "wrong horse", "delivery": "token" });
    let unknown = json!({ "email": "eve@example.org", "password": "wrong horse", "delivery": "token" });
    let (wrong, unknown) = (
        post(&server, "/auth/sign-in", wrong).await,
        post(&server, "/auth/sign-in", unknown).await,
    );
    assert_eq!((wrong.status, wrong.code().as_str()), (unknown.status, "AUTH_INVALID"));
    assert_eq!(wrong.json()["error"]["message"], unknown.json()["error"]["message"]);

    let right = json!({ "email": "ada@example.org", "password": "correct horse", "delivery": "token" });
    let answer = post(&server, "/auth/sign-in", right).await;
    assert!(cookie(&answer).is_none());
    let token = answer.data()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("ccs_"));
    assert_eq!(server.get(&token, "/account").await.status, 200);
    let renamed = server
        .send(
            server
                .request(Method::PATCH, "/account")
                .bearer_auth(&token)
                .json(&json!({ "name": "Countess" })),
        )
        .await;
    assert_eq!(renamed.data()["name"], "Countess", "{}", renamed.text);
    let others = server
        .send(server.request(Method::DELETE, "/account/sessions").bearer_auth(&token))
        .await;
    assert_eq!(others.status, 204);
    let delete = server.request(Method::DELETE, "/account").bearer_auth(&token);
    let refused = server
        .send(delete.json(&json!({ "currentPassword": "correct horse" })))
        .await;
    assert_eq!(refused.code(), "CONFLICT", "the only operator stays: {}", refused.text);
}

#[tokio::test]
async fn what_is_no_sign_up_is_refused_by_field_and_leaves_nothing() {
    let server = server(None).await;
    for (body, field) in [
        (
            json!({ "email": "nobody", "name": "A", "password": "correct horse" }),
            "email",
        ),
        (
            json!({ "email": "a\r\nb@x.org", "name": "A", "password": "correct horse" }),
            "email",
        ),
        (
            json!({ "email": "a@x.org", "name": "\u{202e}", "password": "correct horse" }),
            "name",
        ),
        (
            json!({ "email": "a@x.org", "name": "A", "password": "short" }),
            "password",
        ),
        (
            json!({ "email": "a@x.org", "name": "A", "password": "x1".repeat(600) }),
            "password",
        ),
    ] {
        let refused = post(&server, "/auth/sign-up", body).await;
        assert_eq!(refused.code(), "VALIDATION", "{}", refused.text);
        assert_eq!(refused.json()["error"]["field"], field, "{}", refused.text);
    }
    for body in [
        json!([]),
        json!({}),
        json!({ "email": 1 }),
        json!({ "email": "a@x.org", "role": "owner" }),
    ] {
        assert_eq!(post(&server, "/auth/sign-up", body).await.code(), "VALIDATION");
    }
    assert_eq!(
        server.send(server.request(Method::GET, "/server")).await.data()["needsOperator"],
        true
    );
}

#[tokio::test]
async fn with_mail_the_answer_is_one_and_the_link_signs_in() {
    let postbox = Arc::<Postbox>::default();
    let server = server(Some(Arc::clone(&postbox))).await;
    sign_up(&server, "ada@example.org").await;
    postbox.next().await;
    let (new, taken) = (
        sign_up(&server, "bob@example.org").await,
        sign_up(&server, "ada@example.org").await,
    );
    assert_eq!((new.status, &new.text), (taken.status, &taken.text));
    assert_eq!(new.data()["outcome"], "answeredByMail");
    let mut token = None;
    for _ in 0..2 {
        let message = postbox.next().await;
        if message.to.as_str() == "bob@example.org" {
            token = Some(codecourier_testkit::postbox::token_of(&message.text));
        }
    }
    let body = json!({ "token": token.unwrap(), "delivery": "token" });
    let verified = post(&server, "/auth/verify-email", body.clone()).await;
    assert_eq!(verified.data()["outcome"], "signedIn", "{}", verified.text);
    assert_eq!(post(&server, "/auth/verify-email", body).await.code(), "AUTH_INVALID");
    for path in ["/auth/magic-link", "/auth/password-reset"] {
        let (known, unknown) = (
            post(&server, path, json!({ "email": "ada@example.org" })).await,
            post(&server, path, json!({ "email": "eve@example.org" })).await,
        );
        assert_eq!((known.status.as_u16(), unknown.status.as_u16()), (204, 204));
    }
}
