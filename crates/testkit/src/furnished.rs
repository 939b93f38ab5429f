//! A server with people, a project, and one of everything that a project can have, for tests that ask every operation.
//!
//! Nobody is held up by limits on how fast they may ask.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use codecourier_api::ApiConfig;
use codecourier_api::conventions::rate_limit::{Rate, RateLimits};
use codecourier_domain::id::RunId;
use codecourier_domain::member::MemberRole;
use codecourier_engine::access::SignUpPolicy;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::engine::World;
use crate::fake_agent::{Act, Gate, designer_and_checker, script};
use crate::postbox::Postbox;
use crate::server::{TestPerson, TestServer};

/// The smallest picture that is one.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and a picture";

/// The server.
pub struct Furnished {
    /// It.
    pub server: TestServer,
    /// Whoever owns the project `shop`. The operator of the server, too.
    pub owner: TestPerson,
    /// A member of it.
    pub member: TestPerson,
    /// What there is, by the names of parameters in addresses.
    pub there_is: BTreeMap<&'static str, Vec<String>>,
}

impl Furnished {
    /// Makes it.
    ///
    /// # Panics
    /// When anything of it cannot be made.
    pub async fn new() -> Self {
        let (usual, for_ever) = (designer_and_checker(), Gate::default());
        let waits = for_ever.clone();
        let agents = script(move |call| {
            if call.prompt.contains("Wait for ever") {
                return vec![Act::Pass(waits.clone())];
            }
            usual(call)
        });
        let mut world = World::new(agents);
        // Sign-up and links are looked at as they are where mail is sent.
        world.accounts.sign_up = SignUpPolicy::Open;
        world.accounts.mailer = Arc::new(Postbox::default());
        let server = TestServer::start_in(Arc::new(world), plenty()).await;
        let (ada, bob) = (server.person("ada").await, server.person("bob").await);
        let shop = server.project(&ada, "shop").await;
        server.member(&shop, &bob, MemberRole::Member).await;
        let furnish = Furnish {
            server: &server,
            ada: &ada,
        };
        let invitation = furnish
            .post("/invitations", json!({ "email": "carol@example.com" }))
            .await;
        let key = furnish
            .post("/keys", json!({ "name": "ci", "permissions": ["runs:read"] }))
            .await;
        let variable = furnish
            .post("/variables", json!({ "name": "COLOUR", "value": "red" }))
            .await;
        let pipeline = json!([{ "type": "step", "role": "designer" }]);
        let workflow = json!({ "description": "Ours", "pipeline": pipeline });
        furnish
            .put("/workflows/our-way", |request| request.json(&workflow))
            .await;
        let secret = json!({ "key": "sk-ant-api03-furniture-furniture" });
        furnish
            .put("/provider-keys/anthropic", |request| request.json(&secret))
            .await;
        furnish
            .put("/logo", |request| {
                request.header("content-type", "image/png").body(PICTURE)
            })
            .await;
        let upload = server.request(Method::POST, "/projects/shop/images");
        let upload = upload.bearer_auth(&ada.token).body(&b"GIF89a and a picture"[..]);
        let image = server.send(upload).await.data();
        let done = furnish.post("/runs", json!({ "prompt": "Write the answer" })).await;
        let run: RunId = id(&done).parse().expect("an identifier");
        server.engine.wait((shop.id, run)).await;
        let waiting = furnish.post("/runs", json!({ "prompt": "Wait for ever" })).await;
        for_ever.reached(1).await;
        let sandboxes = server.get(&ada.token, "/projects/shop/sandboxes").await.json();

        let step = sandboxes["data"][0]["stepId"].as_str().expect("a step");
        let there_is = [
            ("slug", vec!["shop".to_owned()]),
            ("run", vec![id(&done), id(&waiting)]),
            ("sandbox", vec![id(&sandboxes["data"][0])]),
            ("step", vec![step.to_owned()]),
            ("key", vec![id(&key["key"])]),
            ("variable", vec![id(&variable)]),
            ("invitation", vec![id(&invitation)]),
            ("user", vec![ada.user.to_string(), bob.user.to_string()]),
            ("session", vec![bob.session.to_string()]),
            ("provider", vec!["anthropic".to_owned()]),
            ("image", vec![image["image"].as_str().expect("a name").to_owned()]),
            ("name", vec!["our-way".to_owned(), "single".to_owned()]),
        ];
        Self {
            server,
            owner: ada,
            member: bob,
            there_is: there_is.into(),
        }
    }
}

fn plenty() -> ApiConfig {
    let plenty = Rate {
        burst: NonZeroU32::MAX,
        per_minute: NonZeroU32::MAX,
    };
    ApiConfig {
        rate_limits: RateLimits {
            principal: plenty,
            address: plenty,
            sign_in: plenty,
        },
        ..ApiConfig::default()
    }
}

/// Puts things into the project, as its owner does.
struct Furnish<'a> {
    server: &'a TestServer,
    ada: &'a TestPerson,
}

impl Furnish<'_> {
    async fn post(&self, address: &str, body: Value) -> Value {
        let address = format!("/projects/shop{address}");
        let answer = self.server.post(&self.ada.token, &address, body).await;
        assert!(answer.status.is_success(), "{address}: {}", answer.text);
        answer.data()
    }

    async fn put(&self, address: &str, fill: impl FnOnce(RequestBuilder) -> RequestBuilder) {
        let address = format!("/projects/shop{address}");
        let request = self.server.request(Method::PUT, &address).bearer_auth(&self.ada.token);
        let answer = self.server.send(fill(request)).await;
        assert!(answer.status.is_success(), "{address}: {}", answer.text);
    }
}

fn id(thing: &Value) -> String {
    thing["id"].as_str().expect("an identifier").to_owned()
}
