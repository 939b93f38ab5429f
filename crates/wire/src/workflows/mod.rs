//! Workflows: blueprints that hold a pipeline.

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::schema;
use crate::time::Time;

/// The address of a workflow.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct WorkflowPath {
    /// Its name.
    #[param(max_length = 64, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    pub name: String,
}

/// A workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workflow {
    /// Its name.
    pub name: String,
    /// Whether it ships with the platform, and so cannot be changed.
    pub shipped: bool,
    /// What it is for.
    pub description: String,
    /// What is executed: a list of nodes, each a `step` or a `loop`.
    #[schema(value_type = Vec<Object>)]
    pub pipeline: Value,
    /// When it was made; `null` if it ships.
    #[schema(required)]
    pub created_at: Option<Time>,
    /// When it was last changed; `null` if it ships.
    #[schema(required)]
    pub updated_at: Option<Time>,
}

/// A workflow to save.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SaveWorkflow {
    /// What it is for.
    #[garde(length(chars, max = 500))]
    #[serde(default)]
    #[schema(max_length = 500)]
    pub description: String,
    /// What is executed: a list of nodes, each a `step` with a `role`, or a `loop` with `nodes`.
    #[garde(skip)]
    #[schema(value_type = Vec<schema::PipelineNode>, min_items = 1)]
    pub pipeline: Value,
}

/// A pipeline to look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidatePipeline {
    /// The pipeline, right or wrong.
    #[garde(skip)]
    #[schema(value_type = Value)]
    pub pipeline: Value,
}

/// What is wrong with a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PipelineReport {
    /// Whether it can be executed.
    pub valid: bool,
    /// Every fault, with its place.
    pub faults: Vec<PipelineFault>,
}

/// A fault of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PipelineFault {
    /// Where: `pipeline.0.nodes.1.role`.
    pub path: String,
    /// What.
    pub message: String,
}
