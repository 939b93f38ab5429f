//! Signing in with an outside provider as a browser does, and the identity provider's webhook.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use codecourier_api::{Api, ApiConfig};
use codecourier_engine::access::SignUpPolicy;
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::script;
use codecourier_testkit::outside::browser::Browser;
use codecourier_testkit::outside::fake_github::FakeGitHub;
use codecourier_testkit::outside::key_server::KeyServer;
use codecourier_testkit::outside::oidc_provider::{ClaimsAt, OidcProvider};
use codecourier_testkit::outside::signing::{SigningKey, webhook_headers};
use codecourier_testkit::outside::world::{
    PUBLIC_URL, RETURN_TO_GITHUB, RETURN_TO_OIDC, WEBHOOK_SECRET, let_in_through, trust,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

struct Site {
    world: World,
    _engine: TestEngine,
    router: Router,
}

struct Seen {
    status: StatusCode,
    location: String,
    cookies: Vec<String>,
    body: Value,
}

impl Site {
    async fn of(world: World) -> Self {
        let engine = world.start().await;
        let config = ApiConfig::default();
        let router = engine.ask(|engine| async move { Api::new(engine, config) }).await;
        Self {
            world,
            _engine: engine,
            router,
        }
    }

    async fn ask(&self, request: Request<Body>) -> Seen {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let text = |name| {
            let values = response.headers().get_all(name).iter();
            values
                .map(|value| value.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let (location, cookies) = (text(header::LOCATION).join(""), text(header::SET_COOKIE));
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1_000_000).await.unwrap();
        Seen {
            status,
            location,
            cookies,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    /// What a browser with these cookies sees.
    async fn open(&self, path: &str, cookies: &[String]) -> Seen {
        let pairs: Vec<&str> = cookies.iter().map(|cookie| cookie.split(';').next().unwrap()).collect();
        let request = Request::get(path).header(header::COOKIE, pairs.join("; "));
        self.ask(request.body(Body::empty()).unwrap()).await
    }
}

async fn with_providers() -> (Site, OidcProvider, FakeGitHub) {
    let accounts = json!({ "ada": { "email": "ada@example.org", "email_verified": true, "name": "Ada" } });
    let key = SigningKey::ec("one");
    let oidc = OidcProvider::start(&[&key], &accounts, &[RETURN_TO_OIDC], ClaimsAt::IdToken);
    let github = FakeGitHub::start(RETURN_TO_GITHUB, json!({ "login": "ada", "id": 1 }), json!([])).await;
    let mut world = World::new(script(|_| Vec::new()));
    world.accounts.sign_up = SignUpPolicy::Open;
    let_in_through(&mut world, &oidc, &github);
    (Site::of(world).await, oidc, github)
}

#[tokio::test]
async fn a_browser_signs_in_and_is_where_it_wanted_to_be() {
    let (site, _oidc, _github) = with_providers().await;
    let server = site.open("/api/v1/server", &[]).await;
    assert_eq!(
        server.body["data"]["signInProviders"][0],
        json!({ "id": "oidc", "name": "OIDC" })
    );

    let started = site
        .open(
            "/api/v1/auth/providers/oidc/start?redirectTo=%2Fprojects%2Fclock%3Ftab%3Druns",
            &[],
        )
        .await;
    assert_eq!(started.status, StatusCode::SEE_OTHER);
    let [cookie] = &started.cookies[..] else {
        panic!("{:?}", started.cookies)
    };
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    let back = Browser::default().follow(&started.location, "ada", PUBLIC_URL).await;
    let path = back.as_str().strip_prefix(PUBLIC_URL).unwrap();

    let finished = site.open(path, &started.cookies).await;
    assert_eq!(finished.status, StatusCode::SEE_OTHER);
    assert_eq!(finished.location, "/projects/clock?tab=runs");
    assert!(finished.cookies[0].contains("Max-Age=0"), "the sign-in's cookie stays");
    let whoami = site.open("/api/v1/whoami", &finished.cookies[1..]).await;
    assert_eq!(whoami.status, StatusCode::OK, "{}", whoami.body);

    let replayed = site.open(path, &started.cookies).await;
    assert_eq!(replayed.location, "/sign-in?error=expired&provider=oidc");
    assert_eq!(replayed.cookies.len(), 1, "a replayed return signs in");
}

#[tokio::test]
async fn whatever_goes_wrong_leads_back_to_the_sign_in_page_with_a_word() {
    let (site, oidc, _github) = with_providers().await;
    let started = site.open("/api/v1/auth/providers/oidc/start", &[]).await;
    let back = Browser::default().follow(&started.location, "nobody", PUBLIC_URL).await;
    let path = back.as_str().strip_prefix(PUBLIC_URL).unwrap();
    let declined = site.open(path, &started.cookies).await;
    assert_eq!(declined.location, "/sign-in?error=declined&provider=oidc");

    for (path, location) in [
        ("/api/v1/auth/providers/gitlab/start", "/sign-in?error=unknown-provider"),
        (
            "/api/v1/auth/providers/git%2F..%2Flab/callback?code=x&state=y",
            "/sign-in?error=unknown-provider",
        ),
        (
            "/api/v1/auth/providers/oidc/callback",
            "/sign-in?error=expired&provider=oidc",
        ),
        (
            "/api/v1/auth/providers/oidc/callback?state=&code=",
            "/sign-in?error=expired&provider=oidc",
        ),
        (
            "/api/v1/auth/providers/oidc/callback?state=a&state=b&%zz=%ff&x",
            "/sign-in?error=expired&provider=oidc",
        ),
        (
            "/api/v1/auth/providers/oidc/callback?error=%0d%0aSet-Cookie:a=b",
            "/sign-in?error=expired&provider=oidc",
        ),
    ] {
        let seen = site.open(path, &started.cookies).await;
        assert_eq!(
            (seen.status, seen.location.as_str()),
            (StatusCode::SEE_OTHER, location),
            "{path}"
        );
        assert!(!seen.cookies.iter().any(|cookie| cookie.contains("session")), "{path}");
    }
    drop(oidc);
    site.world.clock.advance(11 * 60_000);
    let unavailable = site.open("/api/v1/auth/providers/oidc/start", &[]).await;
    // What it described about itself is remembered for a day: only the return needs it.
    assert_eq!(unavailable.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn webhooks_are_heeded_if_they_are_signed() {
    let key = SigningKey::ec("one");
    let server = KeyServer::start(&[&key]).await;
    let mut world = World::new(script(|_| Vec::new()));
    trust(&mut world, &server);
    let site = Site::of(world).await;
    let now = {
        use codecourier_domain::time::Clock as _;

        site.world.clock.now().milliseconds() / 1000
    };
    let body = r#"{"type":"user.deleted","data":{"id":"user_ada"}}"#;
    let signed = |body: &str| {
        let [id, timestamp, signature] = webhook_headers(WEBHOOK_SECRET, "msg_1", now, body);
        Request::post("/api/v1/webhooks/identity")
            .header(header::CONTENT_TYPE, "application/json")
            .header("svix-id", id)
            .header("svix-timestamp", timestamp)
            .header("svix-signature", signature)
    };
    let sent = |request: axum::http::request::Builder, body: String| site.ask(request.body(Body::from(body)).unwrap());
    for _ in 0..2 {
        assert_eq!(sent(signed(body), body.to_owned()).await.status, StatusCode::NO_CONTENT);
    }
    let forged = sent(signed(body), body.replace("ada", "bob")).await;
    assert_eq!(forged.status, StatusCode::UNAUTHORIZED);
    assert_eq!(forged.body["error"]["code"], "AUTH_INVALID");
    let unsigned = sent(Request::post("/api/v1/webhooks/identity"), body.to_owned()).await;
    assert_eq!(unsigned.status, StatusCode::UNAUTHORIZED);
    let huge = sent(signed(body), "x".repeat(100_000)).await;
    assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);

    let (site, ..) = with_providers().await;
    let nobody_sends = site.ask(signed(body).body(Body::from(body)).unwrap()).await;
    assert_eq!(nobody_sends.status, StatusCode::NOT_FOUND);
}
