//! The repository: its root, its packages, its tracked files.

use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};

use crate::spawn;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// The workspace's own packages.
pub(crate) fn metadata() -> Result<Metadata, String> {
    MetadataCommand::new()
        .current_dir(root())
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .map_err(|error| format!("cargo metadata: {error}"))
}

/// Where Cargo puts what it builds.
pub(crate) fn target_directory(metadata: &Metadata) -> PathBuf {
    metadata.target_directory.clone().into_std_path_buf()
}

/// The package that has an example or a program of this name, and which of the two it is.
pub(crate) fn find_target<'a>(metadata: &'a Metadata, name: &str) -> Option<(&'a str, TargetKind)> {
    metadata.packages.iter().find_map(|package| {
        package.targets.iter().find_map(|target| {
            if target.name != name {
                return None;
            }
            let kind = if target.is_example() {
                TargetKind::Example
            } else if target.is_bin() {
                TargetKind::Program
            } else {
                return None;
            };
            Some((package.name.as_str(), kind))
        })
    })
}

/// What Cargo runs a target as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetKind {
    Example,
    Program,
}

impl TargetKind {
    /// The option that names such a target.
    pub(crate) fn option(self) -> &'static str {
        match self {
            Self::Example => "--example",
            Self::Program => "--bin",
        }
    }

    /// Where Cargo puts it below the profile's directory.
    pub(crate) fn directory(self) -> &'static str {
        match self {
            Self::Example => "examples",
            Self::Program => ".",
        }
    }
}

/// Files that Git knows or would add, relative to the root.
pub(crate) fn tracked_files() -> Result<Vec<PathBuf>, String> {
    let listed = spawn::output(&["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
    let mut files: Vec<PathBuf> = listed
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}
