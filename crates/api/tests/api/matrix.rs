//! Every operation of the API × every kind of caller: what may be done is what the description says.
//!
//! The rows are made from `x-codecourier-access` of the served document, so that a route that was added is tested with
//! no further word; one that says nothing of its access, or whose address this file cannot fill in, fails the test.

use std::num::NonZeroU32;
use std::sync::Arc;

use codecourier_api::conventions::rate_limit::{Rate, RateLimits};
use codecourier_api::{Api, ApiConfig};
use codecourier_domain::member::MemberRole;
use codecourier_domain::permission::Permission;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::designer_and_checker;
use codecourier_testkit::server::{TestPerson, TestProject, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

/// Operations that anybody who is signed in may call, and that then find the project by a rule of their own.
const OF_OWN_RULE: [&str; 1] = ["/projects/{slug}/restore"];

/// An operation with what it says of its access.
struct Operation {
    method: Method,
    path: String,
    body: Option<String>,
    who: String,
    role: Option<MemberRole>,
    permission: Option<Permission>,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Nobody,
    Stranger,
    Member,
    Admin,
    Owner,
    KeyWithoutScope,
    KeyWithScope,
    KeyOfAnotherProject,
    RemovedMember,
}

const CALLERS: [Caller; 9] = [
    Caller::Nobody,
    Caller::Stranger,
    Caller::Member,
    Caller::Admin,
    Caller::Owner,
    Caller::KeyWithoutScope,
    Caller::KeyWithScope,
    Caller::KeyOfAnotherProject,
    Caller::RemovedMember,
];

/// What must come of it: let in, or the code of the refusal.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    LetIn,
    Refused(&'static str),
}

fn expected(operation: &Operation, caller: Caller) -> Expected {
    use Caller::{
        Admin, KeyOfAnotherProject, KeyWithScope, KeyWithoutScope, Member, Nobody, Owner, RemovedMember, Stranger,
    };
    use Expected::{LetIn, Refused};
    let is_key = matches!(caller, KeyWithoutScope | KeyWithScope | KeyOfAnotherProject);
    match (operation.who.as_str(), caller) {
        ("anybody", _) => LetIn,
        (_, Nobody) => Refused("AUTH_MISSING"),
        ("anyone", _) => LetIn,
        ("signed-in", _) if is_key => Refused("FORBIDDEN"),
        ("signed-in", _) => LetIn,
        (_, Stranger | KeyOfAnotherProject | RemovedMember) => Refused("NOT_FOUND"),
        (_, KeyWithoutScope | KeyWithScope) if operation.permission.is_none() => Refused("FORBIDDEN"),
        (_, KeyWithoutScope) => Refused("SCOPE_DENIED"),
        (_, Member | Admin | Owner | KeyWithScope) => {
            let has = match caller {
                Member => MemberRole::Member,
                Owner => MemberRole::Owner,
                _ => MemberRole::Admin,
            };
            if has.includes(operation.role.unwrap_or(MemberRole::Owner)) {
                LetIn
            } else {
                Refused("FORBIDDEN")
            }
        }
    }
}

fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(Api::document()).expect("a document");
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let access = &operation["x-codecourier-access"];
            let who = access["who"]
                .as_str()
                .unwrap_or_else(|| panic!("{method} {path} does not say who may call it"));
            operations.push(Operation {
                method: method.to_uppercase().parse().expect("a method"),
                path: path.strip_prefix("/api/v1").unwrap_or(path).to_owned(),
                body: operation["requestBody"]["content"]
                    .as_object()
                    .and_then(|content| content.keys().next().cloned()),
                who: who.to_owned(),
                role: access["role"].as_str().map(|role| role.parse().expect("a role")),
                permission: access["permission"]
                    .as_str()
                    .map(|scope| scope.parse().expect("a scope")),
            });
        }
    }
    operations
}

/// Everybody who may be there, for one operation.
struct Cast {
    project: TestProject,
    other: TestProject,
    owner: TestPerson,
    stranger: TestPerson,
    member: TestPerson,
    admin: TestPerson,
    removed: TestPerson,
}

impl Cast {
    async fn gather(server: &TestServer, number: usize) -> Self {
        let person = async |word: &str| server.person(&format!("{word}{number}")).await;
        let owner = person("owner").await;
        let cast = Self {
            project: server.project(&owner, &format!("shop-{number}")).await,
            other: server.project(&owner, &format!("other-{number}")).await,
            stranger: person("stranger").await,
            member: person("member").await,
            admin: person("admin").await,
            removed: person("removed").await,
            owner,
        };
        server.member(&cast.project, &cast.member, MemberRole::Member).await;
        server.member(&cast.project, &cast.admin, MemberRole::Admin).await;
        server.member(&cast.project, &cast.removed, MemberRole::Owner).await;
        server.remove_member(&cast.project, &cast.removed).await;
        cast
    }

