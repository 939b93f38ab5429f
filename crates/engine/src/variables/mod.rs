//! Environment variables of projects: for the commands in their sandboxes, plain or secret.
//!
//! Called by the API with a grant, and by runs, which take them into their sandboxes. Invariants: a secret value comes
//! back to nobody: it is sealed on its way in and opened only for a step of the project's own; names that would change
//! what the platform's own programs do are refused; their number and their size together have a limit.

mod change;
mod environment;
mod name;
mod redactor;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use codecourier_domain::actor::Actor;
use codecourier_domain::id::VariableId;
use codecourier_domain::time::Timestamp;
use codecourier_store::variables::{Variable, VariableValue};

pub use change::{NewVariable, VariableChange};
pub(crate) use environment::{Environment, Unopened, environment, pinned};
pub use name::{NameRefused, check_name};
pub(crate) use redactor::{Redactor, StreamRedactor};

use crate::{Engine, Inner};

/// The most variables of a project.
pub const MAX_VARIABLES: usize = 100;
/// The longest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 32 * 1024;
/// The most bytes of all values of a project together.
pub const MAX_TOTAL_BYTES: usize = 256 * 1024;
/// The shortest secret value, in bytes: a shorter one could not be kept out of transcripts without spoiling them.
pub const MIN_SECRET_BYTES: usize = 8;

/// The use cases of variables.
#[derive(Clone)]
pub struct Variables {
    engine: Arc<Inner>,
}

impl Engine {
    /// The environment variables of projects.
    #[must_use]
    pub fn variables(&self) -> Variables {
        Variables {
            engine: Arc::clone(&self.inner),
        }
    }
}

/// Whether a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// It may.
    Plain,
    /// It may not.
    Secret,
}

/// A variable, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableView {
    /// Its identifier.
    pub id: VariableId,
    /// Its name.
    pub name: String,
    /// Its value; `None` for a secret one.
    pub value: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: Actor,
}

impl From<Variable> for VariableView {
    fn from(variable: Variable) -> Self {
        Self {
            id: variable.id,
            name: variable.name,
            value: match variable.value {
                VariableValue::Plain(text) => Some(text),
                VariableValue::Secret(_) => None,
            },
            created_at: variable.created_at,
            updated_at: variable.updated_at,
            updated_by: variable.updated_by,
        }
    }
}
