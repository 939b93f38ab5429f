//! What the change log says of a project: to those who follow it, and to each member for their own list.

use codecourier_domain::id::{ProjectId, UserId};
use codecourier_store::projects::Project;
use codecourier_store::{Error, Tx};
use serde::Serialize;

use crate::deed::Deed;

/// A project in the change log.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProjectRecord<'p> {
    id: ProjectId,
    slug: &'p str,
    name: &'p str,
    description: &'p str,
    logo: Option<String>,
    revision: u64,
}

impl<'p> ProjectRecord<'p> {
    fn of(project: &'p Project) -> Self {
        Self {
            id: project.id,
            slug: &project.slug,
            name: &project.name,
            description: &project.description,
            logo: project.logo.as_ref().map(|logo| logo.blob.to_string()),
            revision: project.revision,
        }
    }
}

/// How many members are read at a time.
const MEMBERS_READ: u32 = 500;

/// Tells everybody in a project how it is now, or that it is gone: those who follow it, and each member.
pub(crate) async fn tell_members(tx: &mut Tx, deed: &Deed, project: ProjectId) -> Result<(), Error> {
    let found = tx.read().project(project).await?;
    let present = found.filter(|project| project.deletion.is_none());
    let body = present.as_ref().map(ProjectRecord::of);
    match &body {
        Some(body) => deed.put(tx, project, ("project", project), body).await?,
        None => deed.gone(tx, project, ("project", project)).await?,
    }
    for user in members(tx, project).await? {
        match &body {
            Some(body) => deed.put_for(tx, user, ("project", project), body).await?,
            None => deed.gone_for(tx, user, ("project", project)).await?,
        }
    }
    Ok(())
}

pub(super) async fn members(tx: &mut Tx, project: ProjectId) -> Result<Vec<UserId>, Error> {
    let (mut users, mut after) = (Vec::new(), None);
    loop {
        let page = tx.read().memberships(project, after, MEMBERS_READ).await?;
        users.extend(page.items.into_iter().map(|member| member.user));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(users),
        }
    }
}
