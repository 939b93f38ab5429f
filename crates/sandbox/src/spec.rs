//! What a sandbox is made from: layers, limits, environment, network.

use std::path::{Path, PathBuf};

use codecourier_domain::id::SandboxId;
use codecourier_domain::limits::SandboxLimits;
use serde::{Deserialize, Serialize};

use crate::Error;

/// A sandbox to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxSpec {
    /// Its identifier, chosen by the caller so that a repeated call finds the same sandbox.
    pub id: SandboxId,
    /// The layers of its root file system, lowest first. Shared, never written.
    pub layers: Vec<LayerRef>,
    /// What it may use.
    pub limits: SandboxLimits,
    /// Environment variables of every process in it.
    pub env: Vec<(String, String)>,
    /// Its host name.
    pub hostname: String,
    /// Whether it may be made when the host can't give every guarantee.
    pub degraded: Degraded,
    /// What it can reach.
    pub network: Network,
}

/// What to do when the host can't give a guarantee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Degraded {
    /// Fail.
    #[default]
    Refuse,
    /// Go on and say so in [`crate::Isolation::degraded`].
    Allow,
}

/// What a sandbox can reach over the network. There is no device but `lo` in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// What the platform serves at `127.0.0.1:`[`crate::GATEWAY_PORT`], and nothing else.
    #[default]
    GatewayOnly,
    /// Nothing.
    Offline,
}

/// A layer on this host: a directory with `rootfs` and `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerRef {
    /// What names the layer's content.
    pub digest: String,
    /// The directory that holds `rootfs` and `manifest.json`.
    pub path: PathBuf,
}

impl LayerRef {
    /// The file tree.
    #[must_use]
    pub fn rootfs(&self) -> PathBuf {
        self.path.join("rootfs")
    }

    /// Reads `manifest.json`.
    pub fn manifest(&self) -> Result<LayerManifest, Error> {
        LayerManifest::read(&self.path)
    }
}

/// What is written beside a layer's tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerManifest {
    /// The host's uid (and gid) that uid 0 of the layer is stored as. 0 for a tree unpacked by root.
    pub id_base: u32,
    /// What the layer is, for people.
    #[serde(default)]
    pub description: String,
    /// Whatever else its maker wrote down (versions, inputs).
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

impl LayerManifest {
    /// The file's name in a layer's directory.
    pub const FILE_NAME: &'static str = "manifest.json";

    /// Reads it from a layer's directory.
    pub fn read(layer: &Path) -> Result<Self, Error> {
        let path = layer.join(Self::FILE_NAME);
        let damaged = |message: String| Error::Layer {
            layer: layer.display().to_string(),
            message,
        };
        let text = std::fs::read(&path).map_err(|error| damaged(format!("{}: {error}", path.display())))?;
        serde_json::from_slice(&text).map_err(|error| damaged(format!("{}: {error}", path.display())))
    }

    /// Writes it into a layer's directory.
    pub fn write(&self, layer: &Path) -> Result<(), Error> {
        let path = layer.join(Self::FILE_NAME);
        let text = serde_json::to_vec_pretty(self).map_err(|error| Error::Layer {
            layer: layer.display().to_string(),
            message: error.to_string(),
        })?;
        std::fs::write(&path, text).map_err(|error| Error::host("write", path, error))
    }
}
