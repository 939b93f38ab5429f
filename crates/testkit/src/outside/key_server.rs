//! A server that publishes a key set, counts how often it is asked, and can be down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::signing::{SigningKey, key_set};

/// A running server; ends when it is dropped.
#[derive(Debug)]
pub struct KeyServer {
    address: SocketAddr,
    state: Arc<Published>,
    _server: JoinSet<()>,
}

#[derive(Debug)]
struct Published {
    answer: Mutex<(StatusCode, String)>,
    asked: AtomicU32,
}

impl KeyServer {
    /// Publishes some keys.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(keys: &[&SigningKey]) -> Self {
        let state = Arc::new(Published {
            answer: Mutex::new((StatusCode::OK, key_set(keys).to_string())),
            asked: AtomicU32::new(0),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(publish).with_state(Arc::clone(&state));
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

    /// Where it is, which is also the issuer of the tokens that its keys sign.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Publishes other keys.
    pub fn publish(&self, keys: &[&SigningKey]) {
        self.answer(200, &key_set(keys));
    }

    /// Answers with anything.
    ///
    /// # Panics
    /// When the status is none.
    pub fn answer(&self, status: u16, body: &Value) {
        let status = StatusCode::from_u16(status).expect("a status");
        *self.state.answer.lock() = (status, body.to_string());
    }

    /// How often it was asked.
    #[must_use]
    pub fn asked(&self) -> u32 {
        self.state.asked.load(Ordering::SeqCst)
    }
}

async fn publish(State(state): State<Arc<Published>>) -> impl IntoResponse {
    state.asked.fetch_add(1, Ordering::SeqCst);
    state.answer.lock().clone()
}
