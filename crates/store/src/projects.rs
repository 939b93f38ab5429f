//! Projects: the owners of everything else.
//!
//! Called by the engine. Invariant: the slug is unique, and the limit on parallel work is at least one.

use codecourier_domain::id::ProjectId;
use codecourier_domain::time::Timestamp;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::read::Reader;
use crate::sql::{Row, sql};
use crate::writer::Tx;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its identifier.
    pub id: ProjectId,
    /// Its name in addresses. Unique.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// How many of its tasks of class [`Work`](crate::tasks::TaskClass::Work) may run at a time.
    pub work_limit: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Its settings.
    pub body: Body,
}

/// The columns that [`project`] reads, and the rest of the statement.
macro_rules! select_project {
    ($rest:literal) => {
        concat!(
            "SELECT id, slug, name, work_limit, created_at, updated_at, body FROM project ",
            $rest
        )
    };
}

impl Tx {
    /// Adds a project. Fails with [`Error::Taken`] if the slug belongs to another one.
    pub async fn insert_project(&mut self, project: &Project) -> Result<()> {
        let statement = sql(
            "INSERT INTO project (id, slug, name, work_limit, created_at, updated_at, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (slug) DO NOTHING",
        )
        .bind(project.id)
        .bind(project.slug.as_str())
        .bind(project.name.as_str())
        .bind(i64::from(project.work_limit.max(1)))
        .bind(project.created_at)
        .bind(project.updated_at)
        .bind(&project.body);
        match self.execute("insert a project", statement).await? {
            0 => Err(Error::Taken { entity: "project" }),
            _ => Ok(()),
        }
    }

    /// Saves the name, the limit and the settings of a project. The slug stays.
    pub async fn save_project(&mut self, project: &Project) -> Result<()> {
        let statement = sql("UPDATE project SET name = $2, work_limit = $3, updated_at = $4, body = $5 WHERE id = $1")
            .bind(project.id)
            .bind(project.name.as_str())
            .bind(i64::from(project.work_limit.max(1)))
            .bind(project.updated_at)
            .bind(&project.body);
        if self.execute("save a project", statement).await? == 0 {
            return Err(Error::NotFound { entity: "project" });
        }
        // A higher limit may let a waiting task start.
        self.effects.tasks_moved = true;
        Ok(())
    }
}

impl Reader<'_> {
    /// One project.
    pub async fn project(&mut self, id: ProjectId) -> Result<Option<Project>> {
        let statement = sql(select_project!("WHERE id = $1")).bind(id);
        self.fetch_optional("read a project", statement)
            .await?
            .map(|row| project(&row))
            .transpose()
    }

    /// The project that an address names.
    pub async fn project_by_slug(&mut self, slug: &str) -> Result<Option<Project>> {
        let statement = sql(select_project!("WHERE slug = $1")).bind(slug);
        self.fetch_optional("read a project by its slug", statement)
            .await?
            .map(|row| project(&row))
            .transpose()
    }

    /// Every project, by slug.
    pub async fn projects(&mut self) -> Result<Vec<Project>> {
        self.fetch_all("list the projects", sql(select_project!("ORDER BY slug")))
            .await?
            .iter()
            .map(project)
            .collect()
    }
}

fn project(row: &Row) -> Result<Project> {
    Ok(Project {
        id: row.parsed(0)?,
        slug: row.text(1)?,
        name: row.text(2)?,
        work_limit: u32::try_from(row.integer(3)?).unwrap_or(1),
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
        body: row.body(6)?,
    })
}
