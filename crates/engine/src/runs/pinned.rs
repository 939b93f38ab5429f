//! What the preparation of a run found out and pinned: every step of the run starts from the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use codecourier_domain::agent::AgentKind;
use codecourier_domain::branch::BranchName;
use codecourier_sandbox::LayerRef;

/// The result of a run's preparation, stored with the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pinned {
    /// The template, by its digest.
    pub template: String,
    /// The template's layers, lowest first.
    pub layers: Vec<LayerRef>,
    /// The version of the agent's program, as the program itself stated it when the template was built.
    pub agent_version: String,
    /// The templates of agents that steps name and that are not the run's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<AgentKind, PinnedTemplate>,
    /// The commit the run started from.
    pub base: String,
    /// The name of the branch that commit was the tip of.
    pub base_branch: BranchName,
    /// The run's own branch.
    pub branch: BranchName,
    /// How many files of the source's work tree were not committed, and so are not part of the run.
    pub uncommitted_files: u32,
}

/// A template as it was when the run was prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedTemplate {
    /// The template, by its digest.
    pub template: String,
    /// Its layers, lowest first.
    pub layers: Vec<LayerRef>,
    /// The version of the agent's program in it.
    pub agent_version: String,
}

impl Pinned {
    /// What the sandbox of an agent's step is made of.
    #[must_use]
    pub fn layers_of(&self, agent: AgentKind) -> &[LayerRef] {
        self.others.get(&agent).map_or(&self.layers, |other| &other.layers)
    }
}
