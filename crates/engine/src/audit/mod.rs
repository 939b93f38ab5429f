//! The audit log of a project: listed, filtered and exported for its admins.
//!
//! The API calls this with a grant. Whoever changes something appends through [`crate::deed`]. Invariant: an export reads
//! the log in pages and never holds it whole, and a cell of it cannot become a formula in somebody's spreadsheet.

mod export;
mod list;
pub(crate) mod retention;

use std::sync::Arc;

use crate::{Engine, Inner};

pub use export::ExportFormat;
pub use list::{AuditEntryView, AuditFilter, AuditPage};

/// The use cases of the audit log.
#[derive(Clone)]
pub struct Audit {
    engine: Arc<Inner>,
}

impl Engine {
    /// The use cases of the audit log.
    #[must_use]
    pub fn audit(&self) -> Audit {
        Audit {
            engine: Arc::clone(&self.inner),
        }
    }
}
