//! A project's own workflows.
//!
//! Called by the engine. Invariants: a name is unique in its project; the revision grows by one with each change, and a
//! change is made only over the revision that the caller saw.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::ProjectId;
use codecourier_domain::revision::Revision;
use codecourier_domain::time::Timestamp;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::read::Reader;
use crate::sql::{Row, sql};
use crate::writer::Tx;

/// A workflow of a project's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// Its name, unique in the project.
    pub name: String,
    /// How often it was saved.
    pub revision: Revision,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: Actor,
    /// What it is.
    pub body: Body,
}

/// A workflow to save.
#[derive(Debug, Clone)]
pub struct WorkflowUpdate {
    /// Its name.
    pub name: String,
    /// What the caller saw; `None` for a workflow that is new.
    pub over: Option<Revision>,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: Actor,
    /// What it is.
    pub body: Body,
}

/// The columns that [`workflow`] reads, and the rest of the statement.
macro_rules! select_workflow {
    ($rest:literal) => {
        concat!(
            "SELECT name, revision, created_at, updated_at, updated_by, body FROM workflow ",
            $rest
        )
    };
}

impl Tx {
    /// Saves a workflow, and gives its revision. Fails with [`Error::Taken`] if it is new and the name is not, and with
    /// [`Error::Stale`] if it was changed or deleted since it was seen.
    pub async fn save_workflow(&mut self, project: ProjectId, update: &WorkflowUpdate) -> Result<Revision> {
        let actor = update.actor.to_string();
        let Some(seen) = update.over else {
            let insert = sql(
                "INSERT INTO workflow (project, name, revision, created_at, updated_at, updated_by, body) \
                 VALUES ($1, $2, 1, $3, $3, $4, $5) ON CONFLICT (project, name) DO NOTHING",
            )
            .bind(project)
            .bind(update.name.as_str())
            .bind(update.at)
            .bind(actor.as_str())
            .bind(&update.body);
            return match self.execute("insert a workflow", insert).await? {
                0 => Err(Error::Taken { entity: "workflow" }),
                _ => Ok(Revision::FIRST),
            };
        };
        let save = sql(
            "UPDATE workflow SET revision = revision + 1, updated_at = $4, updated_by = $5, body = $6 \
             WHERE project = $1 AND name = $2 AND revision = $3",
        )
        .bind(project)
        .bind(update.name.as_str())
        .bind(crate::sql::count(seen.0))
        .bind(update.at)
        .bind(actor.as_str())
        .bind(&update.body);
        match self.execute("save a workflow", save).await? {
            0 => Err(Error::Stale { entity: "workflow" }),
            _ => Ok(seen.next()),
        }
    }

    /// Deletes a workflow as it was seen. Fails with [`Error::Stale`] if it was changed or deleted since.
    pub async fn delete_workflow(&mut self, project: ProjectId, name: &str, seen: Revision) -> Result<()> {
        let statement = sql("DELETE FROM workflow WHERE project = $1 AND name = $2 AND revision = $3")
            .bind(project)
            .bind(name)
            .bind(crate::sql::count(seen.0));
        match self.execute("delete a workflow", statement).await? {
            0 => Err(Error::Stale { entity: "workflow" }),
            _ => Ok(()),
        }
    }
}

impl Reader<'_> {
    /// One workflow.
    pub async fn workflow(&mut self, project: ProjectId, name: &str) -> Result<Option<Workflow>> {
        let statement = sql(select_workflow!("WHERE project = $1 AND name = $2"))
            .bind(project)
            .bind(name);
        self.fetch_optional("read a workflow", statement)
            .await?
            .map(|row| workflow(&row))
            .transpose()
    }

    /// A project's workflows by name, after a name.
    pub async fn workflows(&mut self, project: ProjectId, after: &str, limit: u32) -> Result<Vec<Workflow>> {
        let statement = sql(select_workflow!(
            "WHERE project = $1 AND name > $2 ORDER BY name LIMIT $3"
        ))
        .bind(project)
        .bind(after)
        .bind(i64::from(limit));
        self.fetch_all("list the workflows", statement)
            .await?
            .iter()
            .map(workflow)
            .collect()
    }
}

fn workflow(row: &Row) -> Result<Workflow> {
    Ok(Workflow {
        name: row.text(0)?,
        revision: Revision(row.count(1)?),
        created_at: row.time(2)?,
        updated_at: row.time(3)?,
        updated_by: row.parsed(4)?,
        body: row.body(5)?,
    })
}
