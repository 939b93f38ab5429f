//! Workflows: the shipped ones, and a project's own. A workflow holds a pipeline and never executes.
//!
//! The API calls this. Invariants: a stored pipeline is valid; a shipped workflow cannot be changed or hidden; a change
//! is on record in the audit log and the change log in its transaction, and never overwrites another that its author did
//! not see.

mod save;
mod validate;

use std::sync::Arc;

use codecourier_domain::pipeline::{DEFAULT_ITERATIONS, Pipeline};
use codecourier_domain::revision::Revision;
use codecourier_domain::time::Timestamp;
use codecourier_store::workflows::Workflow as Row;
use serde::{Deserialize, Serialize};

use crate::access::ProjectGrant;
use crate::error::Error;
use crate::runs::Runs;
use crate::{Engine, Inner};

pub use validate::{PipelineFault, faults};

/// The use cases of workflows.
#[derive(Clone)]
pub struct Workflows {
    pub(crate) engine: Arc<Inner>,
}

impl Engine {
    /// The use cases of workflows.
    #[must_use]
    pub fn workflows(&self) -> Workflows {
        Workflows {
            engine: Arc::clone(&self.inner),
        }
    }
}

/// A workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What it is for.
    pub description: String,
    /// What is executed.
    pub pipeline: Pipeline,
}

/// Where a workflow comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It ships with the platform.
    Shipped,
    /// It is the project's own.
    Own {
        /// How often it was saved.
        revision: Revision,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last changed.
        updated_at: Timestamp,
    },
}

/// What the store keeps of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) description: String,
    pub(crate) pipeline: Pipeline,
}

impl Workflows {
    /// The shipped workflows, then the project's own by name: at most `limit` after a name of the project's own.
    pub async fn list(&self, grant: &ProjectGrant, after: Option<&str>, limit: u32) -> Result<Vec<Workflow>, Error> {
        let mut found = if after.is_none() { shipped() } else { Vec::new() };
        let mut reader = self.engine.store.read().await?;
        let rows = reader
            .workflows(grant.project, after.unwrap_or_default(), limit)
            .await?;
        for row in rows {
            found.push(read(row)?);
        }
        found.truncate(limit as usize);
        Ok(found)
    }

    /// One workflow.
    pub async fn get(&self, grant: &ProjectGrant, name: &str) -> Result<Workflow, Error> {
        if let Some(found) = shipped().into_iter().find(|workflow| workflow.name == name) {
            return Ok(found);
        }
        let row = self.engine.store.read().await?.workflow(grant.project, name).await?;
        read(row.ok_or_else(|| missing(name))?)
    }
}

impl Runs {
    /// The pipeline of a workflow that a run names.
    pub(crate) async fn pipeline_of(&self, grant: &ProjectGrant, name: &str) -> Result<Pipeline, Error> {
        let workflows = Workflows {
            engine: Arc::clone(&self.engine),
        };
        match workflows.get(grant, name).await {
            Ok(workflow) => Ok(workflow.pipeline),
            Err(error) if error.code == crate::ErrorCode::NotFound => {
                Err(Error::validation(error.message).of_field("workflow"))
            }
            Err(error) => Err(error),
        }
    }
}

/// The workflows that ship.
fn shipped() -> Vec<Workflow> {
    let shipped = |name: &str, description: &str, pipeline| Workflow {
        name: name.to_owned(),
        origin: Origin::Shipped,
        description: description.to_owned(),
        pipeline,
    };
    let loop_of_two = Pipeline::designer_and_checker(DEFAULT_ITERATIONS);
    let mut workflows = vec![shipped(
        "single",
        "One designer writes the change.",
        Pipeline::single_designer(),
    )];
    workflows.extend(loop_of_two.ok().map(|pipeline| {
        shipped(
            "designer-checker",
            "A designer writes the change, a checker judges it, until it passes.",
            pipeline,
        )
    }));
    workflows
}

fn is_shipped(name: &str) -> bool {
    shipped().iter().any(|workflow| workflow.name == name)
}

fn read(row: Row) -> Result<Workflow, Error> {
    let Kept { description, pipeline } = row.body.read()?;
    Ok(Workflow {
        name: row.name,
        origin: Origin::Own {
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        },
        description,
        pipeline,
    })
}

fn missing(name: &str) -> Error {
    let shown: String = name.chars().filter(|letter| !letter.is_control()).take(64).collect();
    Error::not_found(format!("The project has no workflow `{shown}`."))
}
