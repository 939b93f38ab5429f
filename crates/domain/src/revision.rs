//! Which state of a document somebody saw, so that two editors never overwrite each other unseen.
//!
//! Invariant: it grows by one with every change of the document.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of an editable document: 1 when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// The state of a new document.
    pub const FIRST: Self = Self(1);

    /// The state after one more change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
