//! The server: opened in order on a data directory, ready, and ended in order by a signal.
//!
//! `verbs::serve` starts it. Invariants: nothing that can wait is done before the server is ready; the first signal ends
//! it gently (no new connections, live streams ended with a reason, requests finished within [`PATIENCE`]) and the second
//! at once; agents live on in either case, and the next start adopts them.

mod certificate;
mod connection;
mod figures;
mod listener;
mod metrics;
mod patience;
mod probes;
mod service_manager;
mod signals;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use codecourier_api::conventions::rate_limit::{Rate, RateLimits};
use codecourier_api::{Api, ApiConfig};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::config::Config;
use crate::config::value::ProxyRange;
use crate::data_directory::{DataDirectory, SERVE_AT};
use crate::exit::Exit;
use crate::logging;
use crate::platform::{self, Platform, Unprobed};
use crate::problem::Problem;
use crate::telemetry;
use crate::terminal::data;
use crate::verbs::demo::DemoSamples;
use crate::watch::Output;
pub(crate) use certificate::Certificate;
use connection::Connections;
use listener::Listener;
use metrics::Metrics;
use probes::Probes;
use service_manager::ServiceManager;
use signals::{Signal, Signals};
use tls::Tls;

/// How long requests may take to finish once the server ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves until a signal ends it.
pub(crate) async fn serve(config: &Config, output: Output) -> Result<Exit, Problem> {
    let directory = DataDirectory::at(&config.data_directory);
    directory.make()?;
    logging::start(config, logging::Target::Service)?;
    for (name, meant) in &config.unknown_variables {
        if let Some(meant) = meant {
            tracing::warn!("the variable {name} is no setting; {meant} may be meant");
        }
    }
    let mut signals = Signals::listen()?;
    let service = ServiceManager::of(config);
    let tls = Tls::read(config)?;
    // Bound before the rest is opened: a client that comes meanwhile waits and is served.
    let listener = Listener::bind(config, &service).await?;
    let url = listener.url(config, tls.is_some());
    let api = api_config(config, tls.is_some())?;
    let address = listener.address();
    let metrics = Metrics::install(config)?;
    let lock = directory.lock(&format!("{SERVE_AT}{url}"))?;
    let held = platform::open_held(config, directory, lock).await?;
    let platform = Platform::<Unprobed>::start_serving(config, held).await?;

    platform.engine.offer_samples(Arc::new(DemoSamples::new(config)));

    let stopping = CancellationToken::new();
    let probes = Arc::new(Probes::new(platform.store.clone(), config, stopping.clone()));
    let upkeep = metrics.upkeep();
    let router = Api::new(platform.engine.clone(), api)
        .merge(probes::routes(probes))
        .merge(metrics.routes(platform.store.clone(), platform.engine.live()))
        .layer(axum::middleware::from_fn(metrics::measure));
    let connections = Connections::start(listener, tls.clone(), router, stopping.clone());
    announce(&url, address, output);
    service.ready();
    tracing::info!(%url, version = env!("CARGO_PKG_VERSION"), "ready");
    let after_ready = (
        platform.after_ready(),
        AbortOnDropHandle::new(TaskTracker::new().spawn(upkeep)),
    );

    loop {
        match signals.next().await {
            Signal::Stop => break,
            Signal::Reload => match tls.as_ref().map(|tls| tls.reload(config)) {
                Some(Ok(())) => tracing::info!("the certificate was read again"),
                Some(Err(problem)) => tracing::error!("the old certificate stays: {}", problem.message),
                None => tracing::info!("there is nothing to read again: no certificate is configured"),
            },
        }
    }
    tracing::info!("stopping; a second signal ends the server at once");
    service.stopping();
    stopping.cancel();
    platform.engine.live().close();
    drop(after_ready);
    let ended = async {
        connections.drain(PATIENCE).await;
        platform.shut_down().await;
    };
    tokio::select! {
        () = ended => tracing::info!("stopped; agents live on, and the next start adopts them"),
        () = signals.stop() => {
            tracing::warn!("stopped at once");
            // What was confirmed is on the disk; whatever still runs here has nobody left to answer.
            std::process::exit(i32::from(Exit::Failed as u8));
        }
    }
    telemetry::finish();
    Ok(Exit::Completed)
}

/// Whether there is a certificate whose key fits. Reads both files.
pub(crate) fn certificate_fits(config: &Config) -> Result<bool, Problem> {
    Tls::read(config).map(|tls| tls.is_some())
}

/// What the API is told of its surroundings.
fn api_config(config: &Config, has_certificate: bool) -> Result<ApiConfig, Problem> {
    let settings = &config.settings;
    let public_url = settings.public_url.as_ref().map(|url| url.as_str().to_owned());
    if has_certificate && !public_url.as_ref().is_some_and(|url| url.starts_with("https://")) {
        // Without it cookies would go over plain connections too, and browsers' requests could not be told from others'.
        return Err(
            Problem::usage("There is a certificate, and nothing says which https:// address people open.")
                .with_remedy("Name it: --public-url https://…, or `server.public_url` in the configuration."),
        );
    }
    Ok(ApiConfig {
        public_url,
        trusted_proxies: settings.trusted_proxies.0.iter().map(ProxyRange::network).collect(),
        rate_limits: RateLimits {
            principal: Rate::per_minute(settings.requests_per_minute.at_least_one()),
            address: Rate::per_minute(settings.anonymous_requests_per_minute.at_least_one()),
            ..RateLimits::default()
        },
        ..ApiConfig::default()
    })
}

fn announce(url: &str, address: SocketAddr, output: Output) {
    match output {
        Output::Json => {
            let version = env!("CARGO_PKG_VERSION");
            data::json(&json!({ "type": "ready", "url": url, "listening": address, "version": version }));
        }
        Output::People => {
            data::bytes(format!("CodeCourier is ready at {url}\n").as_bytes());
        }
    }
}
