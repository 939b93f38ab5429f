//! A project as one of its people sees it.

use codecourier_domain::id::ProjectId;
use codecourier_domain::member::MemberRole;
use codecourier_domain::revision::Revision;
use codecourier_domain::time::Timestamp;
use codecourier_store::projects::Project;

use super::Origin;
use super::logo::LogoType;
use crate::error::Error;

/// A project as one of its people sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectView {
    /// Its identifier.
    pub id: ProjectId,
    /// How often it was changed.
    pub revision: Revision,
    /// Its name in addresses.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Its repository: a URL, or a path on this machine.
    pub repository: Option<String>,
    /// The branch that runs start from; the repository's own default branch when absent.
    pub default_branch: Option<String>,
    /// The type of its picture and the picture's digest, which changes with it.
    pub logo: Option<(LogoType, String)>,
    /// What whoever looks is in it.
    pub role: MemberRole,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Set while it is deleted and can be restored.
    pub deletion: Option<ProjectDeletion>,
}

/// When a project was deleted, and until when it can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectDeletion {
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// Until when it is kept.
    pub purge_at: Timestamp,
}

impl ProjectView {
    pub(super) fn new(project: Project, role: MemberRole) -> Result<Self, Error> {
        let origin = Origin::of(&project)?;
        let logo = project.logo.and_then(|logo| {
            let kind = LogoType::of_media_type(&logo.media_type)?;
            Some((kind, logo.blob.to_string()))
        });
        Ok(Self {
            id: project.id,
            revision: Revision(project.revision),
            slug: project.slug,
            name: project.name,
            description: project.description,
            repository: origin.repository_text(),
            default_branch: origin.branch_text(),
            logo,
            role,
            created_at: project.created_at,
            updated_at: project.updated_at,
            deletion: project.deletion.map(|deletion| ProjectDeletion {
                deleted_at: deletion.deleted_at,
                purge_at: deletion.purge_at,
            }),
        })
    }
}
