//! The settings document of a project.
//!
//! Called by the engine. Invariants: the document is replaced only over the revision that its editor had read, so that
//! two editors never overwrite each other; a project that was never set up has revision 0 and no row.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::ProjectId;
use codecourier_domain::time::Timestamp;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::read::Reader;
use crate::sql::{count, sql};
use crate::writer::Tx;

/// The settings of a project, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSettings {
    /// Whose.
    pub project: ProjectId,
    /// How often they were saved.
    pub revision: u64,
    /// When they were saved last.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: Actor,
    /// The document.
    pub body: Body,
}

impl Tx {
    /// Saves a document over the revision in it, and gives the new revision. Fails with [`Error::Stale`] if that is not
    /// the present one.
    pub async fn save_project_settings(&mut self, settings: &ProjectSettings) -> Result<u64> {
        let text = if settings.revision == 0 {
            "INSERT INTO project_settings (project, revision, updated_at, updated_by, body) \
             VALUES ($1, $2 + 1, $3, $4, $5) ON CONFLICT (project) DO NOTHING"
        } else {
            "UPDATE project_settings SET revision = revision + 1, updated_at = $3, updated_by = $4, body = $5 \
             WHERE project = $1 AND revision = $2"
        };
        let statement = sql(text)
            .bind(settings.project)
            .bind(count(settings.revision))
            .bind(settings.updated_at)
            .bind(settings.updated_by.to_string())
            .bind(&settings.body);
        match self.execute("save the settings of a project", statement).await? {
            0 => Err(Error::Stale { entity: "settings" }),
            _ => Ok(settings.revision + 1),
        }
    }
}

impl Reader<'_> {
    /// The settings of a project, if they were ever saved.
    pub async fn project_settings(&mut self, project: ProjectId) -> Result<Option<ProjectSettings>> {
        let statement = sql("SELECT revision, updated_at, updated_by, body FROM project_settings WHERE project = $1");
        self.fetch_optional("read the settings of a project", statement.bind(project))
            .await?
            .map(|row| {
                Ok(ProjectSettings {
                    project,
                    revision: row.count(0)?,
                    updated_at: row.time(1)?,
                    updated_by: row.parsed(2)?,
                    body: row.body(3)?,
                })
            })
            .transpose()
    }
}
