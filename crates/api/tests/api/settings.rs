//! What a project is set up with, over HTTP.

#![expect(clippy::unwrap_used, reason = "a test and its helpers fail by panicking")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use codecourier_api::{Api, ApiConfig};
use codecourier_domain::member::MemberRole;
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::script;
use codecourier_testkit::people::{People, TestPerson};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// In every secret that a test sends.
const CANARY: &str = "cAnArY7f3e";

/// A server with a project, and people around it.
struct House {
    _world: World,
    _engine: TestEngine,
    router: Router,
    admin: TestPerson,
    member: TestPerson,
    stranger: TestPerson,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
    body: Value,
}

impl House {
    async fn new() -> Self {
        let mut world = World::new(script(|_| Vec::new()));
        // Nobody is there.
        world.provider = Some("http://127.0.0.1:9".to_owned());
        let engine = world.start().await;
        let people = People::new(engine.store());
        let (router, admin, member, stranger) = engine
            .ask(|engine| async move {
                let owner = people.sign_up("owner").await;
                let (admin, member) = (people.sign_up("admin").await, people.sign_up("member").await);
                let project = people.create_project("shop", owner.user).await;
                people.join(project, admin.user, MemberRole::Admin).await;
                people.join(project, member.user, MemberRole::Member).await;
                let stranger = people.sign_up("stranger").await;
                (Api::new(engine, ApiConfig::default()), admin, member, stranger)
            })
            .await;
        Self {
            _world: world,
            _engine: engine,
            router,
            admin,
            member,
            stranger,
        }
    }

    /// Asks with a token. The path is below the project.
    async fn ask(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/projects/shop{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 10_000_000).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(
            !text.contains(CANARY),
            "no answer holds what was set as a secret: {text}"
        );
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        }
    }

    async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.ask(self.admin.token.expose(), method, path, body, &[]).await
    }
}

