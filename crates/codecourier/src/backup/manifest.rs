//! The manifest: what a backup holds, and how it is known to be whole.
//!
//! Invariant: a file's name in a manifest is one of the few that a backup has, by type; so no manifest leads anywhere else.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use codecourier_domain::id::ProjectId;
use codecourier_store::blobs::BlobName;
use serde::{Deserialize, Serialize};

use super::{DATABASE, MANIFEST, MASTER_KEY, REPOSITORIES, Summary, damaged};
use crate::problem::Problem;

/// The only format so far.
const FORMAT: u32 = 1;
/// The longest manifest that is read: room for 100,000 projects.
const LONGEST: u64 = 64 << 20;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Manifest {
    format: u32,
    /// The version of the program that made it.
    pub(super) version: String,
    /// When, as RFC 3339.
    pub(super) made_at: String,
    /// The rows of the database.
    pub(super) rows: u64,
    /// Every file but this one and the blobs.
    pub(super) files: Vec<BackupFile>,
    /// The blobs, whose names are their checksums.
    pub(super) blobs: BlobList,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BackupFile {
    #[serde(with = "as_text")]
    pub(super) name: FileName,
    pub(super) bytes: u64,
    pub(super) sha256: BlobName,
}

/// The files that a backup may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileName {
    /// The rows.
    Database,
    /// What opens the secrets in them.
    MasterKey,
    /// What a repository's references say.
    References(ProjectId),
    /// A repository's objects.
    Pack(ProjectId),
}

/// The names of all blobs, as one checksum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BlobList {
    pub(super) count: u64,
    pub(super) bytes: u64,
    pub(super) sha256: BlobName,
}

impl Manifest {
    pub(super) fn new(made_at: String, rows: u64, files: Vec<BackupFile>, blobs: BlobList) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            made_at,
            rows,
            files,
            blobs,
        }
    }

    /// Reads the manifest of a backup.
    pub(super) fn read(backup: &Path) -> Result<Self, Problem> {
        let path = backup.join(MANIFEST);
        let mut text = String::new();
        match File::open(&path).and_then(|file| file.take(LONGEST).read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Problem::usage(format!(
                    "There is no backup in {}: it has no {MANIFEST}.",
                    backup.display()
                )));
            }
            Err(error) => return Err(damaged(format!("its manifest cannot be read: {error}"))),
        }
        let is_newer = serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|value| {
            value["format"]
                .as_u64()
                .is_some_and(|format| format > u64::from(FORMAT))
        });
        if is_newer {
            return Err(Problem::usage(
                "The backup was made by a newer program. Restore it with that one.",
            ));
        }
        let manifest: Self =
            serde_json::from_str(&text).map_err(|error| damaged(format!("its manifest cannot be read: {error}")))?;
        for (index, file) in manifest.files.iter().enumerate() {
            if manifest.files[..index].iter().any(|other| other.name == file.name) {
                return Err(damaged(format!("{} is in it twice", file.name)));
            }
        }
        if manifest.file(FileName::Database).is_none() {
            return Err(damaged("it has no database"));
        }
        Ok(manifest)
    }

    pub(super) fn file(&self, name: FileName) -> Option<&BackupFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// The projects whose repositories are in it.
    pub(super) fn projects(&self) -> impl Iterator<Item = ProjectId> {
        self.files.iter().filter_map(|file| match file.name {
            FileName::References(project) => Some(project),
            FileName::Database | FileName::MasterKey | FileName::Pack(_) => None,
        })
    }

    pub(super) fn summary(&self) -> Summary {
        Summary {
            rows: self.rows,
            blobs: self.blobs.count,
            repositories: self.projects().count() as u64,
            bytes: self.blobs.bytes + self.files.iter().map(|file| file.bytes).sum::<u64>(),
            has_master_key: self.file(FileName::MasterKey).is_some(),
        }
    }
}

impl BackupFile {
    /// Looks at a file that was written.
    pub(super) fn of(backup: &Path, name: FileName) -> Result<Self, Problem> {
        let path = name.path(backup);
        let failed = |error| Problem::file("read", &path, &error);
        let (sha256, bytes) = File::open(&path).and_then(BlobName::of_reader).map_err(failed)?;
        Ok(Self { name, bytes, sha256 })
    }
}

impl FileName {
    /// Where it is.
    pub(super) fn path(self, backup: &Path) -> PathBuf {
        backup.join(self.to_string())
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => formatter.write_str(DATABASE),
            Self::MasterKey => formatter.write_str(MASTER_KEY),
            Self::References(project) => write!(formatter, "{REPOSITORIES}/{project}.json"),
            Self::Pack(project) => write!(formatter, "{REPOSITORIES}/{project}.pack"),
        }
    }
}

impl FromStr for FileName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let project = |name: &str| name.parse::<ProjectId>().ok();
        let known = match text {
            DATABASE => Some(Self::Database),
            MASTER_KEY => Some(Self::MasterKey),
            _ => text.strip_prefix(REPOSITORIES).and_then(|rest| {
                let (name, end) = rest.strip_prefix('/')?.split_once('.')?;
                match end {
                    "json" => project(name).map(Self::References),
                    "pack" => project(name).map(Self::Pack),
                    _ => None,
                }
            }),
        };
        // An identifier can be written in more than one way; a file's name cannot.
        known
            .filter(|known| known.to_string() == text)
            .ok_or_else(|| format!("`{text}` is no file of a backup"))
    }
}

impl BlobList {
    /// The checksum of names that are in order.
    pub(super) fn of(names: &[BlobName], bytes: u64) -> Self {
        let text: String = names.iter().map(|name| format!("{name}\n")).collect();
        Self {
            count: names.len() as u64,
            bytes,
            sha256: BlobName::of(text.as_bytes()),
        }
    }
}

/// A name as it is in the manifest.
mod as_text {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::FileName;

    pub(super) fn serialize<S: Serializer>(name: &FileName, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(name)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FileName, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_files_of_a_backup_have_a_name() {
        let project = ProjectId::from_uuid(uuid::Uuid::from_u128(7));
        for name in [
            FileName::Database,
            FileName::MasterKey,
            FileName::References(project),
            FileName::Pack(project),
        ] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        for text in [
            "",
            "manifest.json",
            "/etc/passwd",
            "../master.key",
            "repositories/../../x.pack",
            "repositories/.pack",
            "repositories//x.json",
            &format!("repositories/{project}.pack.json"),
            &format!("repositories/{}.pack", project.to_string().to_uppercase()),
        ] {
            assert!(text.parse::<FileName>().is_err(), "{text}");
        }
    }
}
