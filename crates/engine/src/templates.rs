//! Where a run's template comes from. A trait, so that the engine's tests need no file system of a whole Debian.

use async_trait::async_trait;

use codecourier_domain::agent::AgentKind;
use codecourier_domain::failure::Failure;
use codecourier_sandbox::LayerRef;

/// Tells how far a preparation is: a stage and more about it.
pub type Report<'a> = &'a (dyn Fn(&str, &str) + Send + Sync);

/// A template that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyTemplate {
    /// What names its content.
    pub digest: String,
    /// Its layers, lowest first.
    pub layers: Vec<LayerRef>,
    /// The version that the agent's program states.
    pub agent_version: String,
}

/// Gives the template of an agent, and builds it when it is not there.
#[async_trait]
pub trait Templates: Send + Sync {
    /// The template of an agent. Building takes minutes; `report` is told how far it is. Idempotent.
    async fn ensure(&self, agent: AgentKind, report: Report<'_>) -> Result<ReadyTemplate, Failure>;
}
