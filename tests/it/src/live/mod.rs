//! Live updates over real sockets: a server in this process, clients, and the soak.

pub mod client;
pub mod soak;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use axum::serve::ListenerExt as _;
use codecourier_api::conventions::rate_limit::{Rate, RateLimits};
use codecourier_api::{Api, ApiConfig};
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::people::People;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A server in this process.
pub struct LiveServer {
    engine: TestEngine,
    /// Where it listens.
    pub address: SocketAddr,
    /// Makes people in it.
    pub people: People,
    _serving: JoinSet<()>,
}

/// Clients that stand for a world of them share one address here, so an address may ask as fast as it likes.
fn config() -> ApiConfig {
    let any = Rate {
        burst: NonZeroU32::MAX,
        per_minute: NonZeroU32::MAX,
    };
    ApiConfig {
        rate_limits: RateLimits {
            principal: any,
            address: any,
            sign_in: any,
        },
        ..ApiConfig::default()
    }
}

impl LiveServer {
    /// Starts one at a free port.
    pub async fn start(world: &World) -> Self {
        Self::start_at(world, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts one at an address, such as another one's that was ended.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_at(world: &World, address: SocketAddr) -> Self {
        Self::start_node(world, "one", address).await
    }

    /// Starts one of several on the same database.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_node(world: &World, node: &str, address: SocketAddr) -> Self {
        let engine = world.start_node(node, world.work_places).await.expect("it starts");
        let (address, serving) = engine
            .ask(move |engine| async move {
                let listener = TcpListener::bind(address).await.expect("the address is free");
                let address = listener.local_addr().expect("an address");
                // As the program does.
                let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
                let service = Api::new(engine, config()).into_make_service_with_connect_info::<SocketAddr>();
                let mut serving = JoinSet::new();
                serving.spawn(async move { axum::serve(listener, service).await.expect("it serves") });
                (address, serving)
            })
            .await;
        let people = People::new(engine.store());
        Self {
            engine,
            address,
            people,
            _serving: serving,
        }
    }

    /// Its engine.
    #[must_use]
    pub const fn engine(&self) -> &TestEngine {
        &self.engine
    }

    /// Ends it in order: clients are told.
    pub async fn stop(self) {
        self.engine.shut_down().await;
    }

    /// Ends it between any two of its steps.
    pub async fn kill(self) {
        self.engine.kill().await;
    }
}
