//! Projects, as far as a run from the command line needs them: one per repository.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use codecourier_domain::branch::slug;
use codecourier_domain::id::ProjectId;
use codecourier_store::projects::Project;
use codecourier_store::{Body, Error as StoreError};

use crate::error::Error;
use crate::random::uuid_v7;
use crate::runs::spec::RepositorySource;
use crate::{Engine, ErrorCode};

/// How many steps of a project may be under way at once when nobody says.
const WORK_LIMIT: u32 = 4;

impl Engine {
    /// The project of a repository; it is made when there is none.
    pub async fn project_of(&self, repository: &RepositorySource) -> Result<ProjectId, Error> {
        let now = self.inner.clock.now();
        let (name, address) = match repository {
            RepositorySource::LocalPath { path } => (last_part(path), path.display().to_string()),
            RepositorySource::Url { url } => (last_part(Path::new(url.trim_end_matches(".git"))), url.clone()),
        };
        // The address makes the slug unique; two repositories may have the same name.
        let digest = hex::encode(Sha256::digest(address.as_bytes()));
        let name_part = slug(&name, 40);
        let slug = format!(
            "{}-{}",
            if name_part.is_empty() { "repository" } else { &name_part },
            &digest[..8]
        );
        let project = Project {
            id: ProjectId::from_uuid(uuid_v7(now)),
            slug: slug.clone(),
            name,
            work_limit: WORK_LIMIT,
            created_at: now,
            updated_at: now,
            body: Body::of(&serde_json::json!({ "repository": repository }))?,
        };
        let found = self
            .inner
            .store
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(project) = tx.read().project_by_slug(&project.slug).await? {
                        return Ok(project.id);
                    }
                    tx.insert_project(&project).await?;
                    Ok(project.id)
                })
            })
            .await;
        match found {
            Ok(id) => Ok(id),
            Err(StoreError::Taken { .. }) => Err(Error::new(
                ErrorCode::Conflict,
                format!("The project `{slug}` is being made by somebody else."),
            )),
            Err(error) => Err(error.into()),
        }
    }
}

fn last_part(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| "repository".to_owned(), |name| name.to_string_lossy().into_owned())
}
