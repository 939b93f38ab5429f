//! How a page of a list is asked for.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// The longest page.
pub const MAXIMUM_LIMIT: u32 = 100;

/// The length of a page when nobody says.
pub const DEFAULT_LIMIT: u32 = 25;

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// How many rows.
    #[param(minimum = 1, maximum = 100, default = 25)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The `nextCursor` of the page before, for the same query.
    #[param(max_length = 1024)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
