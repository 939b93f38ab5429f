//! The scripted model as a server on a port of its own.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt as _;
use futures::StreamExt as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::answer::{Answer, Ending, error_body};
use super::request;
use super::scenario::{FlakyCounts, failure_of};
use super::script;

/// A running scripted model. Ends when it is dropped.
#[derive(Debug)]
pub struct ScriptedModel {
    address: SocketAddr,
    state: Arc<Shared>,
    _server: JoinSet<()>,
}

/// How a scripted model behaves beyond its script.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The only key it takes, as `x-api-key` or as a bearer token. None: it takes any, and none.
    pub api_key: Option<String>,
    /// Keeps no log, for benchmarks.
    pub forgetful: bool,
    /// The port; 0 for any free one.
    pub port: u16,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct LoggedRequest {
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl LoggedRequest {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

#[derive(Debug)]
struct Shared {
    options: Options,
    log: Mutex<Vec<LoggedRequest>>,
    logged: watch::Sender<usize>,
    flaky: Mutex<FlakyCounts>,
}

impl ScriptedModel {
    /// Starts one on a free port of the loopback address.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// Starts one that behaves so.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start_with(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Shared {
            options,
            log: Mutex::default(),
            logged: watch::channel(0).0,
            flaky: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let listener = listener.tap_io(|stream| {
            // Small events must go at once. A stream that is gone already shows when it is read.
            let _ = stream.set_nodelay(true);
        });
        let mut server = JoinSet::new();
        server.spawn(async move {
            // It serves until it is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            state,
            _server: server,
        })
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it is, with every request failing as the scenario says.
    #[must_use]
    pub fn scenario_url(&self, scenario: &str) -> String {
        format!("http://{}/{scenario}", self.address)
    }

    /// The socket it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        lock(&self.state.log).clone()
    }

    /// Waits until that many requests have come.
    pub async fn wait_for_requests(&self, count: usize) {
        let mut logged = self.state.logged.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = logged.wait_for(|so_far| *so_far >= count).await;
    }
}

/// A test that panicked while it held the lock has left the list as it was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(state): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return error(400, None, "the request's body broke off");
    };
    let path = parts.uri.path().to_owned();
    if !state.options.forgetful {
        let mut log = lock(&state.log);
        log.push(LoggedRequest {
            method: parts.method.clone(),
            path: parts.uri.to_string(),
            headers: parts.headers.clone(),
            body: body.clone(),
        });
        state.logged.send_replace(log.len());
    }
    if path.ends_with("/api/hello") && (parts.method == Method::GET || parts.method == Method::HEAD) {
        return StatusCode::OK.into_response();
    }
    if let Some(key) = &state.options.api_key
        && !has_key(&parts.headers, key)
    {
        return error(401, None, "invalid x-api-key");
    }
    if parts.method != Method::POST {
        return error(404, None, "not found");
    }
    let failure = failure_of(&path, &mut lock(&state.flaky));
    if path.ends_with("/v1/messages/count_tokens") {
        return match failure {
            Some(Ending::Error {
                status,
                retry_after,
                message,
            }) => error(status, retry_after, &message),
            _ => json_response(&serde_json::json!({"input_tokens": body.len() / 4})),
        };
    }
    if !path.ends_with("/v1/messages") {
        return error(404, None, "not found");
    }
    let Ok(document) = serde_json::from_slice::<Value>(&body) else {
        return error(400, None, "the body is not JSON");
    };
    let asked = request::read(&document);
    let mut answer = script::play(&asked.script, &asked.situation);
    if let Some(failure) = failure {
        answer.ending = failure;
    }
    let seed = seed_of(&body);
    give(answer, &asked.model, asked.is_stream, seed).await
}

fn has_key(headers: &HeaderMap, key: &str) -> bool {
    let is = |name: &str, value: &str| {
        headers
            .get(name)
            .is_some_and(|header| header.as_bytes() == value.as_bytes())
    };
    is("x-api-key", key) || is("authorization", &format!("Bearer {key}"))
}

/// The same body gives the same identifiers.
fn seed_of(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

async fn give(answer: Answer, model: &str, is_stream: bool, seed: u64) -> Response {
    match &answer.ending {
        Ending::Error {
            status,
            retry_after,
            message,
        } => return error(*status, *retry_after, message),
        Ending::Hang => return std::future::pending().await,
        Ending::Redirect => {
            return (
                StatusCode::FOUND,
                [(header::LOCATION, "http://127.0.0.1:1/v1/messages")],
            )
                .into_response();
        }
        Ending::Garbage => {
            return ([(header::CONTENT_TYPE, "text/html")], "<html>\u{0}not an API</html>").into_response();
        }
        Ending::Whole | Ending::StreamError { .. } | Ending::Cut | Ending::HangStream | Ending::BigLine(_) => {}
    }
    if !is_stream {
        return match answer.ending {
            Ending::Cut => broken_body(vec![r#"{"type":"message","content":["#.to_owned()], 0, true),
            Ending::HangStream => std::future::pending().await,
            Ending::StreamError { message, .. } => error(529, None, &message),
            _ => json_response(&answer.message(model, seed)),
        };
    }
    let events = answer.events(model, seed);
    let mut response = match answer.ending {
        Ending::Cut => broken_body(events, answer.slow_ms, true),
        Ending::HangStream => broken_body(events, answer.slow_ms, false),
        _ => Body::from_stream(paced(events, answer.slow_ms).map(Ok::<_, Infallible>)).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    insert_common(headers, seed);
    response
}

/// The pieces, then either a dropped connection or silence.
fn broken_body(pieces: Vec<String>, slow_ms: u64, is_dropped: bool) -> Response {
    let last = async move {
        if !is_dropped {
            std::future::pending::<()>().await;
        }
        // What was sent must reach the other side before the connection is dropped under it.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(io::Error::new(io::ErrorKind::ConnectionReset, "scripted cut"))
    };
    let body = paced(pieces, slow_ms).map(Ok).chain(futures::stream::once(last));
    Body::from_stream(body).into_response()
}

fn paced(pieces: Vec<String>, slow_ms: u64) -> impl futures::Stream<Item = Bytes> + Send {
    futures::stream::iter(pieces).then(move |piece| async move {
        if slow_ms > 0 {
            tokio::time::sleep(Duration::from_millis(slow_ms)).await;
        }
        Bytes::from(piece)
    })
}

fn json_response(document: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document.to_string()).into_response()
}

fn error(status: u16, retry_after: Option<u64>, message: &str) -> Response {
    let mut response = error_body(status, message).into_response();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    insert_common(headers, u64::from(status));
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    }
    response
}

fn insert_common(headers: &mut HeaderMap, seed: u64) {
    if let Ok(identifier) = format!("req_{seed:016x}").parse() {
        headers.insert("request-id", identifier);
    }
    headers.insert(
        "anthropic-ratelimit-requests-remaining",
        header::HeaderValue::from_static("99"),
    );
    headers.insert("set-cookie", header::HeaderValue::from_static("scripted=1"));
}
