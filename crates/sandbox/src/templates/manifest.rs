//! What is known of a built layer and of a built template.
//!
//! On disk it is [`crate::LayerManifest`], whose `more` holds this module's fields; sandboxes read only `idBase` of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use codecourier_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::LayerDigest;
use super::error::Error;
use super::spec::LayerSpec;
use crate::{LayerManifest, LayerRef};

/// A template that is ready to start sandboxes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its name, from the spec.
    pub name: String,
    /// What names it: the digest of its top layer. A run pins this.
    pub digest: LayerDigest,
    /// Its layers, lowest first.
    pub layers: Vec<LayerRef>,
    /// Versions of what is in it: `debian`, `git`, `python3`, `node`, `npm`, `claude`…
    pub versions: BTreeMap<String, String>,
    /// The log of the build of its top layer.
    pub log_path: PathBuf,
}

/// A built layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name.
    pub digest: LayerDigest,
    /// Its directory, which holds `rootfs`, `manifest.json` and `build.log`.
    pub path: PathBuf,
    /// What it is, for people.
    pub description: String,
    /// The digests of the layers below it, lowest first.
    pub parents: Vec<LayerDigest>,
    /// When its build ended.
    pub built_at: Timestamp,
    /// Bytes in its files.
    pub size: u64,
    /// Files, directories and links in it.
    pub files: u64,
    /// Versions of what it brings.
    pub versions: BTreeMap<String, String>,
}

/// This module's part of `manifest.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LayerRecord {
    pub(super) digest: LayerDigest,
    pub(super) spec: LayerSpec,
    pub(super) built_at: Timestamp,
    pub(super) size: u64,
    pub(super) files: u64,
    pub(super) versions: BTreeMap<String, String>,
}

impl Layer {
    /// What a sandbox is told about it.
    #[must_use]
    pub fn reference(&self) -> LayerRef {
        LayerRef {
            digest: self.digest.as_str().to_owned(),
            path: self.path.clone(),
        }
    }

    /// The layer in this directory, or nothing when there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        if !path.join(LayerManifest::FILE_NAME).exists() {
            return Ok(None);
        }
        let damaged = |message: String| Error::Damaged {
            layer: path.to_owned(),
            message,
        };
        let manifest = LayerManifest::read(path).map_err(|error| damaged(error.to_string()))?;
        let record: LayerRecord = serde_json::from_value(serde_json::Value::Object(manifest.more))
            .map_err(|error| damaged(error.to_string()))?;
        Ok(Some(Self {
            digest: record.digest,
            path: path.to_owned(),
            description: manifest.description,
            parents: record.spec.parents,
            built_at: record.built_at,
            size: record.size,
            files: record.files,
            versions: record.versions,
        }))
    }
}

impl LayerRecord {
    /// Writes `manifest.json` into the directory of a layer that is being built.
    pub(super) fn write(&self, directory: &Path, id_base: u32) -> Result<(), Error> {
        let path = directory.join(LayerManifest::FILE_NAME);
        let more = match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(more)) => more,
            _ => serde_json::Map::new(),
        };
        let manifest = LayerManifest {
            id_base,
            description: self.spec.step.description(),
            more,
        };
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| Error::host("write", &path, std::io::Error::other(error)))?;
        std::fs::write(&path, text).map_err(|error| Error::host("write", &path, error))
    }
}
