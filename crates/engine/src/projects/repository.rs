//! Projects, as far as a run from the command line needs them: one per repository.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use codecourier_domain::branch::slug;
use codecourier_domain::id::ProjectId;
use codecourier_domain::text::DisplayName;
use codecourier_store::projects::NewProject;
use codecourier_store::{Body, Error as StoreError};

use crate::error::Error;
use crate::random::uuid_v7;
use crate::runs::spec::RepositorySource;

use super::WORK_LIMIT;
use crate::{Engine, ErrorCode};

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
        let name_part = slug(&name, 39);
        let slug = format!(
            "{}-{}",
            if name_part.is_empty() { "repository" } else { &name_part },
            &digest[..8]
        );
        let project = NewProject {
            id: ProjectId::from_uuid(uuid_v7(now)),
            slug: slug.clone(),
            name: DisplayName::made_of(&name, "Repository").map_or_else(String::new, String::from),
            work_limit: WORK_LIMIT,
            description: String::new(),
            created_at: now,
            body: Body::of(&serde_json::json!({ "repository": repository }))?,
        };
        let found = self
            .inner
            .store
            .write(move |tx| {
                Box::pin(async move {
                    // It may have been given another slug since.
                    if let Some(found) = tx.read().project_address(&project.slug).await? {
                        return Ok(found.id);
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
                format!("The project `{slug}` was deleted. Restore it, or wait until it is purged."),
            )),
            Err(error) => Err(error.into()),
        }
    }
}

fn last_part(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| "repository".to_owned(), |name| name.to_string_lossy().into_owned())
}
