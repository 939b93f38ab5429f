//! A server in the process of the test: the whole API on a real port of the loopback, over an engine with fake sandboxes.
//!
//! People, projects and keys are put into the store directly, so that a test of one feature needs no other. Invariant:
//! the server runs on its engine's runtime, and ends with it.

use std::sync::Arc;

use codecourier_api::{Api, ApiConfig};
use codecourier_domain::actor::Actor;
use codecourier_domain::id::{BootId, ProjectId, SessionId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::permission::Permission;
use codecourier_domain::time::{Clock as _, Timestamp};
use codecourier_store::idempotency::KeyedRequest;
use codecourier_store::{Body, Error as StoreError, Tx};
use futures::future::BoxFuture;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::engine::{TestEngine, World};
use crate::fake_agent::designer_and_checker;
use crate::people::People;

/// A server, with the world it is in.
pub struct TestServer {
    /// What outlives it.
    pub world: Arc<World>,
    /// Its engine.
    pub engine: TestEngine,
    /// Where it listens: `http://127.0.0.1:40000`.
    pub origin: String,
    people: People,
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
        let people = People::new(engine.store());
        Self {
            world,
            engine,
            origin,
            people,
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
        let person = self.people.sign_up(name).await;
        TestPerson {
            user: person.user,
            session: person.session,
            token: person.token.expose().to_owned(),
        }
    }

    /// Makes a project with its owner, whose repository is the world's.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn project(&self, owner: &TestPerson, slug: &str) -> TestProject {
        let body = Body::of(&json!({ "repository": self.world.source() })).expect("a body");
        TestProject {
            id: self.people.create_project_of(slug, owner.user, body).await,
            slug: slug.to_owned(),
        }
    }

    /// Puts a person into a project.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn member(&self, project: &TestProject, person: &TestPerson, role: MemberRole) {
        self.people.join(project.id, person.user, role).await;
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
        let key = self.people.create_key_for(project.id, permissions).await;
        key.token.expose().to_owned()
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
