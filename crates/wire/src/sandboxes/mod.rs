//! Sandboxes that are alive.

use codecourier_domain::id::{RunId, SandboxId, StepId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::runs::RunLimits;
use crate::schema;
use crate::time::Time;

/// The address of a sandbox.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct SandboxPath {
    /// The sandbox.
    #[param(value_type = schema::SandboxId)]
    pub sandbox: SandboxId,
}

/// Where a sandbox is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SandboxStatus {
    /// It is being made.
    Creating,
    /// It runs.
    Running,
    /// It is paused.
    Paused,
    /// It is over, and about to be removed.
    Killed,
}

/// A sandbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sandbox {
    /// Its identifier.
    #[schema(value_type = schema::SandboxId)]
    pub id: SandboxId,
    /// Its status.
    pub status: SandboxStatus,
    /// The run it serves.
    #[schema(value_type = schema::RunId)]
    pub run_id: RunId,
    /// The step it serves.
    #[schema(value_type = schema::StepId)]
    pub step_id: StepId,
    /// The step's name in the run.
    pub lane: String,
    /// Since when it was wanted.
    pub created_at: Time,
    /// What it may use.
    pub limits: RunLimits,
    /// What keeps it apart; `null` while it is being made.
    #[schema(required)]
    pub isolation: Option<SandboxIsolation>,
    /// What it uses; `null` while it is being made.
    #[schema(required)]
    pub usage: Option<SandboxUsage>,
}

/// What keeps a sandbox apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxIsolation {
    /// The tier.
    pub tier: String,
    /// What it protects from.
    pub protects_from: String,
    /// What is weaker than promised. Empty is normal.
    pub degraded: Vec<String>,
}

/// What a sandbox uses. What is not metered on this machine is `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxUsage {
    /// Memory, page cache included.
    #[schema(required)]
    pub memory_bytes: Option<u64>,
    /// CPU time so far.
    #[schema(required)]
    pub cpu_microseconds: Option<u64>,
    /// Processes and threads alive.
    #[schema(required)]
    pub processes: Option<u32>,
    /// Bytes written to disk.
    #[schema(required)]
    pub disk_bytes: Option<u64>,
}
