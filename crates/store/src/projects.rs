//! Projects: the owners of everything else.
//!
//! Called by the engine. Invariants: a slug is one project's, or a former one of one project and nobody's now; the limit
//! on parallel work is at least one; a deleted project keeps its slug until it is purged, and is found only where a
//! function says so.

use codecourier_domain::id::{ProjectId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Timestamp;

use crate::blob_uses::BlobHolder;
use crate::blobs::BlobName;
use crate::body::Body;
use crate::error::{Error, Result};
use crate::page::{Page, PageCursor};
use crate::read::Reader;
use crate::sql::{Row, count, sql};
use crate::writer::Tx;

/// A project to add.
#[derive(Debug, Clone)]
pub struct NewProject {
    /// Its identifier.
    pub id: ProjectId,
    /// Its name in addresses. Unique.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// How many of its tasks of class [`Work`](crate::tasks::TaskClass::Work) may run at a time.
    pub work_limit: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its settings.
    pub body: Body,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its identifier.
    pub id: ProjectId,
    /// Its name in addresses. Unique.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// Its picture.
    pub logo: Option<Logo>,
    /// How many of its tasks of class [`Work`](crate::tasks::TaskClass::Work) may run at a time.
    pub work_limit: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Set while it is deleted and can still be restored.
    pub deletion: Option<Deletion>,
    /// Counts its changes, from 1.
    pub revision: u64,
    /// Its settings.
    pub body: Body,
}

/// A project's picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// Its content.
    pub blob: BlobName,
    /// Its media type.
    pub media_type: String,
}

/// When a project was deleted, and until when it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// From when on it may be purged.
    pub purge_at: Timestamp,
}

/// What an address leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectAddress {
    /// The project.
    pub id: ProjectId,
    /// Its present slug, which may not be the one that was asked for.
    pub slug: String,
}

/// A project as one person sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnProject {
    /// The project.
    pub project: Project,
    /// What the person is in it.
    pub role: MemberRole,
}

/// Which of a person's projects to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectsOf {
    /// Those that are there.
    Present,
    /// Those that were deleted and can be restored.
    Deleted,
}

/// The columns that [`project`] reads, then others, and the rest of the statement.
macro_rules! select_project {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT p.id, p.slug, p.name, p.description, p.logo, p.logo_type, p.work_limit, p.created_at, p.updated_at, \
             p.deleted_at, p.purge_at, p.revision, p.body ",
            $more,
            " FROM project p ",
            $rest
        )
    };
}

/// The number of columns that [`project`] reads.
const PROJECT_COLUMNS: usize = 13;

impl Tx {
    /// Adds a project. Fails with [`Error::Taken`] if the slug belongs to another one; a former slug of another one
    /// yields.
    pub async fn insert_project(&mut self, project: &NewProject) -> Result<()> {
        let statement = sql(
            "INSERT INTO project (id, slug, name, description, work_limit, created_at, updated_at, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $6, $7) ON CONFLICT (slug) DO NOTHING",
        )
        .bind(project.id)
        .bind(project.slug.as_str())
        .bind(project.name.as_str())
        .bind(project.description.as_str())
        .bind(i64::from(project.work_limit.max(1)))
        .bind(project.created_at)
        .bind(&project.body);
        match self.execute("insert a project", statement).await? {
            0 => Err(Error::Taken { entity: "project" }),
            _ => self.forget_former_slug(&project.slug).await,
        }
    }

    /// Saves what can be edited of a project: name, description, logo, limit and settings; not the slug. Fails with
    /// [`Error::Stale`] if it was changed since it was read.
    pub async fn save_project(&mut self, project: &Project) -> Result<()> {
        let logo = project.logo.as_ref();
        let statement = sql(
            "UPDATE project SET name = $3, description = $4, logo = $5, logo_type = $6, work_limit = $7, \
             updated_at = $8, body = $9, revision = revision + 1 WHERE id = $1 AND revision = $2",
        )
        .bind(project.id)
        .bind(count(project.revision))
        .bind(project.name.as_str())
        .bind(project.description.as_str())
        .bind(logo.map(|logo| logo.blob.to_string()).as_deref())
        .bind(logo.map(|logo| logo.media_type.as_str()))
        .bind(i64::from(project.work_limit.max(1)))
        .bind(project.updated_at)
        .bind(&project.body);
        if self.execute("save a project", statement).await? == 0 {
            return Err(match self.read().project(project.id).await? {
                Some(_) => Error::Stale { entity: "project" },
                None => Error::NotFound { entity: "project" },
            });
        }
        match &project.logo {
            Some(logo) => self.hold_blob(project.id, BlobHolder::Logo, logo.blob).await?,
            None => self.release_blob(project.id, BlobHolder::Logo).await?,
        }
        // A higher limit may let a waiting task start.
        self.effects.tasks_moved = true;
        Ok(())
    }

