//! `/metrics`, for Prometheus: what every part counted with the `metrics` facade, and what is counted when it is asked for.
//!
//! Invariants: a label is a route, a status or another word of the program's own, never something a client wrote; nobody
//! outside this machine reads it without the token.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use codecourier_engine::live::Live;
use codecourier_store::under_way::UnderWay;
use codecourier_store::{Connections, Reader, Store};
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use subtle::ConstantTimeEq as _;

use super::figures;
use crate::config::Config;
use crate::config::value::Secret;
use crate::problem::Problem;

/// Seconds, for requests and for the store.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Write commands that one commit keeps.
const GROUPS: [f64; 8] = [1.0, 2.0, 4.0, 16.0, 64.0, 256.0, 512.0, 1024.0];
/// How often what was measured is put into its buckets when nobody asks.
const UPKEEP: Duration = Duration::from_secs(30);

/// The number of waiting mails up to which they are counted.
const MOST_MAILS: u32 = 100_000;

const REQUESTS: &str = "codecourier_http_requests_total";
const LATENCY: &str = "codecourier_http_request_seconds";
const COMMIT_COMMANDS: &str = "codecourier_store_commit_commands";
const IN_FLIGHT: &str = "codecourier_http_requests_in_flight";

/// The recorder of this process.
pub(super) struct Metrics {
    handle: PrometheusHandle,
    token: Option<Secret>,
}

impl Metrics {
    /// Installs the recorder: whatever is counted from now on counts.
    pub(super) fn install(config: &Config) -> Result<Self, Problem> {
        let token = config.settings.metrics_token.as_ref();
        let token = token.map(crate::config::secret::SecretSource::read).transpose()?;
        let recorder = PrometheusBuilder::new()
            .set_buckets(&BUCKETS)
            .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full(COMMIT_COMMANDS.to_owned()), &GROUPS))
            .map_err(|error| Problem::internal("Setting up the metrics", &error))?
            .build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|error| Problem::internal("Setting up the metrics", &error))?;
        figures::describe();
        gauge!("codecourier_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Ok(Self { handle, token })
    }

    /// The route.
    pub(super) fn routes(self, store: Store, live: Live) -> Router {
        let shared = Arc::new(Shared {
            handle: self.handle,
            token: self.token,
            store,
            live,
        });
        Router::new().route("/metrics", get(render)).with_state(shared)
    }

    /// Puts what was measured into its buckets now and then, so that it takes no more room when nobody asks.
    pub(super) fn upkeep(&self) -> impl Future<Output = ()> + Send + use<> {
        let handle = self.handle.clone();
        async move {
            loop {
                tokio::time::sleep(UPKEEP).await;
                handle.run_upkeep();
            }
        }
    }
}

struct Shared {
    handle: PrometheusHandle,
    token: Option<Secret>,
    store: Store,
    live: Live,
}

async fn render(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    if !may_read(shared.token.as_ref(), peer.ip(), &headers) {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response();
    }
    gauge!("codecourier_live_clients").set(as_f64(shared.live.clients() as u64));
    gauge!("codecourier_live_subscriptions").set(as_f64(shared.live.subscriptions() as u64));
    gauge!("codecourier_live_topics").set(as_f64(shared.live.followed() as u64));
    let Connections { busy, idle } = shared.store.connections();
    for (state, connections) in [("busy", busy), ("idle", idle)] {
        gauge!("codecourier_store_connections", "state" => state).set(f64::from(connections));
    }
    match shared.store.read().await {
        Ok(mut reader) => match under_way(&mut reader).await {
            Ok((under_way, mails)) => {
                gauge!("codecourier_mails_waiting").set(as_f64(mails));
                for (status, runs) in under_way.runs {
                    gauge!("codecourier_runs", "status" => status).set(as_f64(runs));
                }
                for (status, tasks) in under_way.tasks {
                    gauge!("codecourier_tasks", "status" => status).set(as_f64(tasks));
                }
                gauge!("codecourier_sandboxes").set(as_f64(under_way.sandboxes));
            }
            Err(error) => tracing::warn!("the metrics lack what is under way: {error}"),
        },
        Err(error) => tracing::warn!("the metrics lack what is under way: {error}"),
    }
    let headers = [
        (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, shared.handle.render()).into_response()
}

async fn under_way(reader: &mut Reader<'_>) -> codecourier_store::Result<(UnderWay, u64)> {
    Ok((reader.under_way().await?, reader.waiting_mails(MOST_MAILS).await?))
}

/// Exact below 2^53, which nothing here comes near.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
const fn as_f64(count: u64) -> f64 {
    count as f64
}

/// Whoever has the token; without one, clients on this machine that came by no proxy.
fn may_read(token: Option<&Secret>, peer: IpAddr, headers: &HeaderMap) -> bool {
    match token {
        Some(token) => headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .is_some_and(|given| given.as_bytes().ct_eq(token.expose().as_bytes()).into()),
        None => {
            let came_by_a_proxy = ["forwarded", "x-forwarded-for", "via"];
            peer.to_canonical().is_loopback() && !came_by_a_proxy.iter().any(|name| headers.contains_key(*name))
        }
    }
}

/// Measures every request. The route is the pattern it matched.
pub(super) async fn measure(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let begun = Instant::now();
    let in_flight = InFlight::begin();
    let response = next.run(request).await;
    drop(in_flight);
    let status = response.status().as_u16().to_string();
    histogram!(LATENCY, "method" => method.clone(), "route" => route.clone()).record(begun.elapsed().as_secs_f64());
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status).increment(1);
    response
}

/// A request whose answer has not begun; also one whose client went away stops counting.
struct InFlight;

impl InFlight {
    fn begin() -> Self {
        gauge!(IN_FLIGHT).increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_for_this_machine_or_for_the_token() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            headers
        };
        let local: IpAddr = "127.0.0.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        let foreign: IpAddr = "192.0.2.1".parse().unwrap();
        assert!(may_read(None, local, &headers(&[])) && may_read(None, mapped, &headers(&[])));
        assert!(!may_read(None, foreign, &headers(&[])));
        assert!(!may_read(None, local, &headers(&[("x-forwarded-for", "192.0.2.1")])));
        let token = Secret::new("t0ken".to_owned());
        assert!(may_read(
            Some(&token),
            foreign,
            &headers(&[("authorization", "Bearer t0ken")])
        ));
        for wrong in ["Bearer t0ke", "Bearer t0ken2", "t0ken", "Basic t0ken"] {
            assert!(
                !may_read(Some(&token), local, &headers(&[("authorization", wrong)])),
                "{wrong}"
            );
        }
    }
}
