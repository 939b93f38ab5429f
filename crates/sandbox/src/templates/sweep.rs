//! Looks after the layers that are there: lists, checks and deletes them. Called by the reconcilers and by `doctor`.
//!
//! Invariant: what another process is building is left alone, because its lock is held.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::build::blocking;
use super::digest::LayerDigest;
use super::error::Error;
use super::identity::{Identity, Reach};
use super::manifest::Layer;
use super::spawn;
use super::store::TemplateStore;

/// What [`TemplateStore::sweep_unused`] deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swept {
    /// Layers that nobody keeps.
    pub layers: Vec<LayerDigest>,
    /// Half-built or half-deleted directories that a killed process left.
    pub remains: Vec<PathBuf>,
    /// Bytes that were in those layers.
    pub freed: u64,
}

/// What is wrong with a layer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayerProblem {
    /// It is not there.
    #[error("the layer is missing; it is built again when it is needed")]
    Missing,
    /// Its manifest can't be read.
    #[error("{0}")]
    Manifest(String),
    /// Files were added, deleted or changed since it was built.
    #[error(
        "the layer was changed after it was built: {found_files} files of {found_size} bytes, built with {files} of {size}"
    )]
    Changed {
        /// Files when it was built.
        files: u64,
        /// Bytes when it was built.
        size: u64,
        /// Files now.
        found_files: u64,
        /// Bytes now.
        found_size: u64,
    },
    /// A layer below it is missing.
    #[error("the layer below it, {}, is missing", .0.short())]
    ParentMissing(LayerDigest),
}

impl TemplateStore {
    /// Every layer that is there, oldest first. Damaged ones are left out: [`TemplateStore::verify`] finds those.
    pub fn list(&self) -> Result<Vec<Layer>, Error> {
        let mut layers = Vec::new();
        for digest in self.digests()? {
            if let Ok(Some(layer)) = self.layer(&digest) {
                layers.push(layer);
            }
        }
        layers.sort_by_key(|layer| (layer.built_at, layer.digest.clone()));
        Ok(layers)
    }

    /// Compares each layer with its manifest. Returns those with a problem.
    pub async fn verify(&self) -> Result<Vec<(LayerDigest, LayerProblem)>, Error> {
        let store = self.clone();
        blocking(move || {
            let digests = store.digests()?;
            let problem =
                |digest: &LayerDigest| store.problem(digest, &digests).map(|problem| (digest.clone(), problem));
            Ok(digests.iter().filter_map(problem).collect())
        })
        .await
    }

    /// Deletes the layers that are not in `keep` and not below one that is, and what killed builds left.
    /// The caller names every layer that a sandbox stands on.
    pub async fn sweep_unused(&self, keep: &BTreeSet<LayerDigest>) -> Result<Swept, Error> {
        let identity = Identity::of_this_process()?;
        let layers = self.list()?;
        let mut kept = keep.clone();
        for layer in layers.iter().filter(|layer| keep.contains(&layer.digest)) {
            kept.extend(layer.parents.iter().cloned());
        }
        let mut swept = Swept::default();
        for layer in layers.iter().filter(|layer| !kept.contains(&layer.digest)) {
            let Some(_lock) = self.try_lock(layer.digest.as_str())? else {
                continue;
            };
            // First out of its name, so that nobody finds half a layer.
            let trash = self.directory().join(format!("{}{}", Self::TRASH, layer.digest));
            fs::rename(&layer.path, &trash).map_err(|error| Error::host("move", &layer.path, error))?;
            swept.layers.push(layer.digest.clone());
            swept.freed += layer.size;
        }
        for name in self.names()? {
            let Some(digest) = name
                .strip_prefix(Self::BUILDING)
                .or_else(|| name.strip_prefix(Self::TRASH))
            else {
                continue;
            };
            let Some(lock) = self.try_lock(digest)? else { continue };
            let path = self.directory().join(&name);
            remove_tree(&path, &identity, &lock).await?;
            let is_layer = swept.layers.iter().any(|layer| layer.as_str() == digest);
            if !is_layer {
                swept.remains.push(path);
            }
        }
        Ok(swept)
    }

    fn problem(&self, digest: &LayerDigest, all: &[LayerDigest]) -> Option<LayerProblem> {
        let layer = match self.layer(digest) {
            Ok(Some(layer)) => layer,
            Ok(None) => return Some(LayerProblem::Missing),
            Err(error) => return Some(LayerProblem::Manifest(error.to_string())),
        };
        if let Some(parent) = layer.parents.iter().find(|parent| !all.contains(parent)) {
            return Some(LayerProblem::ParentMissing(parent.clone()));
        }
        let found = measure(&layer.path.join("rootfs"));
        let is_same = found.files == layer.files && found.size == layer.size;
        (!is_same).then_some(LayerProblem::Changed {
            files: layer.files,
            size: layer.size,
            found_files: found.files,
            found_size: found.size,
        })
    }

    fn digests(&self) -> Result<Vec<LayerDigest>, Error> {
        Ok(self.names()?.iter().filter_map(|name| name.parse().ok()).collect())
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        let entries = fs::read_dir(self.directory()).map_err(|error| Error::host("list", self.directory(), error))?;
        Ok(entries
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect())
    }

    /// The lock of a layer, unless a build holds it or the name is not one of ours.
    fn try_lock(&self, digest: &str) -> Result<Option<File>, Error> {
        let Ok(digest) = digest.parse() else { return Ok(None) };
        let path = self.lock(&digest);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .read(true)
            .open(&path)
            .map_err(|error| Error::host("open", &path, error))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(lock)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(Error::host("lock", &path, error)),
        }
    }
}

/// Deletes a tree if it is there. An ordinary user needs its subordinate ids to do so.
pub(super) async fn remove_tree(path: &Path, identity: &Identity, lock: &File) -> Result<(), Error> {
    if !path.exists() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    let argv = [
        Path::new("rm").as_os_str(),
        "-rf".as_ref(),
        "--".as_ref(),
        path.as_os_str(),
    ];
    let tool = identity.as_layer_root(Reach::NoNetwork, parent, lock, argv)?;
    let mut said = String::new();
    let ended = spawn::run(tool, &mut |line| said = line.to_owned()).await;
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Error::host("delete", path, std::io::Error::other(said))),
        Err(error) => Err(Error::host("delete", path, error)),
    }
}

/// How much is in a tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) files: u64,
    pub(super) size: u64,
}

/// Counts without following links. What an ordinary user may not read is not counted, each time alike.
pub(super) fn measure(directory: &Path) -> Measured {
    let mut measured = Measured::default();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().filter_map(Result::ok) {
            let Ok(metadata) = entry.metadata() else { continue };
            measured.files += 1;
            if metadata.is_dir() {
                open.push(entry.path());
            } else {
                measured.size += metadata.len();
            }
        }
    }
    measured
}
