//! Projects, as their people see them.

use codecourier_domain::id::ProjectId;
use codecourier_domain::member::MemberRole;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::nullable;
use crate::schema;
use crate::time::Time;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// Its identifier, which stays.
    #[schema(value_type = schema::ProjectId)]
    pub id: ProjectId,
    /// Its name in addresses.
    #[schema(value_type = schema::Slug)]
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Its repository: a URL, or a path on the server; `null` without one.
    #[schema(required)]
    pub repository: Option<String>,
    /// The branch that runs start from; `null` for the repository's own default branch.
    #[schema(required)]
    pub default_branch: Option<String>,
    /// Its picture; `null` without one.
    #[schema(required)]
    pub logo: Option<ProjectLogo>,
    /// What the caller is in it.
    #[schema(value_type = schema::MemberRole)]
    pub role: MemberRole,
    /// Whether the caller worked in it last.
    pub last_active: bool,
    /// When it was made.
    pub created_at: Time,
    /// When something of it was last changed.
    pub updated_at: Time,
    /// When it was deleted; `null` while it is there.
    #[schema(required)]
    pub deletion: Option<ProjectDeletion>,
}

/// The picture of a project. Its bytes are at `/projects/{slug}/logo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectLogo {
    /// What its bytes are.
    #[schema(examples("image/png"))]
    pub media_type: String,
    /// Another picture has another version.
    pub version: String,
}

/// A project that was deleted and can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectDeletion {
    /// When it was deleted.
    pub deleted_at: Time,
    /// Until when it can be restored.
    pub purge_at: Time,
}

/// A project to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateProject {
    /// Its name.
    #[garde(length(chars, max = 80))]
    #[schema(value_type = schema::DisplayName)]
    pub name: String,
    /// Its name in addresses. Without one, it is made of the name, with a number where that is taken.
    #[garde(length(chars, max = 48))]
    #[schema(value_type = Option<schema::Slug>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// What it is.
    #[garde(length(chars, max = 2000))]
    #[schema(value_type = Option<schema::Description>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The URL of its repository, without credentials. It can be given later.
    #[garde(length(chars, max = 2000))]
    #[schema(min_length = 1, max_length = 2000, examples("https://github.com/acme/shop"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The branch that runs start from. Without one, it is the repository's own default branch.
    #[garde(length(chars, max = 200))]
    #[schema(min_length = 1, max_length = 200, examples("main"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
}

/// What is to be different in a project. What is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateProject {
    /// Its name.
    #[garde(length(chars, max = 80))]
    #[schema(value_type = Option<schema::DisplayName>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its name in addresses. The present one goes on leading to it until another project takes it.
    #[garde(length(chars, max = 48))]
    #[schema(value_type = Option<schema::Slug>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// What it is.
    #[garde(length(chars, max = 2000))]
    #[schema(value_type = Option<schema::Description>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The URL of its repository, without credentials; `null` for none.
    #[garde(skip)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2000, examples("https://github.com/acme/shop"))]
    #[serde(
        default,
        deserialize_with = "nullable::read",
        skip_serializing_if = "Option::is_none"
    )]
    pub repository: Option<Option<String>>,
    /// The branch that runs start from; `null` for the repository's own default branch.
    #[garde(skip)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, examples("main"))]
    #[serde(
        default,
        deserialize_with = "nullable::read",
        skip_serializing_if = "Option::is_none"
    )]
    pub default_branch: Option<Option<String>>,
}

/// Which projects to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProjectFilter {
    /// `true` for the deleted ones that the caller can restore.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
}

/// What must be said to delete a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeleteProject {
    /// The project's name, exactly as it is.
    #[garde(length(chars, max = 80))]
    #[param(max_length = 80)]
    pub name: String,
}
