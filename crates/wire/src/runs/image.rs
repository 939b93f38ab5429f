//! The pictures that a run's agents are shown with its prompt.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A picture that runs can show to their agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunImage {
    /// Its name: what `images` of a run to start takes, and the end of its address.
    #[schema(value_type = ImageName)]
    pub image: String,
    /// What it is.
    #[schema(examples("image/png"))]
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
}

/// The name of a picture: the SHA-256 of its bytes. For the description only.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, min_length = 64, max_length = 64, pattern = "^[0-9a-f]{64}$")]
pub struct ImageName(pub String);

/// The address of a picture.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ImagePath {
    /// The picture.
    #[param(value_type = ImageName)]
    pub image: String,
}
