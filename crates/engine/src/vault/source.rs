//! Where master keys come from: a file, a value of the environment, or a command that asks a key service.
//!
//! The binary says which. Invariants: nothing here reads the environment; a source that gives no sound key gives an
//! error that names the source and never what it held.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::key_ring::KeyRing;
use super::{VaultError, key_file, spawn};

/// Where the master keys are.
#[derive(Clone)]
pub enum MasterKeySource {
    /// In a file that only the server's user may read. It is made, with a fresh key, when it does not exist.
    File(PathBuf),
    /// In a text that the binary took from its environment or its configuration.
    Text {
        /// The keys.
        keys: SecretString,
        /// The name of the variable or setting, for messages.
        origin: String,
    },
    /// In the standard output of a command.
    Command(CommandSource),
}

/// A command that prints master keys: the client of a key service.
#[derive(Clone)]
pub struct CommandSource {
    /// The program, by its absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment: clients of key services find their own credentials there.
    pub environment: Vec<(OsString, OsString)>,
    /// How long it may take.
    pub timeout: Duration,
}

impl CommandSource {
    /// How long a command may take when nobody says.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
}

impl MasterKeySource {
    /// Reads the keys.
    pub async fn load(&self) -> Result<KeyRing, VaultError> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                let loading = tokio::task::spawn_blocking(move || key_file::load_or_make(&path));
                loading.await.unwrap_or_else(|_| {
                    Err(VaultError::Keys {
                        origin: "the key file".to_owned(),
                        reason: "reading it failed inside the platform",
                    })
                })
            }
            Self::Text { keys, origin } => KeyRing::read(keys.expose_secret(), origin),
            Self::Command(command) => {
                let output = spawn::output(command).await?;
                KeyRing::read(&output, &format!("the output of `{}`", command.program.display()))
            }
        }
    }
}

impl fmt::Debug for MasterKeySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => formatter.debug_tuple("File").field(path).finish(),
            Self::Text { origin, .. } => formatter
                .debug_struct("Text")
                .field("origin", origin)
                .finish_non_exhaustive(),
            Self::Command(command) => command.fmt(formatter),
        }
    }
}

impl fmt::Debug for CommandSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments and environment may hold credentials of the key service.
        formatter
            .debug_struct("Command")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