    /// Gives a project another slug; the present one goes on leading to it. Fails with [`Error::Taken`] if the slug is
    /// another project's; a former slug of another one yields.
    pub async fn rename_project(&mut self, id: ProjectId, slug: &str, at: Timestamp) -> Result<()> {
        let project = self.read().project(id).await?;
        let former = project.ok_or(Error::NotFound { entity: "project" })?.slug;
        if former == slug {
            return Ok(());
        }
        if self.read().project_by_slug(slug).await?.is_some() {
            return Err(Error::Taken { entity: "project" });
        }
        self.forget_former_slug(slug).await?;
        let statement = sql("UPDATE project SET slug = $2, updated_at = $3, revision = revision + 1 WHERE id = $1")
            .bind(id)
            .bind(slug)
            .bind(at);
        self.execute("rename a project", statement).await?;
        let statement = sql("INSERT INTO former_slug (slug, project, since) VALUES ($1, $2, $3)")
            .bind(former)
            .bind(id)
            .bind(at);
        self.execute("keep a former slug", statement).await.map(drop)
    }

    /// Deletes a project for the time being, or restores it. Fails with [`Error::Stale`] if it is so already, or if it
    /// is being purged.
    pub async fn set_project_deletion(
        &mut self,
        id: ProjectId,
        deletion: Option<Deletion>,
        at: Timestamp,
    ) -> Result<()> {
        const DELETE: &str = "UPDATE project SET deleted_at = $2, purge_at = $3, updated_at = $4, revision = revision + 1 \
             WHERE id = $1 AND deleted_at IS NULL";
        const RESTORE: &str = "UPDATE project SET deleted_at = $2, purge_at = $3, updated_at = $4, \
             revision = revision + 1 WHERE id = $1 AND deleted_at IS NOT NULL AND purge_began_at IS NULL";
        let text = if deletion.is_some() { DELETE } else { RESTORE };
        let statement = sql(text)
            .bind(id)
            .bind(deletion.map(|deletion| deletion.deleted_at))
            .bind(deletion.map(|deletion| deletion.purge_at))
            .bind(at);
        match self.execute("delete or restore a project", statement).await? {
            0 => Err(Error::Stale { entity: "project" }),
            _ => Ok(()),
        }
    }

    /// Remembers in which of their projects a person worked last.
    pub async fn set_last_project(&mut self, user: UserId, project: ProjectId, at: Timestamp) -> Result<()> {
        let statement = sql("INSERT INTO last_project (user_id, project, at) SELECT $1, $2, $3 \
             WHERE EXISTS (SELECT 1 FROM membership WHERE project = $2 AND user_id = $1) \
             ON CONFLICT (user_id) DO UPDATE SET project = excluded.project, at = excluded.at")
        .bind(user)
        .bind(project)
        .bind(at);
        match self.execute("remember the last project", statement).await? {
            0 => Err(Error::NotFound { entity: "project" }),
            _ => Ok(()),
        }
    }

    async fn forget_former_slug(&mut self, slug: &str) -> Result<()> {
        let statement = sql("DELETE FROM former_slug WHERE slug = $1").bind(slug);
        self.execute("forget a former slug", statement).await.map(drop)
    }
}

