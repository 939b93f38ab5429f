//! As much of GitHub as a sign-in needs: its OAuth pages and the person behind a token.
//!
//! It checks what GitHub checks: the client, its secret, the address to come back to, PKCE, and that a code is used once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A running GitHub; ends when it is dropped.
#[derive(Debug)]
pub struct FakeGitHub {
    address: SocketAddr,
    state: Arc<Shared>,
    _server: JoinSet<()>,
}

/// The client's name.
pub const CLIENT_ID: &str = "Iv1.0123456789abcdef";
/// Its secret.
pub const CLIENT_SECRET: &str = "0123456789abcdef0123456789abcdef01234567";

type Pairs = BTreeMap<String, String>;

#[derive(Debug)]
struct Shared {
    return_to: String,
    user: Mutex<Value>,
    emails: Mutex<Value>,
    /// From a code to the challenge of its request.
    codes: Mutex<BTreeMap<String, String>>,
}

impl FakeGitHub {
    /// Starts one whose visitor is this person.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(return_to: &str, user: Value, emails: Value) -> Self {
        let state = Arc::new(Shared {
            return_to: return_to.to_owned(),
            user: Mutex::new(user),
            emails: Mutex::new(emails),
            codes: Mutex::default(),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new()
            .route("/login/oauth/authorize", get(authorize))
            .route("/login/oauth/access_token", post(access_token))
            .route("/api/user", get(user_of_token))
            .route("/api/user/emails", get(emails_of_token))
            .with_state(Arc::clone(&state));
        let mut server = JoinSet::new();
        server.spawn(async move {
            axum::serve(listener, router).await.expect("the server serves");
        });
        Self {
            address,
            state,
            _server: server,
        }
    }

    /// Where its pages are.
    #[must_use]
    pub fn web_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where its API is.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}/api", self.address)
    }

    /// Changes the visitor.
    pub fn visit(&self, user: Value, emails: Value) {
        *self.state.user.lock() = user;
        *self.state.emails.lock() = emails;
    }
}

async fn authorize(State(state): State<Arc<Shared>>, Query(asked): Query<Pairs>) -> Response {
    let given = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let is_sound = given("client_id") == CLIENT_ID
        && given("redirect_uri") == state.return_to
        && given("scope").split(' ').any(|scope| scope == "user:email")
        && given("code_challenge_method") == "S256";
    if !is_sound {
        return (
            StatusCode::NOT_FOUND,
            "The redirect_uri is not associated with this application.",
        )
            .into_response();
    }
    let code = format!("code-{}", state.codes.lock().len());
    state.codes.lock().insert(code.clone(), given("code_challenge"));
    Redirect::to(&format!("{}?code={code}&state={}", state.return_to, given("state"))).into_response()
}

async fn access_token(State(state): State<Arc<Shared>>, Form(given): Form<Pairs>) -> Json<Value> {
    let given = |name: &str| given.get(name).cloned().unwrap_or_default();
    let challenge = state.codes.lock().insert(given("code"), "used".to_owned());
    let shown = URL_SAFE_NO_PAD.encode(digest(&SHA256, given("code_verifier").as_bytes()));
    let is_client = given("client_id") == CLIENT_ID && given("client_secret") == CLIENT_SECRET;
    // As GitHub does: status 200 for either.
    Json(if is_client && challenge == Some(shown) {
        json!({ "access_token": "gho_test", "token_type": "bearer", "scope": "read:user,user:email" })
    } else {
        json!({ "error": "bad_verification_code", "error_description": "The code passed is incorrect or expired." })
    })
}

async fn user_of_token(State(state): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    answer(&headers, &state.user)
}

async fn emails_of_token(State(state): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    answer(&headers, &state.emails)
}

fn answer(headers: &HeaderMap, value: &Mutex<Value>) -> Response {
    let text = |name: header::HeaderName| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    if text(header::AUTHORIZATION) != "Bearer gho_test" {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "message": "Bad credentials" }))).into_response();
    }
    if text(header::USER_AGENT).is_empty() {
        return (StatusCode::FORBIDDEN, "Request forbidden by administrative rules.").into_response();
    }
    Json(value.lock().clone()).into_response()
}
