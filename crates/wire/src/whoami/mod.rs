//! Who is asking, as the server sees them.

use codecourier_domain::id::{ApiKeyId, ProjectId, SessionId, UserId};
use codecourier_domain::permission::Permission;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Whoami {
    /// A person.
    #[serde(rename_all = "camelCase")]
    Person {
        /// The account.
        #[schema(value_type = schema::UserId)]
        user_id: UserId,
        /// The session; `null` for whom an outside identity provider vouches.
        #[schema(value_type = Option<schema::SessionId>, required)]
        session_id: Option<SessionId>,
        /// Whether this person runs the server.
        operator: bool,
    },
    /// A project's API key.
    #[serde(rename_all = "camelCase")]
    ApiKey {
        /// The key.
        #[schema(value_type = schema::ApiKeyId)]
        key_id: ApiKeyId,
        /// The only project it opens.
        #[schema(value_type = schema::ProjectId)]
        project_id: ProjectId,
        /// Its slug, for addresses.
        #[schema(value_type = schema::Slug)]
        project_slug: String,
        /// What it may do there.
        #[schema(value_type = Vec<schema::Permission>)]
        permissions: Vec<Permission>,
    },
}
