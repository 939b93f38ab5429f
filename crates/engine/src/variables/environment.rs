//! Variables on their way into a run's sandboxes.
//!
//! Invariants: plain values are pinned with the run; of secret ones only the name and the identifier are, and the value
//! is opened when a step begins, so that it is stored in one place only and a new value takes effect at once; whoever
//! has the values has what takes them out of everything that is recorded.

use std::fmt;

use codecourier_domain::id::ProjectId;
use codecourier_store::Error as StoreError;
use codecourier_store::variables::{Variable, VariableValue};
use secrecy::{ExposeSecret as _, SecretString};

use super::Redactor;
use super::change::place_of;
use crate::Inner;
use crate::runs::spec::{RunVariable, RunVariableValue};
use crate::vault::VaultError;

/// The variables of one step, with their values.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    values: Vec<(String, SecretString)>,
    /// What takes the secret ones out of texts.
    pub(crate) redactor: Redactor,
}

impl Environment {
    /// Names and values, for the start of a process in the step's own sandbox and nothing else.
    pub(crate) fn exposed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose_secret()))
    }

    /// The same as a process takes them.
    pub(crate) fn of_process(&self) -> Vec<(String, String)> {
        self.exposed()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.values.iter().map(|(name, _)| name);
        formatter.debug_list().entries(names).finish()
    }
}

/// Why the values of a run's variables are not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unopened {
    /// The store cannot be read.
    #[error("the variables of the project cannot be read")]
    Store(#[source] StoreError),
    /// The vault does not open one.
    #[error("the secret variable `{name}` cannot be opened")]
    Sealed {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: VaultError,
    },
}

/// What of a variable is pinned with a run.
pub(crate) fn pinned(variable: Variable) -> RunVariable {
    RunVariable {
        name: variable.name,
        value: match variable.value {
            VariableValue::Plain(value) => RunVariableValue::Plain { value },
            VariableValue::Secret(_) => RunVariableValue::Secret { variable: variable.id },
        },
    }
}

/// The variables of a run with their values. A secret one that was removed since is left out. A login that the agent is
/// handed is no variable, and hidden like one.
pub(crate) async fn environment(
    engine: &Inner,
    project: ProjectId,
    variables: &[RunVariable],
    login: Option<&SecretString>,
) -> Result<Environment, Unopened> {
    let mut values = Vec::new();
    let mut secrets: Vec<SecretString> = login.cloned().into_iter().collect();
    for RunVariable { name, value } in variables {
        match value {
            RunVariableValue::Plain { value } => values.push((name.clone(), SecretString::from(value.as_str()))),
            RunVariableValue::Secret { variable } => {
                let mut reader = engine.store.read().await.map_err(Unopened::Store)?;
                let stored = reader.variable(project, *variable).await.map_err(Unopened::Store)?;
                drop(reader);
                let secret = match stored.map(|stored| stored.value) {
                    Some(VariableValue::Secret(sealed)) => engine
                        .vault
                        .unseal(&place_of(project, *variable), &sealed)
                        .map_err(|source| Unopened::Sealed {
                            name: name.clone(),
                            source,
                        })?,
                    Some(VariableValue::Plain(text)) => SecretString::from(text),
                    None => continue,
                };
                secrets.push(secret.clone());
                values.push((name.clone(), secret));
            }
        }
    }
    Ok(Environment {
        values,
        redactor: Redactor::new(secrets),
    })
}
