//! A server in the process of the test: the whole API on a real port of the loopback, over an engine with fake sandboxes.
//!
//! People, projects and keys are put into the store directly, so that a test of one feature needs no other. Invariant:
//! the server runs on its engine's runtime, and ends with it.

use std::sync::Arc;

use codecourier_api::{Api, ApiConfig};
use codecourier_domain::actor::Actor;
use codecourier_domain::id::{ApiKeyId, BootId, ProjectId, SessionId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::permission::Permission;
use codecourier_domain::time::{Clock as _, Timestamp};
use codecourier_engine::random::uuid_v7;
use codecourier_identity::secret_token::{ApiKeyToken, SessionToken};
use codecourier_store::accounts::{Delivery, NewAccount, NewSession};
use codecourier_store::api_keys::ApiKey;
use codecourier_store::idempotency::KeyedRequest;
use codecourier_store::ledger::TokenHash;
use codecourier_store::members::Membership;
use codecourier_store::projects::NewProject;
use codecourier_store::{Body, Error as StoreError, Tx};
use futures::future::BoxFuture;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::engine::{TestEngine, World};
use crate::fake_agent::designer_and_checker;

const DAY: i64 = 24 * 60 * 60 * 1_000;

/// A server, with the world it is in.
pub struct TestServer {
    /// What outlives it.
    pub world: Arc<World>,
    /// Its engine.
    pub engine: TestEngine,
    /// Where it listens: `http://127.0.0.1:40000`.
    pub origin: String,
    client: reqwest::Client,
    _serving: JoinSet<()>,
}

/// A person with an account, signed in.
#[derive(Debug, Clone)]
pub struct TestPerson {
    /// The account.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The session's token.
    pub token: String,
}

/// A project.
#[derive(Debug, Clone)]
pub struct TestProject {
    /// Its identifier.
    pub id: ProjectId,
    /// Its slug.
    pub slug: String,
}

/// What the server answered.
#[derive(Debug, Clone)]
pub struct TestAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body, as it came.
    pub text: String,
}

impl TestAnswer {
    /// The body as JSON; `null` if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The body's `data`.
    #[must_use]
    pub fn data(&self) -> Value {
        self.json()["data"].clone()
    }

