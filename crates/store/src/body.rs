//! A body: JSON text that the store keeps for others and never looks into.
//!
//! Anyone may make one from what serialises. Invariant: it is valid JSON when it was made here; what came from the
//! database is checked when it is read as a type.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// JSON text, shared rather than copied.
#[derive(Clone, PartialEq, Eq)]
pub struct Body(Arc<str>);

impl Body {
    /// The JSON of a value.
    pub fn of(value: &impl Serialize) -> Result<Self> {
        serde_json::to_string(value)
            .map(|text| Self(Arc::from(text)))
            .map_err(Error::Body)
    }

    /// `null`, for rows that have nothing to say yet.
    #[must_use]
    pub fn null() -> Self {
        Self(Arc::from("null"))
    }

    /// Reads the body as a type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.0).map_err(Error::Body)
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_stored(text: String) -> Self {
        Self(Arc::from(text))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<&Body> for crate::sql::Value {
    fn from(body: &Body) -> Self {
        Self::Text(Some(Arc::clone(&body.0)))
    }
}

impl From<Body> for crate::sql::Value {
    fn from(body: Body) -> Self {
        Self::Text(Some(body.0))
    }
}
