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

use super::answer::{Answer, Ending, Failure, Usage};
use super::conversation::Conversation;
use super::protocol::{Endpoint, Protocol, Service, failures};
use super::scenario::{FlakyCounts, failure_of, flaky};
use crate::clock::real_now;

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

/// An answer that was given to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAnswer {
    /// The path that was asked.
    pub path: String,
    /// The model that was asked.
    pub model: String,
    /// What the answer claims to have used.
    pub usage: Usage,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    given: Mutex<Vec<GivenAnswer>>,
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
            given: Mutex::default(),
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

    /// Every answer so far that was given to its end, in the order of asking: what a meter must come to.
    #[must_use]
    pub fn given(&self) -> Vec<GivenAnswer> {
        lock(&self.state.given).clone()
    }

    /// Waits until that many requests have come.
    pub async fn wait_for_requests(&self, count: usize) {
        let mut logged = self.state.logged.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = logged.wait_for(|so_far| *so_far >= count).await;
    }

    /// Waits until such a request has come.
    pub async fn wait_for_request(&self, fits: impl Fn(&LoggedRequest) -> bool) {
        let mut logged = self.state.logged.subscribe();
        loop {
            logged.mark_unchanged();
            if lock(&self.state.log).iter().any(&fits) || logged.changed().await.is_err() {
                return;
            }
        }
    }
}

/// A test that panicked while it held the lock has left the list as it was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(state): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let service = Service::of(&path, parts.headers.contains_key("anthropic-version"));
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return plain_error(service, 400, "the request's body broke off");
    };
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
        return plain_error(service, 401, "invalid x-api-key");
    }
    let Some(endpoint) = Endpoint::of(&path).filter(|endpoint| {
        let is_read = matches!(endpoint, Endpoint::Models | Endpoint::Key);
        parts.method == if is_read { Method::GET } else { Method::POST }
    }) else {
        return plain_error(service, 404, "not found");
    };
    let failure = failure_of(&path, &mut lock(&state.flaky));
    match (endpoint, failure) {
        (Endpoint::Answer(protocol), failure) => {
            let Ok(document) = serde_json::from_slice::<Value>(&body) else {
                return plain_error(service, 400, "the body is not JSON");
            };
            let conversation = protocol.read(&document);
            let mut answer = conversation.answer();
            let of_script = answer.flaky.take();
            let of_script = of_script.and_then(|component| flaky(&component, &mut lock(&state.flaky)));
            if let Some(failure) = failure.or(of_script) {
                answer.ending = failure;
            }
            if let Ending::Error(failure) = &mut answer.ending {
                failure.message = failure.message.replace("{key}", &given_key(&parts.headers));
            }
            if !state.options.forgetful && matches!(answer.ending, Ending::Whole | Ending::BigLine(_)) {
                lock(&state.given).push(GivenAnswer {
                    path,
                    model: conversation.model.clone(),
                    usage: answer.usage,
                });
            }
            give(protocol, service, &answer, &conversation, seed_of(&body)).await
        }
        (_, Some(Ending::Error(failure))) => error(service, &failure),
        (Endpoint::Count(protocol), _) => json_response(&count(protocol, body.len() / 4)),
        (Endpoint::Models, _) => json_response(&models(service)),
        (Endpoint::Key, _) => json_response(&serde_json::json!({"data": {"label": "scripted"}})),
    }
}

fn count(protocol: Protocol, tokens: usize) -> Value {
    match protocol {
        Protocol::Messages => serde_json::json!({"input_tokens": tokens}),
        Protocol::Responses | Protocol::Chat => {
            serde_json::json!({"object": "response.input_tokens", "input_tokens": tokens})
        }
    }
}

fn models(service: Service) -> Value {
    let names: &[&str] = match service {
        Service::Anthropic => &["claude-opus-5-5", "claude-haiku-5-5"],
        Service::OpenAi => &["gpt-5.5", "gpt-5.5-mini"],
        Service::OpenRouter => &["scripted/one", "scripted/two"],
    };
    let entry = |name: &&str| match service {
        Service::Anthropic => {
            serde_json::json!({"type": "model", "id": name, "display_name": name, "created_at": "2026-11-01T00:00:00Z"})
        }
        Service::OpenAi => {
            serde_json::json!({"id": name, "object": "model", "created": 1_790_000_000, "owned_by": "scripted"})
        }
        Service::OpenRouter => {
            serde_json::json!({"id": name, "name": name, "context_length": 200_000, "pricing": {"prompt": "0.000001", "completion": "0.000002"}})
        }
    };
    serde_json::json!({"object": "list", "has_more": false, "data": names.iter().map(entry).collect::<Vec<_>>()})
}

fn has_key(headers: &HeaderMap, key: &str) -> bool {
    let is = |name: &str, value: &str| {
        headers
            .get(name)
            .is_some_and(|header| header.as_bytes() == value.as_bytes())
    };
    is("x-api-key", key) || is("authorization", &format!("Bearer {key}"))
}

/// The key that a request came with; providers are known to repeat it in the words of an error.
fn given_key(headers: &HeaderMap) -> String {
    let header = headers.get("x-api-key").or_else(|| headers.get("authorization"));
    let text = header.and_then(|header| header.to_str().ok()).unwrap_or_default();
    text.strip_prefix("Bearer ").unwrap_or(text).to_owned()
}

/// The same body gives the same identifiers.
fn seed_of(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

async fn give(
    protocol: Protocol,
    service: Service,
    answer: &Answer,
    conversation: &Conversation,
    seed: u64,
) -> Response {
    match &answer.ending {
        Ending::Error(failure) => return error(service, failure),
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
    if !conversation.is_stream {
        let document = || protocol.document(service, answer, &conversation.model, seed);
        return match &answer.ending {
            Ending::Cut => {
                let text = document().to_string();
                broken_body(vec![text[..text.len().min(20)].to_owned()], 0, true)
            }
            Ending::HangStream => std::future::pending().await,
            Ending::StreamError { message, .. } => plain_error(service, 529, message),
            _ => {
                let mut response = json_response(&document());
                insert_common(response.headers_mut(), service, seed);
                response
            }
        };
    }
    let events = protocol.events(service, answer, conversation, seed);
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
    insert_common(headers, service, seed);
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

fn plain_error(service: Service, status: u16, message: &str) -> Response {
    let failure = Failure {
        status,
        message: message.to_owned(),
        ..Failure::default()
    };
    error(service, &failure)
}

fn error(service: Service, failure: &Failure) -> Response {
    let answer = failures::answer(service, failure, real_now());
    let mut response = json_response(&answer.body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    insert_common(headers, service, u64::from(answer.status));
    for (name, value) in answer.headers {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    response
}

fn insert_common(headers: &mut HeaderMap, service: Service, seed: u64) {
    let (request_id, remaining) = match service {
        Service::Anthropic => ("request-id", "anthropic-ratelimit-requests-remaining"),
        Service::OpenAi | Service::OpenRouter => ("x-request-id", "x-ratelimit-remaining-requests"),
    };
    if let Ok(identifier) = format!("req_{seed:016x}").parse() {
        headers.insert(request_id, identifier);
    }
    headers.insert(remaining, header::HeaderValue::from_static("99"));
    headers.insert("set-cookie", header::HeaderValue::from_static("scripted=1"));
}
