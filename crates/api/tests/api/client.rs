//! A client of the API in the process of the test.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use codecourier_api::{Api, ApiConfig};
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::script;
use codecourier_testkit::people::{People, TestPerson};
use serde_json::Value;
use tower::ServiceExt as _;

/// From where everybody asks.
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000);

/// A server, and who uses it.
pub(crate) struct Client {
    _world: World,
    engine: TestEngine,
    router: Router,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Client {
    pub(crate) async fn new() -> Self {
        let world = World::new(script(|_| Vec::new()));
        let engine = world.start().await;
        let router = engine
            .ask(|engine| async move { Api::new(engine, ApiConfig::default()) })
            .await;
        Self {
            _world: world,
            engine,
            router,
        }
    }

    /// Does something with the people in the store, on the engine's runtime.
    pub(crate) async fn people<T, F>(&self, make: impl FnOnce(Arc<People>) -> F) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let making = make(Arc::new(People::new(self.engine.store())));
        self.engine.ask(move |_| making).await
    }

    pub(crate) async fn sign_up(&self, name: &'static str) -> TestPerson {
        self.people(|people| async move { people.sign_up(name).await }).await
    }

    /// Sends a request with a bearer token, if there is one. The address is under `/api/v1`.
    pub(crate) async fn send(&self, token: Option<&str>, method: &str, path: &str, body: Sent) -> Answered {
        self.send_with(token, method, path, &[], body).await
    }

    /// The same with more headers.
    pub(crate) async fn send_with(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Sent,
    ) -> Answered {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .extension(ConnectInfo(PEER));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = match body {
            Sent::Nothing => request.body(Body::empty()),
            Sent::Json(value) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(value.to_string())),
            Sent::Bytes(kind, bytes) => request.header(header::CONTENT_TYPE, kind).body(Body::from(bytes)),
        };
        let router = self.router.clone();
        let answered = self
            .engine
            .ask(move |_| async move {
                let response = router.oneshot(request.unwrap()).await.unwrap();
                let (parts, body) = response.into_parts();
                let bytes = to_bytes(body, 10_000_000).await.unwrap();
                (parts, bytes)
            })
            .await;
        Answered {
            status: answered.0.status,
            headers: answered.0.headers,
            bytes: answered.1.to_vec(),
        }
    }

    pub(crate) async fn get(&self, person: &TestPerson, path: &str) -> Answered {
        self.send(Some(person.token.expose()), "GET", path, Sent::Nothing).await
    }

    pub(crate) async fn json(&self, person: &TestPerson, method: &str, path: &str, body: Value) -> Answered {
        self.send(Some(person.token.expose()), method, path, Sent::Json(body))
            .await
    }

    /// Changes a document as it is now.
    pub(crate) async fn edit(&self, person: &TestPerson, path: &str, body: Value) -> Answered {
        let read = self.get(person, path).await;
        let tag = read.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
        let tag = [("if-match", tag.unwrap_or("\"0\""))];
        self.send_with(Some(person.token.expose()), "PATCH", path, &tag, Sent::Json(body))
            .await
    }

    pub(crate) async fn bare(&self, person: &TestPerson, method: &str, path: &str) -> Answered {
        self.send(Some(person.token.expose()), method, path, Sent::Nothing)
            .await
    }
}

/// A body.
#[derive(Debug, Clone)]
pub(crate) enum Sent {
    Nothing,
    Json(Value),
    Bytes(&'static str, Vec<u8>),
}

impl Answered {
    pub(crate) fn body(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The `data` of a success.
    pub(crate) fn data(&self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text());
        self.body()["data"].clone()
    }

    /// The code and the field of an error.
    pub(crate) fn error(&self) -> (u16, String, Option<String>) {
        let error = &self.body()["error"];
        let text = |name: &str| error[name].as_str().map(str::to_owned);
        (self.status.as_u16(), text("code").unwrap_or_default(), text("field"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
