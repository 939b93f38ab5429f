//! What the preparation of a run found out and pinned: every step of the run starts from the same.

use serde::{Deserialize, Serialize};

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
    /// The commit the run started from.
    pub base: String,
    /// The name of the branch that commit was the tip of.
    pub base_branch: BranchName,
    /// The run's own branch.
    pub branch: BranchName,
    /// How many files of the source's work tree were not committed, and so are not part of the run.
    pub uncommitted_files: u32,
}
