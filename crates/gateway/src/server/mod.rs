//! The gateway at work: listening, checking, forwarding or replaying, metering, settling.

use std::sync::Arc;

use bytes::Bytes;
use codecourier_domain::id::StepId;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Body;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cassette::Recorders;
use crate::config::GatewayConfig;
use crate::egress::{self, ConnectionLog, EgressConfig, EgressScope};
use crate::error::Error;
use crate::grant::StepTokens;
use crate::keys::KeySource;
use crate::ledger::Ledger;
use crate::observer::Observer;

mod accept;
mod answer;
mod body;
mod check_key;
mod exchange;
mod forward;
mod handle;
mod hear_out;
pub(crate) mod include_usage;
mod key_limits;
mod listen;
mod open_steps;
mod stall;
mod upstream;
mod wait_for_key;

pub(crate) use accept::accept;
pub use check_key::KeyCheck;
use handle::Entrance;
pub(crate) use hear_out::{Rest, Sending, hear_out};
use key_limits::KeyLimits;
pub(crate) use open_steps::OpenExchange;
use open_steps::OpenSteps;
use upstream::Upstream;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of the gateway's answers.
pub type GatewayBody = UnsyncBoxBody<Bytes, BoxError>;

/// The gateway. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Gateway {
    core: Arc<Core>,
    /// For requests that come by [`Gateway::handle`] and not by a listener.
    entrance: Arc<Entrance>,
}

/// What all requests share.
pub(crate) struct Core {
    pub(crate) config: GatewayConfig,
    pub(crate) upstream: Upstream,
    pub(crate) keys: Arc<dyn KeySource>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) tokens: Arc<dyn StepTokens>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) recorders: Arc<Recorders>,
    pub(crate) open_steps: OpenSteps,
    pub(crate) key_limits: KeyLimits,
}

impl Gateway {
    /// A gateway with these settings and these ties to the rest of the platform.
    ///
    /// # Errors
    /// When the settings make no sense.
    pub fn new(
        config: GatewayConfig,
        keys: Arc<dyn KeySource>,
        ledger: Arc<dyn Ledger>,
        tokens: Arc<dyn StepTokens>,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let upstream = Upstream::new(&config)?;
        let entrance = Arc::new(Entrance::new(None, &config.limits));
        let core = Arc::new(Core {
            config,
            upstream,
            keys,
            ledger,
            tokens,
            observer,
            recorders: Arc::default(),
            open_steps: OpenSteps::default(),
            key_limits: KeyLimits::default(),
        });
        Ok(Self { core, entrance })
    }

    /// Serves a listener until it is cancelled, for any step's token. After the cancellation no connection is accepted;
    /// open answers have `Timeouts::grace` to end; it returns when everything that came in is settled.
    pub async fn serve(&self, listener: TcpListener, cancel: CancellationToken) {
        let entrance = Entrance::new(None, &self.core.config.limits);
        listen::serve(Arc::clone(&self.core), Arc::new(entrance), listener, cancel).await;
    }

    /// The same for the listener inside a step's own sandbox: the token of another step is refused there, so a token
    /// that leaks from one sandbox is of no use in another.
    pub async fn serve_step(&self, step: StepId, listener: TcpListener, cancel: CancellationToken) {
        let entrance = Entrance::new(Some(step), &self.core.config.limits);
        listen::serve(Arc::clone(&self.core), Arc::new(entrance), listener, cancel).await;
    }

    /// Serves the way out for a login that must not be proxied, on the listener inside a step's own sandbox, in the
    /// gateway's place: see [`egress`]. After the cancellation every connection is cut.
    pub async fn serve_egress(
        &self,
        scope: EgressScope,
        log: Arc<dyn ConnectionLog>,
        listener: TcpListener,
        cancel: CancellationToken,
    ) {
        egress::serve(Arc::clone(&self.core), scope, log, listener, cancel).await;
    }

    /// What [`Gateway::serve_egress`] lets through.
    #[must_use]
    pub fn egress(&self) -> &EgressConfig {
        &self.core.config.egress
    }

    /// Answers one request: for mounting the gateway in another server, for sandboxes that are not on this machine.
    /// Dropping the future or the answer's body is how a client's going is told.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<GatewayBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        handle::handle(Arc::clone(&self.core), Arc::clone(&self.entrance), request).await
    }

    /// Ends everything a step has under way and returns when it is settled. Revoke the step's token first: then no
    /// request of the step can begin after this has returned.
    pub async fn close_step(&self, step: &StepId) {
        self.core.open_steps.close(step).await;
    }

    /// Waits until nothing of a step is under way: then the ledger has all of it.
    pub async fn settled(&self, step: &StepId) {
        self.core.open_steps.settled(step).await;
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Gateway")
            .field("config", &self.core.config)
            .finish_non_exhaustive()
    }
}

/// Tasks that outlive their connection: exchanges and settlements.
type Tasks = TaskTracker;
