//! The parameters in addresses that more than one feature has. A feature's own are in its folder.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::schema;

/// The address of a project. Only for the description: the extractor of the project reads it.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ProjectPath {
    /// The project's slug. A former one works too.
    #[param(value_type = schema::Slug)]
    pub slug: String,
}