impl Answer {
    fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or("none")
    }

    fn field(&self) -> &str {
        self.body["error"]["field"].as_str().unwrap_or("none")
    }

    fn data(&self) -> &Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        &self.body["data"]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_changed_over_the_revision_that_was_read() {
    let house = House::new().await;
    let admin = house.admin.token.expose();
    let read = house.admin(Method::GET, "/settings", None).await;
    assert_eq!(read.data()["sandboxPrompt"], Value::Null);
    assert!(read.data()["defaultSandboxPrompt"].as_str().unwrap().len() > 400);
    let tag = read.headers[header::ETAG].to_str().unwrap().to_owned();
    let patch = async |body: Value, tag: &str| {
        house
            .ask(admin, Method::PATCH, "/settings", Some(body), &[("if-match", tag)])
            .await
    };
    let change =
        json!({ "instructions": "Be brief.", "model": null, "sessionTypes": { "merging": { "effort": "high" } } });
    let blind = house.admin(Method::PATCH, "/settings", Some(change.clone())).await;
    assert_eq!(blind.code(), "PRECONDITION_REQUIRED");
    let changed = patch(change.clone(), &tag).await;
    assert_eq!(changed.data()["instructions"], "Be brief.");
    assert_eq!(changed.data()["sessionTypes"]["merging"]["effort"], "high");
    assert_eq!(changed.data()["sessionTypes"]["judge"], Value::Null);
    assert_eq!(patch(change, &tag).await.code(), "PRECONDITION_FAILED");
    let tag = changed.headers[header::ETAG].to_str().unwrap().to_owned();
    let not_modified = house
        .ask(admin, Method::GET, "/settings", None, &[("if-none-match", &tag)])
        .await;
    assert_eq!(not_modified.status, StatusCode::NOT_MODIFIED);
    for (body, field) in [
        (
            json!({ "checks": [{ "name": "a", "command": "a" }, { "name": "a", "command": "b" }] }),
            "checks.1.name",
        ),
        (
            json!({ "checks": [{ "name": "a", "command": "a", "timeoutSeconds": 0 }] }),
            "checks.0.timeoutSeconds",
        ),
        (
            json!({ "limits": { "memoryMb": 1, "cpus": 1, "processes": 64, "diskMb": 64, "timeoutSeconds": 60 } }),
            "limits.memoryMb",
        ),
        (
            json!({ "gitAuthor": { "name": "A <b>", "email": "a@b" } }),
            "gitAuthor.name",
        ),
        (json!({ "agent": "acp" }), "agent"),
        (json!({ "model": "--flag" }), "model"),
        (
            json!({ "sessionTypes": { "judge": { "skills": ["../x"] } } }),
            "sessionTypes.judge.skills.0",
        ),
        (json!({ "runBudgetMicroUsd": 0 }), "runBudgetMicroUsd"),
        (json!({ "setupScript": "x".repeat(50_001) }), "setupScript"),
    ] {
        let refused = patch(body, &tag).await;
        assert_eq!(
            (refused.code(), refused.field()),
            ("VALIDATION", field),
            "{}",
            refused.text
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_admins_and_keys_with_the_scope_see_settings() {
    let house = House::new().await;
    let scopes = |scopes: &[&str]| json!({ "name": "ci", "permissions": scopes });
    let made = house.admin(Method::POST, "/keys", Some(scopes(&["runs:read"]))).await;
    let narrow = made.data()["token"].as_str().unwrap().to_owned();
    let made = house
        .admin(Method::POST, "/keys", Some(scopes(&["settings:read", "keys:write"])))
        .await;
    let wide = made.data()["token"].as_str().unwrap().to_owned();
    for path in ["/settings", "/variables", "/provider-keys"] {
        for (token, status, code) in [
            (house.stranger.token.expose(), StatusCode::NOT_FOUND, "NOT_FOUND"),
            (house.member.token.expose(), StatusCode::FORBIDDEN, "FORBIDDEN"),
            (&narrow, StatusCode::FORBIDDEN, "SCOPE_DENIED"),
            (&wide, StatusCode::OK, "none"),
            ("cc_live_nonsense", StatusCode::UNAUTHORIZED, "AUTH_INVALID"),
        ] {
            let answer = house.ask(token, Method::GET, path, None, &[]).await;
            assert_eq!((answer.status, answer.code()), (status, code), "{path} {}", answer.text);
        }
    }
    let write = house
        .ask(
            &wide,
            Method::POST,
            "/variables",
            Some(json!({ "name": "A", "value": "b" })),
            &[],
        )
        .await;
    assert_eq!(write.code(), "SCOPE_DENIED", "reading is not writing");
    let more = house
        .ask(&wide, Method::POST, "/keys", Some(scopes(&["settings:write"])), &[])
        .await;
    assert_eq!((more.code(), more.field()), ("SCOPE_DENIED", "permissions"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variables_over_http() {
    let house = House::new().await;
    let secret = format!("{CANARY} is secret");
    let new = json!({ "name": "TOKEN", "value": secret, "secret": true });
    let made = house.admin(Method::POST, "/variables", Some(new.clone())).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(
        (&made.data()["value"], &made.data()["secret"]),
        (&Value::Null, &json!(true))
    );
    let id = made.data()["id"].as_str().unwrap().to_owned();
    let twin = house.admin(Method::POST, "/variables", Some(new)).await;
    assert_eq!((twin.code(), twin.field()), ("CONFLICT", "name"));
    for (body, field) in [
        (json!({ "name": "PATH", "value": "x" }), "name"),
        (json!({ "name": "A B", "value": "x" }), "name"),
        (json!({ "name": "A", "value": 7 }), "value"),
        (json!({ "name": "A" }), "none"),
        (json!({ "name": "A", "value": CANARY, "secret": "yes" }), "secret"),
        (json!({ "name": "A", "value": CANARY, "scope": "all" }), "scope"),
    ] {
        let refused = house.admin(Method::POST, "/variables", Some(body)).await;
        assert_eq!(refused.code(), "VALIDATION", "{}", refused.text);
        assert!(refused.field() == field || field == "none", "{}", refused.text);
    }
    let path = format!("/variables/{id}");
    let opened = house
        .admin(Method::PATCH, &path, Some(json!({ "secret": false })))
        .await;
    assert_eq!(opened.field(), "value");
    let plain = house
        .admin(Method::PATCH, &path, Some(json!({ "secret": false, "value": "open" })))
        .await;
    assert_eq!(plain.data()["value"], "open");
    let list = house.admin(Method::GET, "/variables", None).await;
    assert_eq!(
        (list.data().as_array().unwrap().len(), &list.body["hasMore"]),
        (1, &json!(false))
    );
    assert_eq!(
        house.admin(Method::DELETE, &path, None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(house.admin(Method::DELETE, &path, None).await.code(), "NOT_FOUND");
    assert_eq!(
        house
            .admin(Method::DELETE, "/variables/var_nonsense", None)
            .await
            .code(),
        "NOT_FOUND"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn provider_keys_over_http() {
    let house = House::new().await;
    let key = format!("sk-ant-{CANARY}-last");
    let set = house
        .admin(Method::PUT, "/provider-keys/anthropic", Some(json!({ "key": key })))
        .await;
    assert_eq!(
        (&set.data()["lastFour"], &set.data()["lastUsedAt"]),
        (&json!("last"), &Value::Null)
    );
    let tried = house
        .admin(Method::POST, "/provider-keys/anthropic/validate", None)
        .await;
    assert_eq!(tried.data()["verdict"], "unreachable", "{}", tried.text);
    let list = house.admin(Method::GET, "/provider-keys", None).await;
    assert_eq!(list.data()[0]["provider"], "anthropic");
    for (body, field) in [
        (json!({ "key": format!("{CANARY} with spaces in it") }), "key"),
        (json!({ "key": "short" }), "key"),
        (json!({ "key": key, "provider": "openai" }), "provider"),
    ] {
        let refused = house.admin(Method::PUT, "/provider-keys/openai", Some(body)).await;
        assert_eq!(
            (refused.code(), refused.field()),
            ("VALIDATION", field),
            "{}",
            refused.text
        );
    }
    for path in ["/provider-keys/aws", "/provider-keys/openai"] {
        assert_eq!(house.admin(Method::DELETE, path, None).await.code(), "NOT_FOUND");
    }
    assert_eq!(
        house
            .admin(Method::POST, "/provider-keys/github/validate", None)
            .await
            .code(),
        "NOT_FOUND"
    );
    let removed = house.admin(Method::DELETE, "/provider-keys/anthropic", None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_keys_over_http() {
    let house = House::new().await;
    let new = json!({ "name": "ci", "permissions": ["runs:read", "keys:read"], "expiresInSeconds": 3600 });
    let made = house.admin(Method::POST, "/keys", Some(new)).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let token = made.data()["token"].as_str().unwrap().to_owned();
    let key = made.data()["key"].clone();
    assert!(token.starts_with(key["displayPrefix"].as_str().unwrap()));
    let path = format!("/keys/{}", key["id"].as_str().unwrap());
    let seen = house.ask(&token, Method::GET, &path, None, &[]).await;
    assert_eq!(
        (&seen.data()["status"], seen.text.contains(&token)),
        (&json!("active"), false)
    );
    for (body, field) in [
        (json!({ "name": "\u{202e}x", "permissions": ["runs:read"] }), "name"),
        (json!({ "name": "x", "permissions": [] }), "permissions"),
        (json!({ "name": "x", "permissions": ["runs:all"] }), "permissions.0"),
        (
            json!({ "name": "x", "permissions": ["runs:read"], "expiresInSeconds": 1 }),
            "expiresInSeconds",
        ),
    ] {
        let refused = house.admin(Method::POST, "/keys", Some(body)).await;
        assert_eq!(
            (refused.code(), refused.field()),
            ("VALIDATION", field),
            "{}",
            refused.text
        );
    }
    let long = house
        .admin(
            Method::POST,
            &format!("{path}/rotate"),
            Some(json!({ "overlapSeconds": 604_801 })),
        )
        .await;
    assert_eq!((long.code(), long.field()), ("VALIDATION", "overlapSeconds"));
    let rotated = house
        .admin(
            Method::POST,
            &format!("{path}/rotate"),
            Some(json!({ "overlapSeconds": 600 })),
        )
        .await;
    let next = rotated.data()["token"].as_str().unwrap().to_owned();
    let old = house.ask(&next, Method::GET, &path, None, &[]).await;
    assert_eq!(old.data()["status"], "retiring");
    assert_eq!(old.data()["replacedBy"], rotated.data()["key"]["id"]);

    let first = house.admin(Method::GET, "/keys?limit=1", None).await;
    assert_eq!(
        (&first.data()[0]["id"], &first.body["hasMore"]),
        (&rotated.data()["key"]["id"], &json!(true))
    );
    let cursor = first.body["nextCursor"].as_str().unwrap();
    let second = house
        .admin(Method::GET, &format!("/keys?limit=1&cursor={cursor}"), None)
        .await;
    assert_eq!(
        (&second.data()[0]["id"], &second.body["hasMore"]),
        (&key["id"], &json!(false))
    );
    assert!(!first.text.contains(&next) && !second.text.contains(&token));

    assert_eq!(
        house.admin(Method::DELETE, &path, None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        house.ask(&token, Method::GET, &path, None, &[]).await.code(),
        "AUTH_INVALID"
    );
    assert_eq!(
        house.ask(&next, Method::GET, &path, None, &[]).await.data()["status"],
        "revoked"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_are_listed_with_what_they_can_do_and_why_they_cannot_work_here() {
    let house = House::new().await;
    let of = async |token: &str| house.ask(token, Method::GET, "/agents", None, &[]).await;
    let member = house.member.token.expose();
    let listed = of(member).await;
    let agents = listed.data().as_array().unwrap();
    let ids: Vec<&str> = agents.iter().map(|agent| agent["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["claude", "opencode", "codex", "pi", "acp"]);
    let [claude, _, codex, _, acp] = agents.as_slice() else {
        panic!("five agents")
    };
    assert_eq!(claude["name"], "Claude Code");
    assert_eq!(
        (&claude["capabilities"]["commands"], &codex["capabilities"]["commands"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(codex["efforts"], json!(["low", "medium", "high", "xhigh", "max"]));
    let of_openai = |agent: &Value| {
        agent["models"]
            .as_array()
            .unwrap()
            .iter()
            .all(|model| model["provider"] == "openai")
    };
    assert!(
        of_openai(codex) && !of_openai(claude),
        "an agent's models are those it reaches"
    );
    assert_eq!(
        (&acp["available"], &acp["problem"]),
        (&json!(false), &json!("No command is configured that starts it."))
    );

    // A key of the project's own, and a command.
    let key = json!({ "key": format!("sk-{CANARY}-of-the-project") });
    house
        .admin(Method::PUT, "/provider-keys/openai", Some(key))
        .await
        .data();
    let read = house.admin(Method::GET, "/settings", None).await;
    let tag = read.headers[header::ETAG].to_str().unwrap().to_owned();
    let patch = async |body: Value, tag: &str| {
        let admin = house.admin.token.expose();
        house
            .ask(admin, Method::PATCH, "/settings", Some(body), &[("if-match", tag)])
            .await
    };
    for (acp, field) in [
        (json!({ "command": ["my agent --acp"] }), "acp.command"),
        (json!({ "command": [] }), "acp.command"),
        (
            json!({ "command": ["a"], "environment": [{ "name": "A B", "value": "" }] }),
            "acp.environment",
        ),
    ] {
        let refused = patch(json!({ "acp": acp }), &tag).await;
        assert_eq!(
            (refused.code(), refused.field()),
            ("VALIDATION", field),
            "{}",
            refused.text
        );
    }
    let command = json!({ "command": ["my-agent", "--acp"], "template": "opencode" });
    let changed = patch(json!({ "acp": command, "agent": "acp" }), &tag).await;
    assert_eq!(changed.data()["acp"]["command"], json!(["my-agent", "--acp"]));
    let listed = of(member).await;
    let acp = &listed.data()[4];
    assert_eq!(
        (&acp["available"], &acp["template"]),
        (&json!(true), &json!("opencode"))
    );
    let keys = &listed.data()[2]["providers"];
    assert_eq!(keys, &json!([{ "provider": "openai", "key": "project" }]));
    assert_eq!(of(house.stranger.token.expose()).await.code(), "NOT_FOUND");
}
