//! The gateway's settings. Made once at start by the binary; the gateway reads no environment.

use std::time::Duration;

use crate::pricing::{PriceTable, PriceTableInvalid};
use crate::provider::Provider;

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Where Anthropic's API is: scheme, host and possibly a path, without `/v1`. A self-hosted or test endpoint works
    /// the same.
    pub anthropic_base_url: String,
    /// Where the other services are, whose keys are checked.
    pub services: ServiceUrls,
    /// An HTTP proxy for the way to the providers. None: direct, whatever the environment says.
    pub outbound_proxy: Option<String>,
    /// What tokens cost.
    pub prices: PriceTable,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How big and how many things may be.
    pub limits: Limits,
    /// How fast replayed answers come.
    pub replay_pacing: ReplayPacing,
}

impl GatewayConfig {
    /// The settings of production.
    ///
    /// # Errors
    /// When the compiled-in price list is broken, which its tests exclude.
    pub fn new() -> Result<Self, PriceTableInvalid> {
        Ok(Self {
            anthropic_base_url: "https://api.anthropic.com".to_owned(),
            services: ServiceUrls::default(),
            outbound_proxy: None,
            prices: PriceTable::built_in()?,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            replay_pacing: ReplayPacing::AsRecorded,
        })
    }

    /// The base URL of a provider, without a slash at its end.
    #[must_use]
    pub fn base_url(&self, provider: Provider) -> &str {
        match provider {
            Provider::Anthropic => self.anthropic_base_url.trim_end_matches('/'),
        }
    }
}

/// Where services are that the platform holds keys of but does not speak to the models of: scheme and host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUrls {
    /// OpenAI's API.
    pub openai: String,
    /// OpenRouter's API.
    pub openrouter: String,
    /// GitHub's API.
    pub github: String,
    /// E2B's API.
    pub e2b: String,
}

impl Default for ServiceUrls {
    fn default() -> Self {
        Self {
            openai: "https://api.openai.com".to_owned(),
            openrouter: "https://openrouter.ai".to_owned(),
            github: "https://api.github.com".to_owned(),
            e2b: "https://api.e2b.app".to_owned(),
        }
    }
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Connecting to the provider, TLS included.
    pub connect: Duration,
    /// From sending the request to the head of the answer. Long: an answer that is not streamed comes at once.
    pub first_byte: Duration,
    /// Between two pieces of an answer. Providers send a ping every few seconds.
    pub idle: Duration,
    /// For the head of a request, which is also how long a connection may rest between two requests.
    pub request_head: Duration,
    /// For the body of a request, as a whole.
    pub request_body: Duration,
    /// For a client that does not read its answer.
    pub client_stall: Duration,
    /// For open answers to end by themselves when a listener is cancelled.
    pub grace: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(600),
            idle: Duration::from_secs(120),
            request_head: Duration::from_secs(75),
            request_body: Duration::from_secs(60),
            client_stall: Duration::from_secs(120),
            grace: Duration::from_secs(2),
        }
    }
}

/// How big and how many things may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one request's body.
    pub request_body_bytes: usize,
    /// Bytes of the bodies that one listener holds at a time; further requests wait.
    pub listener_body_bytes: usize,
    /// Bytes of one request's head. Also the size a connection's buffer can grow to, which an idle stream keeps.
    pub request_head_bytes: usize,
    /// Header lines of one request.
    pub request_headers: usize,
    /// Connections of one listener; further ones wait in its queue.
    pub listener_connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_body_bytes: 32 * 1024 * 1024,
            listener_body_bytes: 64 * 1024 * 1024,
            request_head_bytes: 16 * 1024,
            request_headers: 100,
            listener_connections: 64,
        }
    }
}

/// How fast replayed answers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayPacing {
    /// With the delays that the cassette states.
    AsRecorded,
    /// At once: for tests.
    None,
}