    async fn credential(&self, server: &TestServer, operation: &Operation, caller: Caller) -> Option<String> {
        let all = || Permission::all().collect::<Vec<_>>();
        Some(match caller {
            Caller::Nobody => return None,
            Caller::Stranger => self.stranger.token.clone(),
            Caller::Member => self.member.token.clone(),
            Caller::Admin => self.admin.token.clone(),
            Caller::Owner => self.owner.token.clone(),
            Caller::RemovedMember => self.removed.token.clone(),
            Caller::KeyWithScope => {
                let scopes = operation.permission.map_or_else(all, |permission| vec![permission]);
                server.key(&self.project, scopes).await
            }
            Caller::KeyWithoutScope => {
                let lacking = operation.permission.map(|permission| permission.resource);
                let rest = all().into_iter().filter(|scope| Some(scope.resource) != lacking);
                server.key(&self.project, rest.collect()).await
            }
            Caller::KeyOfAnotherProject => server.key(&self.other, all()).await,
        })
    }

    /// The address with its parameters filled in.
    fn address(&self, path: &str) -> String {
        let id = |prefix: &str| format!("{prefix}_019300000000700080000000deadbeef");
        let mut address = String::new();
        for part in path.split('/').skip(1) {
            address.push('/');
            let Some(name) = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
                address.push_str(part);
                continue;
            };
            address.push_str(&match name {
                "slug" => self.project.slug.clone(),
                "run" => id("run"),
                "sandbox" => id("sbx"),
                "step" => id("stp"),
                "invitation" => id("inv"),
                "variable" => id("var"),
                "key" => id("key"),
                "user" => id("usr"),
                "session" => id("ses"),
                "name" => "some-workflow".to_owned(),
                "provider" => "anthropic".to_owned(),
                "image" => "0".repeat(64),
                other => panic!("{path}: this test does not know what `{other}` is; tell it in `Cast::address`"),
            });
        }
        address
    }
}

fn came_of(text: &str) -> Expected {
    let body: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let message = body["error"]["message"].as_str().unwrap_or_default();
    // What a handler refuses by its own rules was let in.
    match body["error"]["code"].as_str().unwrap_or_default() {
        "AUTH_MISSING" => Expected::Refused("AUTH_MISSING"),
        "AUTH_INVALID" => Expected::Refused("AUTH_INVALID"),
        "SCOPE_DENIED" => Expected::Refused("SCOPE_DENIED"),
        "NOT_FOUND" if message == "There is no such project." => Expected::Refused("NOT_FOUND"),
        "FORBIDDEN" if message.starts_with("This needs the role") || message.starts_with("Only a person") => {
            Expected::Refused("FORBIDDEN")
        }
        _ => Expected::LetIn,
    }
}

#[tokio::test]
async fn every_operation_lets_in_whom_its_description_says_and_nobody_else() {
    let plenty = Rate {
        burst: NonZeroU32::MAX,
        per_minute: NonZeroU32::MAX,
    };
    let config = ApiConfig {
        rate_limits: RateLimits {
            principal: plenty,
            address: plenty,
            sign_in: plenty,
        },
        ..ApiConfig::default()
    };
    let server = TestServer::start_in(Arc::new(World::new(designer_and_checker())), config).await;
    let mut wrong = Vec::new();
    for (number, operation) in operations().into_iter().enumerate() {
        let cast = Cast::gather(&server, number).await;
        let address = cast.address(&operation.path);
        for caller in CALLERS {
            let mut request = server.request(operation.method.clone(), &address);
            if let Some(token) = cast.credential(&server, &operation, caller).await {
                request = request.bearer_auth(token);
            }
            request = match operation.body.as_deref() {
                Some("application/json") => request.json(&json!({})),
                Some(kind) => request.header("content-type", kind).body("not what it says"),
                None => request,
            };
            let response = request.send().await.unwrap();
            let kind = response.headers().get("content-type").cloned();
            let is_stream = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
            let text = if is_stream {
                String::new()
            } else {
                response.text().await.unwrap()
            };
            let (came, expected) = (came_of(&text), expected(&operation, caller));
            let is_own_rule = OF_OWN_RULE.contains(&operation.path.as_str());
            if came != expected && !(is_own_rule && came == Expected::Refused("NOT_FOUND")) {
                wrong.push(format!(
                    "{} {} by {caller:?}: {came:?}, and {expected:?} was expected: {text}",
                    operation.method, operation.path
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
