//! The projects of a person.

use codecourier_domain::id::{ProjectId, UserId};
use codecourier_store::page::PageCursor;
use codecourier_store::projects::ProjectsOf;

use super::{ProjectView, Projects};
use crate::error::Error;

/// A page of a person's projects.
#[derive(Debug, Clone)]
pub struct ProjectPage {
    /// The projects.
    pub items: Vec<ProjectView>,
    /// Where to go on.
    pub next: Option<PageCursor<ProjectId>>,
}

impl Projects {
    /// The projects that a person is in, the newest first.
    pub async fn list(
        &self,
        user: UserId,
        after: Option<PageCursor<ProjectId>>,
        limit: u32,
    ) -> Result<ProjectPage, Error> {
        self.list_of(user, ProjectsOf::Present, after, limit).await
    }

    /// The deleted projects that a person can restore, the newest first.
    pub async fn list_deleted(
        &self,
        user: UserId,
        after: Option<PageCursor<ProjectId>>,
        limit: u32,
    ) -> Result<ProjectPage, Error> {
        self.list_of(user, ProjectsOf::Deleted, after, limit).await
    }

    async fn list_of(
        &self,
        user: UserId,
        which: ProjectsOf,
        after: Option<PageCursor<ProjectId>>,
        limit: u32,
    ) -> Result<ProjectPage, Error> {
        let mut reader = self.engine.store.read().await?;
        let page = reader.projects_of(user, which, after, limit).await?;
        let items = page.items.into_iter();
        Ok(ProjectPage {
            items: items
                .map(|own| ProjectView::new(own.project, own.role))
                .collect::<Result<_, _>>()?,
            next: page.next,
        })
    }
}
