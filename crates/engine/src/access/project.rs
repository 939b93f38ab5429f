//! From a principal and the slug in an address to a [`ProjectGrant`].
//!
//! Called by the API's extractor, for every request about a project. Invariant: a project that was deleted, one that
//! the principal is not in or has no key for, and one that never was are answered in the same words.

use codecourier_domain::id::UserId;
use codecourier_domain::member::MemberRole;
use codecourier_domain::slug::Slug;
use codecourier_store::projects::ProjectAddress;

use super::{Access, KeyHolder, Principal, ProjectGrant};
use crate::error::Error;

impl Access {
    /// What somebody may do in the project that an address names. A former slug leads to the project too; the grant
    /// carries the present one.
    pub async fn project(&self, principal: &Principal, slug: &str) -> Result<ProjectGrant, Error> {
        // What cannot be a slug is not looked for, and is not told apart.
        let slug: Slug = slug.parse().map_err(|_| no_such_project())?;
        let (address, role) = match principal {
            Principal::Person(person) => self.of_person(person.user, &slug).await?,
            Principal::ApiKey(holder) => {
                let address = self.engine.store.read().await?.project_address(slug.as_str()).await?;
                let address = address.filter(|address| address.id == holder.project);
                (address.ok_or_else(no_such_project)?, MemberRole::Admin)
            }
        };
        Ok(ProjectGrant {
            project: address.id,
            slug: present_slug(&address)?,
            role,
            actor: principal.actor(),
            address: None,
        })
    }

    /// The slug of the project that a key opens.
    pub async fn project_of(&self, holder: &KeyHolder) -> Result<Slug, Error> {
        let project = self.engine.store.read().await?.project(holder.project).await?;
        let slug = project.ok_or_else(no_such_project)?.slug;
        slug.parse()
            .map_err(|error| Error::internal("Reading the slug of a project", error))
    }

    async fn of_person(&self, user: UserId, slug: &Slug) -> Result<(ProjectAddress, MemberRole), Error> {
        let found = self
            .engine
            .store
            .read()
            .await?
            .project_access(slug.as_str(), user)
            .await?;
        found.ok_or_else(no_such_project)
    }
}

/// The answer to whoever may not know, and to whoever asks for what is not there.
pub(crate) fn no_such_project() -> Error {
    Error::not_found("There is no such project.")
}

fn present_slug(address: &ProjectAddress) -> Result<Slug, Error> {
    let slug = address.slug.parse();
    slug.map_err(|error| Error::internal("Reading the slug of a project", error))
}
