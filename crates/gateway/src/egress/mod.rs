//! The way out of a sandbox past the gateway: a `CONNECT` proxy on the sandbox's own loopback, for a login that must not
//! be proxied.
//!
//! Who may call it: the engine, by [`crate::Gateway::serve_egress`], with the listener of a sandbox whose agent was
//! handed a vendor's login. A step with an API key has the gateway on that listener and none of this. What comes over
//! such a connection is hostile input.
//!
//! Invariants:
//!
//! - Nothing is reached but what [`EgressConfig`] lists, by its exact name and port. A name is looked up here, once, and
//!   the connection goes to the very address that was checked: no later answer of a name server can change it. Where the
//!   operator has a proxy, that one looks it up.
//! - No address inside is reached by a name: see [`address`]. Only the operator's own settings can name one.
//! - What is carried is TLS for the host that the connection was asked for, by the name in its first message. What is
//!   not, reaches nobody: a neighbour of that host at the same address is none of ours.
//! - Every connection that is asked for is recorded before it is answered, and what cannot be recorded is not opened.
//!   Nothing else of what passes is read, kept or counted: TLS is between the two ends.
//! - A connection belongs to a step by that step's token. It ends with the token, and with the listener.

mod address;
mod connect;
mod destination;
pub(crate) mod hello;
mod pace;
mod proxy;
mod serve;
mod tunnel;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use codecourier_domain::event::EgressOutcome;
use codecourier_domain::id::{ProjectId, RunId, StepId};

pub use destination::{Destination, NotADestination};
pub use proxy::{NotAProxy, OutboundProxy};
pub(crate) use serve::serve;

/// What may be reached past the gateway, and how. The operator's alone: nothing of a project comes in here.
#[derive(Debug, Clone)]
pub struct EgressConfig {
    /// What Claude Code needs for its own login.
    pub claude: Vec<Destination>,
    /// The one address at which all of these are, instead of what a name server says: an organisation's own proxy, or a
    /// test's. It is not checked.
    pub claude_address: Option<SocketAddr>,
    /// The operator's proxy for those of these hosts that are not reached directly. Whoever looks a name up then is the
    /// proxy, and its own address is not checked.
    pub proxies: HashMap<Destination, OutboundProxy>,
    /// Certificates, as PEM, of more authorities that Claude Code is to trust on the way there.
    pub claude_certificates: Option<Arc<str>>,
    /// How much, and for how long.
    pub limits: EgressLimits,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            claude: vec![Destination::of_claude()],
            claude_address: None,
            proxies: HashMap::new(),
            claude_certificates: None,
            limits: EgressLimits::default(),
        }
    }
}

/// Bounds of one sandbox's way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EgressLimits {
    /// Connections at once; further ones wait in the listener's queue.
    pub connections: usize,
    /// Bytes of a request's head. At least 8192.
    pub head_bytes: usize,
    /// Header lines of a request.
    pub headers: usize,
    /// For the head of a request.
    pub head: Duration,
    /// For the look-up of a name and the connection, each.
    pub connect: Duration,
    /// For a client to say to whom it speaks, once its connection is open.
    pub hello: Duration,
    /// How long a connection may be silent in both directions.
    pub idle: Duration,
    /// Requests that are answered at once. Each is an event, so their number must have a bound.
    pub burst: u32,
    /// From the burst on, the time from one answer to the next.
    pub pace: Duration,
}

impl Default for EgressLimits {
    fn default() -> Self {
        Self {
            connections: 32,
            head_bytes: 8 * 1024,
            headers: 32,
            head: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            hello: Duration::from_secs(10),
            // Longer than an answer may take that is not streamed.
            idle: Duration::from_secs(15 * 60),
            burst: 64,
            pace: Duration::from_millis(250),
        }
    }
}

/// Whose sandbox a listener is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EgressScope {
    /// The project.
    pub project: ProjectId,
    /// The run.
    pub run: RunId,
    /// The step, whose token alone is honoured.
    pub step: StepId,
}

/// A connection that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The host as it was asked for: printable ASCII, at most 253 bytes, without a user's name or password. Empty when
    /// none could be read.
    pub host: String,
    /// The port; 0 when none could be read.
    pub port: u16,
    /// What became of it.
    pub outcome: EgressOutcome,
}

/// Where connections are recorded. The engine implements it on the step's events.
#[async_trait]
pub trait ConnectionLog: Send + Sync {
    /// Records a connection. When it returns without an error, the record is kept.
    async fn record(&self, scope: &EgressScope, connection: Connection) -> Result<(), NotRecorded>;
}

/// A connection could not be recorded.
#[derive(Debug, thiserror::Error)]
#[error("the connection could not be recorded")]
pub struct NotRecorded(#[source] pub Box<dyn std::error::Error + Send + Sync>);