impl Reader<'_> {
    /// One project, deleted or not.
    pub async fn project(&mut self, id: ProjectId) -> Result<Option<Project>> {
        let statement = sql(select_project!("", "WHERE p.id = $1")).bind(id);
        self.fetch_optional("read a project", statement)
            .await?
            .map(|row| project(&row))
            .transpose()
    }

    /// The project that has a slug now, deleted or not.
    pub async fn project_by_slug(&mut self, slug: &str) -> Result<Option<Project>> {
        let statement = sql(select_project!("", "WHERE p.slug = $1")).bind(slug);
        self.fetch_optional("read a project by its slug", statement)
            .await?
            .map(|row| project(&row))
            .transpose()
    }

    /// Where a slug leads: to the project that has it, else to the one that had it; never to a deleted one.
    pub async fn project_address(&mut self, slug: &str) -> Result<Option<ProjectAddress>> {
        let statement = sql(
            "SELECT p.id, p.slug FROM project p WHERE p.deleted_at IS NULL AND p.id = \
             coalesce((SELECT id FROM project WHERE slug = $1), (SELECT project FROM former_slug WHERE slug = $1))",
        )
        .bind(slug);
        let row = self.fetch_optional("find the project of a slug", statement).await?;
        row.map(|row| address(&row)).transpose()
    }

    /// The same, for somebody who is in the project; `None` for strangers too.
    pub async fn project_access(&mut self, slug: &str, user: UserId) -> Result<Option<(ProjectAddress, MemberRole)>> {
        let statement = sql("SELECT p.id, p.slug, m.role FROM project p \
             JOIN membership m ON m.project = p.id AND m.user_id = $2 \
             WHERE p.deleted_at IS NULL AND p.id = \
             coalesce((SELECT id FROM project WHERE slug = $1), (SELECT project FROM former_slug WHERE slug = $1))")
        .bind(slug)
        .bind(user);
        let row = self
            .fetch_optional("find what a person is in a project", statement)
            .await?;
        row.map(|row| Ok((address(&row)?, row.parsed(2)?))).transpose()
    }

    /// Every project, by slug, deleted or not.
    pub async fn projects(&mut self) -> Result<Vec<Project>> {
        let statement = sql(select_project!("", "ORDER BY p.slug"));
        let rows = self.fetch_all("list the projects", statement).await?;
        rows.iter().map(project).collect()
    }

    /// A page of a person's projects, newest first.
    pub async fn projects_of(
        &mut self,
        user: UserId,
        which: ProjectsOf,
        after: Option<PageCursor<ProjectId>>,
        limit: u32,
    ) -> Result<Page<OwnProject, ProjectId>> {
        const PRESENT: &str = select_project!(
            ", m.role",
            "JOIN membership m ON m.project = p.id AND m.user_id = $1 \
             WHERE p.deleted_at IS NULL AND (p.created_at, p.id) < ($2, $3) ORDER BY p.created_at DESC, p.id DESC LIMIT $4"
        );
        const DELETED: &str = select_project!(
            ", m.role",
            "JOIN membership m ON m.project = p.id AND m.user_id = $1 AND m.role = 'owner' \
             WHERE p.deleted_at IS NOT NULL AND p.purge_began_at IS NULL AND (p.created_at, p.id) < ($2, $3) \
             ORDER BY p.created_at DESC, p.id DESC LIMIT $4"
        );
        let text = match which {
            ProjectsOf::Present => PRESENT,
            ProjectsOf::Deleted => DELETED,
        };
        let (at, id) = after.map_or((Timestamp(i64::MAX), String::new()), |after| {
            (after.at, after.id.to_string())
        });
        let statement = sql(text).bind(user).bind(at).bind(id).bind(i64::from(limit) + 1);
        let rows = self.fetch_all("list a person's projects", statement).await?;
        let projects = rows
            .iter()
            .map(|row| {
                Ok(OwnProject {
                    project: project(row)?,
                    role: row.parsed(PROJECT_COLUMNS)?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(projects, limit, |own| PageCursor {
            at: own.project.created_at,
            id: own.project.id,
        }))
    }

    /// The projects that nobody is in, by slug.
    pub async fn memberless_projects(&mut self) -> Result<Vec<Project>> {
        let statement = sql(select_project!(
            "",
            "WHERE NOT EXISTS (SELECT 1 FROM membership m WHERE m.project = p.id) ORDER BY p.slug"
        ));
        let rows = self.fetch_all("list the projects of nobody", statement).await?;
        rows.iter().map(project).collect()
    }

    /// Deleted projects whose time is over.
    pub async fn projects_to_purge(&mut self, now: Timestamp, limit: u32) -> Result<Vec<Project>> {
        let statement = sql(select_project!(
            "",
            "WHERE p.purge_at IS NOT NULL AND p.purge_at <= $1 ORDER BY p.purge_at LIMIT $2"
        ))
        .bind(now)
        .bind(i64::from(limit));
        let rows = self.fetch_all("list the projects to purge", statement).await?;
        rows.iter().map(project).collect()
    }

    /// The project in which a person worked last, if they are still in it and it was not deleted.
    pub async fn last_project(&mut self, user: UserId) -> Result<Option<ProjectAddress>> {
        let statement = sql("SELECT p.id, p.slug FROM last_project l \
             JOIN project p ON p.id = l.project AND p.deleted_at IS NULL \
             JOIN membership m ON m.project = l.project AND m.user_id = l.user_id WHERE l.user_id = $1")
        .bind(user);
        let row = self.fetch_optional("read the last project", statement).await?;
        row.map(|row| address(&row)).transpose()
    }
}

fn address(row: &Row) -> Result<ProjectAddress> {
    Ok(ProjectAddress {
        id: row.parsed(0)?,
        slug: row.text(1)?,
    })
}

fn project(row: &Row) -> Result<Project> {
    let logo = row.optional_parsed(4)?.zip(row.optional_text(5)?);
    let deletion = row.optional_time(9)?.zip(row.optional_time(10)?);
    Ok(Project {
        id: row.parsed(0)?,
        slug: row.text(1)?,
        name: row.text(2)?,
        description: row.text(3)?,
        logo: logo.map(|(blob, media_type)| Logo { blob, media_type }),
        work_limit: u32::try_from(row.integer(6)?).unwrap_or(1),
        created_at: row.time(7)?,
        updated_at: row.time(8)?,
        deletion: deletion.map(|(deleted_at, purge_at)| Deletion { deleted_at, purge_at }),
        revision: row.count(11)?,
        body: row.body(12)?,
    })
}
