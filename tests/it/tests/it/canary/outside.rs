//! The world around a server that holds canaries: a model that can be made to wait or to refuse, an identity provider
//! that refuses and repeats what it was sent, and a mail server that does so at first.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use codecourier_it::mail::{AtFirst, MailServer};
use codecourier_testkit::scripted_model::ScriptedModel;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is outside.
pub(super) struct Outside {
    /// Where the model and the identity provider are: `http://127.0.0.1:40000`.
    pub(super) url: String,
    /// The mail server.
    pub(super) mail: MailServer,
    state: Arc<Known>,
    _serving: JoinSet<()>,
}

struct Known {
    url: String,
    model: ScriptedModel,
    http: reqwest::Client,
    manner: watch::Sender<Manner>,
    /// How many requests wait.
    waiting: watch::Sender<u32>,
}

/// How the model answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As its script says.
    Answers,
    /// The first request; what comes after the agent's first tool waits.
    HoldsBack,
    /// With a refusal that repeats everything that it was sent.
    Refuses,
}

impl Outside {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Known {
            url: url.clone(),
            model: ScriptedModel::start().await.unwrap(),
            http: reqwest::Client::new(),
            manner: watch::Sender::new(Manner::Answers),
            waiting: watch::Sender::new(0),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            mail: MailServer::start(AtFirst::Refuses).await,
            state,
            _serving: serving,
        }
    }

    /// From now on the model answers like this.
    pub(super) fn behave(&self, manner: Manner) {
        self.state.manner.send_replace(manner);
    }

    /// Waits until a request is held back.
    pub(super) async fn wait_for_somebody(&self) {
        let mut waiting = self.state.waiting.subscribe();
        let somebody = waiting.wait_for(|waiting| *waiting > 0);
        tokio::time::timeout(PATIENCE, somebody).await.unwrap().unwrap();
    }
}

async fn answer(State(known): State<Arc<Known>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let said = format!("{:?} {}", parts.headers, String::from_utf8_lossy(&body));
    let json = |status: StatusCode, value: serde_json::Value| {
        (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
    };
    if let Some(rest) = path.strip_prefix("/model") {
        let text = String::from_utf8_lossy(&body);
        let mut manner = known.manner.subscribe();
        if *manner.borrow() == Manner::HoldsBack && text.contains("tool_result") {
            known.waiting.send_modify(|waiting| *waiting += 1);
            let _ = manner.wait_for(|manner| *manner != Manner::HoldsBack).await;
            known.waiting.send_modify(|waiting| *waiting -= 1);
        }
        let refuses = *known.manner.borrow() == Manner::Refuses;
        if refuses {
            let said = format!("invalid x-api-key: {:?}", parts.headers);
            let error = json!({ "type": "authentication_error", "message": said });
            return json(StatusCode::UNAUTHORIZED, json!({ "type": "error", "error": error }));
        }
        let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let url = format!("{}{rest}{query}", known.model.base_url());
        let mut headers = parts.headers;
        headers.remove(header::HOST);
        let asked = known.http.request(parts.method, url).headers(headers).body(body);
        let answered = asked.send().await.unwrap();
        let (status, kind) = (answered.status(), answered.headers().get(header::CONTENT_TYPE).cloned());
        let mut response = (status, answered.bytes().await.unwrap()).into_response();
        if let Some(kind) = kind {
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        return response;
    }
    if path.ends_with("/.well-known/openid-configuration") {
        let issuer = format!("{}/oidc", known.url);
        return json(
            StatusCode::OK,
            json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "userinfo_endpoint": format!("{issuer}/me"),
                "jwks_uri": format!("{issuer}/keys"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            }),
        );
    }
    let refusal = json!({ "error": "invalid_client", "error_description": format!("refused: {said}") });
    json(StatusCode::UNAUTHORIZED, refusal)
}
