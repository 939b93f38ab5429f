//! Reading and changing a project, and remembering who worked in it last.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::UserId;
use codecourier_domain::member::MemberRole;
use codecourier_domain::revision::Revision;
use codecourier_store::Error as StoreError;
use codecourier_store::projects::Project;

use super::create::{read_description, read_name, read_slug, taken};
use super::{Origin, ProjectView, Projects, read_branch, read_repository, tell_members};
use crate::access::standing::{demand, present};
use crate::access::{ProjectGrant, no_such_project};
use crate::deed::{Deed, Done};
use crate::error::{Error, ErrorCode};

/// What is to be different; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ProjectEdit {
    /// The name for people.
    pub name: Option<String>,
    /// The name in addresses. The present one goes on leading to the project.
    pub slug: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// The URL of its repository; `None` inside takes it away.
    pub repository: Option<Option<String>>,
    /// The branch that runs start from; `None` inside leaves it to the repository.
    pub default_branch: Option<Option<String>>,
}

impl Projects {
    /// A project.
    pub async fn get(&self, grant: &ProjectGrant) -> Result<ProjectView, Error> {
        let project = self.engine.store.read().await?.project(grant.project).await?;
        let project = project.filter(|project| project.deletion.is_none());
        ProjectView::new(project.ok_or_else(no_such_project)?, grant.role)
    }

    /// Changes a project's name, address, description, repository or default branch, as its editor saw it.
    pub async fn update(&self, grant: &ProjectGrant, seen: Revision, edit: ProjectEdit) -> Result<ProjectView, Error> {
        let name = edit.name.as_deref().map(read_name).transpose()?;
        let description = edit.description.as_deref().map(read_description).transpose()?;
        let slug = edit.slug.as_deref().map(read_slug).transpose()?;
        let repository = (edit.repository)
            .map(|url| url.as_deref().map(read_repository).transpose())
            .transpose()?;
        let default_branch = (edit.default_branch)
            .map(|name| name.map(|name| read_branch("defaultBranch", &name)).transpose())
            .transpose()?;
        let (grant, deed) = (grant.clone(), self.deed(grant));
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let (before, role) = present(tx, &grant).await?;
                demand(role, MemberRole::Admin)?;
                if Revision(before.revision) != seen {
                    return Err(changed_meanwhile());
                }
                let mut origin = Origin::of(&before)?;
                if let Some(repository) = repository {
                    origin.repository = repository;
                }
                if let Some(branch) = default_branch {
                    origin.default_branch = branch;
                }
                let is_moved = origin != Origin::of(&before)?;
                let after = Project {
                    name: name.as_ref().map_or(before.name.clone(), ToString::to_string),
                    description: description.map_or(before.description.clone(), String::from),
                    updated_at: deed.at,
                    body: if is_moved { origin.body()? } else { before.body.clone() },
                    ..before.clone()
                };
                let is_renamed = slug.as_ref().is_some_and(|slug| slug.as_str() != before.slug);
                let is_edited = is_moved || (&after.name, &after.description) != (&before.name, &before.description);
                if !is_renamed && !is_edited {
                    return Ok((before, role));
                }
                if is_edited {
                    tx.save_project(&after).await?;
                }
                if let Some(slug) = slug.filter(|_| is_renamed) {
                    match tx.rename_project(before.id, slug.as_str(), deed.at).await {
                        Err(StoreError::Taken { .. }) => {
                            let name = read_name(&after.name)?;
                            return Err(taken(tx, &slug, &name).await);
                        }
                        renamed => renamed?,
                    }
                }
                let now = tx.read().project(before.id).await?.ok_or_else(no_such_project)?;
                let done = Done {
                    action: "project.update",
                    target: before.id,
                };
                deed.audit(tx, before.id, done, &differences(&before, &now)?).await?;
                tell_members(tx, &deed, before.id).await?;
                Ok((now, role))
            })
        });
        let (project, role) = write.await?;
        ProjectView::new(project, role)
    }

    /// Remembers that a person works in this project.
    pub async fn enter(&self, grant: &ProjectGrant) -> Result<(), Error> {
        let Actor::User(user) = grant.actor else {
            return Ok(());
        };
        let last = self.engine.store.read().await?.last_project(user).await?;
        if last.is_some_and(|last| last.id == grant.project) {
            return Ok(());
        }
        let (project, at) = (grant.project, self.engine.clock.now());
        let write = self
            .engine
            .store
            .write(move |tx| Box::pin(async move { tx.set_last_project(user, project, at).await }));
        Ok(write.await?)
    }

    /// The slug of the project in which a person worked last, if they still can.
    pub async fn last_active(&self, user: UserId) -> Result<Option<String>, Error> {
        let last = self.engine.store.read().await?.last_project(user).await?;
        Ok(last.map(|last| last.slug))
    }

    pub(super) fn deed(&self, grant: &ProjectGrant) -> Deed {
        Deed::by(grant, self.engine.clock.now())
    }
}

fn changed_meanwhile() -> Error {
    Error::new(
        ErrorCode::PreconditionFailed,
        "The project was changed since you read it. Read it again and repeat your change.",
    )
}

/// What the audit log says of an edit: each field that changed, before and after.
fn differences(before: &Project, after: &Project) -> Result<serde_json::Value, Error> {
    let text = |text: &String| Some(text.clone());
    let (old, new) = (Origin::of(before)?, Origin::of(after)?);
    let fields = [
        ("name", text(&before.name), text(&after.name)),
        ("slug", text(&before.slug), text(&after.slug)),
        ("description", text(&before.description), text(&after.description)),
        ("repository", old.repository_text(), new.repository_text()),
        ("defaultBranch", old.branch_text(), new.branch_text()),
    ];
    let changed = fields.into_iter().filter(|(_, before, after)| before != after);
    let entries = changed.map(|(field, before, after)| {
        let change = serde_json::json!({ "before": before, "after": after });
        (field.to_owned(), change)
    });
    Ok(serde_json::Value::Object(entries.collect()))
}