    /// The code of the error, or an empty text.
    #[must_use]
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl TestServer {
    /// A server in a new world on SQLite, whose agents are a designer and a checker that get along.
    pub async fn start() -> Self {
        Self::start_in(Arc::new(World::new(designer_and_checker())), ApiConfig::default()).await
    }

    /// A server in a world.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_in(world: Arc<World>, config: ApiConfig) -> Self {
        let engine = world.start().await;
        let (origin, serving) = engine
            .ask(|engine| async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let origin = format!("http://{}", listener.local_addr().expect("an address"));
                let service = Api::new(engine, config).into_make_service_with_connect_info::<std::net::SocketAddr>();
                let mut serving = JoinSet::new();
                serving.spawn(async move { drop(axum::serve(listener, service).await) });
                (origin, serving)
            })
            .await;
        Self {
            world,
            engine,
            origin,
            client: reqwest::Client::new(),
            _serving: serving,
        }
    }

    /// A request to an address of the API, without `/api/v1`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/api/v1{path}", self.origin))
    }

    /// Sends a request.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn send(&self, request: RequestBuilder) -> TestAnswer {
        let response = request.send().await.expect("an answer");
        TestAnswer {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await.expect("a body"),
        }
    }

    /// Reads an address of the API.
    pub async fn get(&self, token: &str, path: &str) -> TestAnswer {
        self.send(self.request(Method::GET, path).bearer_auth(token)).await
    }

    /// Sends JSON to an address of the API.
    pub async fn post(&self, token: &str, path: &str, body: Value) -> TestAnswer {
        self.send(self.request(Method::POST, path).bearer_auth(token).json(&body))
            .await
    }

    /// Makes a person, signed in. The first one of a server is its operator.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn person(&self, name: &str) -> TestPerson {
        let now = self.now();
        let token = SessionToken::mint().expect("randomness");
        let person = TestPerson {
            user: UserId::from_uuid(uuid_v7(now)),
            session: SessionId::from_uuid(uuid_v7(now)),
            token: token.expose().to_owned(),
        };
        let account = NewAccount {
            id: person.user,
            email: format!("{name}@example.com").parse().expect("an address"),
            email_verified_at: Some(now),
            name: name.to_owned(),
            password: None,
            at: now,
        };
        let session = NewSession {
            id: person.session,
            user: person.user,
            token: TokenHash::from_bytes(token.sha256()),
            delivery: Delivery::Token,
            device: "a test".to_owned(),
            address: "127.0.0.1".to_owned(),
            at: now,
            expires_at: now.plus_milliseconds(90 * DAY),
            ends_at: now.plus_milliseconds(30 * DAY),
        };
        self.write(move |tx| {
            Box::pin(async move {
                tx.insert_account(&account).await?;
                tx.insert_session(&session).await
            })
        })
        .await;
        person
    }

    /// Makes a project with its owner, whose repository is the world's.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn project(&self, owner: &TestPerson, slug: &str) -> TestProject {
        let now = self.now();
        let id = ProjectId::from_uuid(uuid_v7(now));
        let project = NewProject {
            id,
            slug: slug.to_owned(),
            name: slug.to_owned(),
            description: String::new(),
            work_limit: 4,
            created_at: now,
            body: Body::of(&json!({ "repository": self.world.source() })).expect("a body"),
        };
        self.write(move |tx| Box::pin(async move { tx.insert_project(&project).await }))
            .await;
        let project = TestProject {
            id,
            slug: slug.to_owned(),
        };
        self.member(&project, owner, MemberRole::Owner).await;
        project
    }

    /// Puts a person into a project.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn member(&self, project: &TestProject, person: &TestPerson, role: MemberRole) {
        let membership = Membership {
            project: project.id,
            user: person.user,
            role,
            joined_at: self.now(),
        };
        self.write(move |tx| Box::pin(async move { tx.insert_member(&membership).await }))
            .await;
    }

    /// Takes a person out of a project, as the store does: no change is logged.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn remove_member(&self, project: &TestProject, person: &TestPerson) {
        let (project, user) = (project.id, person.user);
        self.write(move |tx| Box::pin(async move { tx.delete_member(project, user).await.map(drop) }))
            .await;
    }

    /// Makes an API key, and gives its text.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn key(&self, project: &TestProject, permissions: Vec<Permission>) -> String {
        let now = self.now();
        let token = ApiKeyToken::mint().expect("randomness");
        let key = ApiKey {
            id: ApiKeyId::from_uuid(uuid_v7(now)),
            project: project.id,
            display_prefix: token.display_prefix(),
            name: "a test's key".to_owned(),
            permissions,
            created_at: now,
            created_by: Actor::System,
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
            replaced_by: None,
            retires_at: None,
        };
        let hash = TokenHash::from_bytes(token.sha256());
        self.write(move |tx| Box::pin(async move { tx.insert_api_key(&key, hash).await }))
            .await;
        token.expose().to_owned()
    }

    /// Leaves a keyed request as a server leaves it that died while doing it.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn abandon_request(&self, person: &TestPerson, key: &str, fingerprint: String) {
        let request = KeyedRequest {
            principal: Actor::User(person.user).to_string(),
            key: key.to_owned(),
            fingerprint,
        };
        let (boot, now) = (BootId::from_uuid(uuid::Uuid::nil()), self.now());
        self.write(move |tx| {
            Box::pin(async move { tx.claim_request(&request, boot, now, Timestamp(0)).await.map(drop) })
        })
        .await;
    }

    /// Writes to the store, past every rule of the engine.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn write<F>(&self, command: F)
    where
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<(), StoreError>> + Send + 'static,
    {
        let store = self.engine.store();
        self.engine
            .ask(move |_| async move { store.write(command).await.expect("the store writes") })
            .await;
    }

    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }
}
