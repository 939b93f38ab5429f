//! Where a person's credentials are kept: `credentials.toml` in the configuration directory, one entry a server.
//!
//! Invariants: nobody but the owner can read the file; it is replaced whole or not at all; no token is shown.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::config::value::Secret;
use crate::exit::Exit;
use crate::problem::Problem;
use codecourier_engine::ErrorCode;

/// Every server that somebody signed in to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The server that is used when none is named: the last one signed in to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<String>,
    /// The servers by address.
    #[serde(default)]
    pub(crate) servers: BTreeMap<String, Entry>,
}

/// One server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The session's token, or an API key.
    pub(crate) token: String,
    /// Who it is, for people.
    pub(crate) who: String,
    /// The project that is used when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) project: Option<String>,
    /// When a session's token was given, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) renewed_at: Option<i64>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Entry")
            .field("who", &self.who)
            .field("project", &self.project)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// The token, for the one server it belongs to.
    pub(crate) fn secret(&self) -> Secret {
        Secret::new(self.token.clone())
    }
}

impl Credentials {
    /// Reads them. Nobody signed in anywhere when there is no file.
    pub(crate) fn read(config: &Config) -> Result<Self, Problem> {
        let Some(path) = &config.client.credentials else {
            return Ok(Self::default());
        };
        let credentials = Self::read_from(path)?;
        for entry in credentials.servers.values() {
            config.secrets.add(&entry.token);
        }
        Ok(credentials)
    }

    pub(super) fn read_from(path: &Path) -> Result<Self, Problem> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Problem::file("read the credentials", path, &error)),
        };
        let metadata = std::fs::metadata(path).map_err(|error| Problem::file("look at", path, &error))?;
        if metadata.mode() & 0o077 != 0 {
            return Err(Problem::new(
                Exit::Environment,
                ErrorCode::Validation,
                format!("Other users may read or write your credentials in {}.", path.display()),
            )
            .with_remedy(format!("Take that away: chmod 600 {}", path.display())));
        }
        // The parser's error quotes what it read: it is left out.
        toml::from_str(&text).map_err(|_| {
            Problem::usage(format!("{} cannot be read as credentials.", path.display()))
                .with_remedy("Delete it, and sign in again with `codecourier login`.")
        })
    }

    /// Keeps them.
    pub(crate) fn write(&self, config: &Config) -> Result<(), Problem> {
        let Some(path) = &config.client.credentials else {
            return Err(Problem::usage(
                "There is no HOME to keep credentials in. Give them in CODECOURIER_URL and CODECOURIER_API_KEY.",
            ));
        };
        self.write_to(path)
    }

    pub(super) fn write_to(&self, path: &Path) -> Result<(), Problem> {
        let failed = |error: &std::io::Error| Problem::file("write the credentials", path, error);
        let text = toml::to_string(self).map_err(|error| Problem::internal("Writing the credentials", &error))?;
        let directory = path.parent().unwrap_or(Path::new("."));
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| failed(&error))?;
        let beside = PathBuf::from(format!("{}.{}", path.display(), std::process::id()));
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| std::fs::rename(&beside, path));
        written.map_err(|error| {
            let _ = std::fs::remove_file(&beside);
            failed(&error)
        })
    }

    /// Remembers a server, which is the default from now on.
    pub(crate) fn add(&mut self, url: &str, entry: Entry) {
        self.default = Some(url.to_owned());
        self.servers.insert(url.to_owned(), entry);
    }

    /// Forgets a server. Another one is the default if there is exactly one more.
    pub(crate) fn remove(&mut self, url: &str) -> Option<Entry> {
        let removed = self.servers.remove(url);
        if self.default.as_deref() == Some(url) {
            let mut left = self.servers.keys();
            self.default = match (left.next(), left.next()) {
                (Some(only), None) => Some(only.clone()),
                _ => None,
            };
        }
        removed
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn entry(token: &str) -> Entry {
        Entry {
            token: token.to_owned(),
            who: "ada@example.org".to_owned(),
            project: None,
            renewed_at: None,
        }
    }

    #[test]
    fn credentials_are_kept_for_their_owner_alone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("new/credentials.toml");
        assert_eq!(Credentials::read_from(&path).unwrap(), Credentials::default());
        let mut credentials = Credentials::default();
        credentials.add("https://a.example", entry("ccs_canary"));
        credentials.add("http://127.0.0.1:1", entry("cc_live_canary"));
        credentials.write_to(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(Credentials::read_from(&path).unwrap(), credentials);
        assert!(!format!("{credentials:?}").contains("canary"));
        let names = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(names, 1, "nothing is left beside it");

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let problem = Credentials::read_from(&path).unwrap_err();
        assert!(problem.remedy.unwrap().contains("chmod 600"));
    }

    #[test]
    fn a_file_that_is_broken_is_not_quoted() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("credentials.toml");
        std::fs::write(&path, "token = canary").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let problem = Credentials::read_from(&path).unwrap_err();
        assert!(!format!("{problem:?}").contains("canary"));
    }

    #[test]
    fn the_last_server_is_the_default_until_it_is_forgotten() {
        let mut credentials = Credentials::default();
        credentials.add("https://a", entry("a"));
        credentials.add("https://b", entry("b"));
        assert_eq!(credentials.default.as_deref(), Some("https://b"));
        credentials.remove("https://b");
        assert_eq!(credentials.default.as_deref(), Some("https://a"));
        credentials.remove("https://a");
        assert_eq!(credentials, Credentials::default());
    }
}
