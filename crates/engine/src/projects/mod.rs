//! Projects: made, found, changed, deleted and restored.
//!
//! The API calls this with a grant, which proves that the caller may know of the project; the command line finds the
//! project of its repository. Invariants: every change is on record in the project's audit log and in the change log, of
//! the project and of each member, in the transaction that makes it; a deleted project is as good as not there for
//! everything but its restoration, and is kept for 30 days.

mod change;
mod create;
mod end;
mod list;
mod logo;
mod origin;
pub(crate) mod purge;
mod record;
mod repository;
mod view;

use std::sync::Arc;

use crate::{Engine, Inner};

pub use change::ProjectEdit;
pub use create::CreateProject;
pub(crate) use end::delete;
pub use list::ProjectPage;
pub use logo::{LOGO_LIMIT, Logo, LogoType};
pub(crate) use origin::{Origin, read_branch, read_repository};
pub(crate) use record::tell_members;
pub use view::{ProjectDeletion, ProjectView};

/// How many steps of a project may be under way at once when nobody says.
const WORK_LIMIT: u32 = 4;

/// The use cases of projects.
#[derive(Clone)]
pub struct Projects {
    engine: Arc<Inner>,
}

impl Engine {
    /// The use cases of projects.
    #[must_use]
    pub fn projects(&self) -> Projects {
        Projects {
            engine: Arc::clone(&self.inner),
        }
    }
}
