//! Where a secret comes from: the environment, a file, or a command that prints it (a key management service's client).
//!
//! Invariants: a secret is read when it is needed and not before, so that a command of a key service runs only for verbs
//! that use the key; every secret that was read is kept out of the log from then on; no message holds one.

use std::path::PathBuf;

use super::value::Secret;
use super::{Secrets, table::Setting};
use crate::problem::Problem;
use crate::spawn;

/// The longest secret that makes sense.
const LONGEST: u64 = 64 * 1024;

/// Where a secret is.
#[derive(Debug, Clone)]
pub(crate) struct SecretSource {
    name: &'static str,
    place: Place,
    secrets: Secrets,
}

/// The places.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Given in the environment.
    Given(Secret),
    /// In a file.
    File(PathBuf),
    /// Printed by a command, which a shell runs with this program's own environment.
    Command(String),
}

impl SecretSource {
    pub(super) fn new(setting: &Setting, place: Place, secrets: Secrets) -> Self {
        if let Place::Given(secret) = &place {
            secrets.add(secret.expose());
        }
        Self {
            name: setting.name,
            place,
            secrets,
        }
    }

    /// Reads the secret.
    pub(crate) fn read(&self) -> Result<Secret, Problem> {
        let text = match &self.place {
            Place::Given(secret) => return Ok(secret.clone()),
            Place::File(path) => self.read_file(path)?,
            Place::Command(command) => spawn::output_of_shell(command, LONGEST)
                .map_err(|error| Problem::usage(format!("The command for `{}` failed: {error}", self.name)))?,
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(Problem::usage(format!(
                "What is given for the secret `{}` is empty.",
                self.name
            )));
        }
        self.secrets.add(text);
        Ok(Secret::new(text.to_owned()))
    }

    fn read_file(&self, path: &PathBuf) -> Result<String, Problem> {
        use std::io::Read as _;
        let mut text = String::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
        match read {
            Ok(_) => Ok(text),
            Err(error) => Err(Problem::usage(format!(
                "The secret `{}` cannot be read from {}: {error}.",
                self.name,
                path.display()
            ))),
        }
    }
}
