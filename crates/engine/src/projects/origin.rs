//! Where a project's work comes from: its repository and the branch that runs start from.
//!
//! Kept in the project's body. Invariants: a URL that a person gives holds no credential; a path on this machine is only
//! ever set from its command line, never over the network.

use codecourier_domain::branch::BranchName;
use codecourier_forge::GitUrl;
use codecourier_store::Body;
use codecourier_store::projects::Project;
use serde::{Deserialize, Serialize};

use crate::error::{Error, sentence};
use crate::runs::spec::RepositorySource;

/// Where a project's work comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Origin {
    /// The repository; none until somebody gives the project one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) repository: Option<RepositorySource>,
    /// The branch that runs start from; the repository's own default branch when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_branch: Option<BranchName>,
}

impl Origin {
    /// The origin of a project.
    pub(crate) fn of(project: &Project) -> Result<Self, Error> {
        // The body of a project that holds nothing may be `null`.
        Ok(project.body.read::<Option<Self>>()?.unwrap_or_default())
    }

    pub(super) fn body(&self) -> Result<Body, Error> {
        Ok(Body::of(self)?)
    }

    /// The repository in words: its URL, or its path on this machine.
    pub(super) fn repository_text(&self) -> Option<String> {
        Some(match self.repository.as_ref()? {
            RepositorySource::Url { url } => url.clone(),
            RepositorySource::LocalPath { path } => path.display().to_string(),
        })
    }

    /// The branch in words.
    pub(super) fn branch_text(&self) -> Option<String> {
        self.default_branch.as_ref().map(ToString::to_string)
    }
}

/// A repository's URL from a request.
pub(crate) fn read_repository(text: &str) -> Result<RepositorySource, Error> {
    let url: GitUrl = text
        .parse()
        .map_err(|error: codecourier_forge::UrlRefused| refused("repository", &error))?;
    Ok(RepositorySource::Url {
        url: url.as_str().to_owned(),
    })
}

/// A branch from a request, in the field of this name.
pub(crate) fn read_branch(field: &str, text: &str) -> Result<BranchName, Error> {
    text.parse()
        .map_err(|error: codecourier_domain::branch::InvalidBranchName| refused(field, &error))
}

fn refused(field: &str, error: &dyn std::error::Error) -> Error {
    Error::validation(sentence(&error.to_string())).of_field(field)
}
