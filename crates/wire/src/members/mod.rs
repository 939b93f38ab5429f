//! Members of a project.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::UserId;
use codecourier_domain::member::MemberRole;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::schema;
use crate::time::Time;

/// A member of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The person.
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// Their address.
    #[schema(value_type = Option<String>, required)]
    pub email: Option<EmailAddress>,
    /// What they are in the project.
    #[schema(value_type = schema::MemberRole)]
    pub role: MemberRole,
    /// Since when.
    pub joined_at: Time,
}

/// Another role for a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeRole {
    /// The role.
    #[garde(skip)]
    #[schema(value_type = schema::MemberRole)]
    pub role: MemberRole,
}

/// Who gets a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TransferProject {
    /// A member of it.
    #[garde(skip)]
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
}

/// The address of a member.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct MemberPath {
    /// The person.
    #[param(value_type = schema::UserId)]
    pub user: UserId,
}
