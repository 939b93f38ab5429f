//! From the engine's projects to the wire's.

use codecourier_engine::projects::ProjectView;
use codecourier_wire::projects::{Project, ProjectDeletion, ProjectLogo};

/// A project, with the slug of the one in which the caller worked last.
pub(super) fn project(view: ProjectView, last_active: Option<&str>) -> Project {
    Project {
        id: view.id,
        last_active: last_active == Some(view.slug.as_str()),
        slug: view.slug,
        name: view.name,
        description: view.description,
        repository: view.repository,
        default_branch: view.default_branch,
        logo: view.logo.map(|(kind, version)| ProjectLogo {
            media_type: kind.media_type().to_owned(),
            version,
        }),
        role: view.role,
        created_at: view.created_at.into(),
        updated_at: view.updated_at.into(),
        deletion: view.deletion.map(|deletion| ProjectDeletion {
            deleted_at: deletion.deleted_at.into(),
            purge_at: deletion.purge_at.into(),
        }),
    }
}
