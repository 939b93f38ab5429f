//! The gateway's settings. Made once at start by the binary; the gateway reads no environment.

use std::time::Duration;

use secrecy::SecretString;

use crate::egress::EgressConfig;
use crate::pricing::{PriceTable, PriceTableInvalid};
use crate::provider::Provider;

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Where Anthropic's API is: scheme, host and possibly a path, without `/v1`. A self-hosted or test endpoint works
    /// the same.
    pub anthropic_base_url: String,
    /// Where the other services are: OpenAI and OpenRouter, and those whose keys are only checked.
    pub services: ServiceUrls,
    /// An HTTP proxy for the way to the providers, whose address may hold a password. None: direct, whatever the
    /// environment says.
    pub outbound_proxy: Option<SecretString>,
    /// What tokens cost.
    pub prices: PriceTable,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How big and how many things may be.
    pub limits: Limits,
    /// How fast replayed answers come.
    pub replay_pacing: ReplayPacing,
    /// What may be reached past the gateway, for a login that must not be proxied.
    pub egress: EgressConfig,
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
            egress: EgressConfig::default(),
        })
    }

    /// The base URL of a provider, without a slash at its end and without the version's path, which people paste along
    /// since other clients want it.
    #[must_use]
    pub fn base_url(&self, provider: Provider) -> &str {
        let url = match provider {
            Provider::Anthropic => &self.anthropic_base_url,
            Provider::Openai => &self.services.openai,
            Provider::Openrouter => &self.services.openrouter,
        };
        let url = url.trim_end_matches('/');
        let mut endings = provider.version_paths().iter();
        endings.find_map(|ending| url.strip_suffix(ending)).unwrap_or(url)
    }
}

/// Where the services are beside Anthropic whose keys the platform holds: scheme, host and possibly a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUrls {
    /// OpenAI's API, or any server that speaks like it: a local one needs no key of OpenAI's.
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
    /// For a client that was refused to send what is left of its request, so that it hears why.
    pub hear_out: Duration,
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
            hear_out: Duration::from_secs(5),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_with_the_versions_path_is_understood() {
        let mut config = GatewayConfig::new().unwrap();
        config.services.openai = "http://127.0.0.1:11434/v1/".to_owned();
        config.services.openrouter = "https://openrouter.ai/api/v1".to_owned();
        assert_eq!(config.base_url(Provider::Openai), "http://127.0.0.1:11434");
        assert_eq!(config.base_url(Provider::Openrouter), "https://openrouter.ai");
        assert_eq!(config.base_url(Provider::Anthropic), "https://api.anthropic.com");
        config.services.openrouter = "https://openrouter.ai/api".to_owned();
        assert_eq!(config.base_url(Provider::Openrouter), "https://openrouter.ai");
    }
}
