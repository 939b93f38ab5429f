//! The layers of one data directory: which are there, and how to get one that is not.

use std::path::{Path, PathBuf};

use super::build;
use super::digest::LayerDigest;
use super::error::Error;
use super::manifest::{Layer, Template};
use super::progress::Progress;
use super::setup::SetupSandbox;
use super::spec::TemplateSpec;

/// The layers under `<data>/layers`. Cheap to open; several processes may share one directory.
#[derive(Debug, Clone)]
pub struct TemplateStore {
    layers: PathBuf,
}

impl TemplateStore {
    /// Opens the store of a data directory, making its directories if need be.
    pub fn open(data: impl AsRef<Path>) -> Result<Self, Error> {
        let layers = data.as_ref().join("layers");
        let create = |error| Error::host("create", &layers, error);
        std::fs::create_dir_all(&layers).map_err(create)?;
        // One spelling, whatever the working directory and the links on the way: it ends up in mounts.
        let store = Self {
            layers: layers.canonicalize().map_err(create)?,
        };
        for directory in [store.locks(), store.logs()] {
            std::fs::create_dir_all(&directory).map_err(|error| Error::host("create", &directory, error))?;
        }
        Ok(store)
    }

    /// The template, built now if it is not there. A template with a setup script needs
    /// [`TemplateStore::ensure_with_setup`].
    pub async fn ensure(&self, spec: &TemplateSpec, progress: &dyn Progress) -> Result<Template, Error> {
        self.ensure_layers(spec, None, progress).await
    }

    /// The template, built now if it is not there; its setup script runs in a sandbox made here.
    pub async fn ensure_with_setup(
        &self,
        spec: &TemplateSpec,
        setup: SetupSandbox<'_>,
        progress: &dyn Progress,
    ) -> Result<Template, Error> {
        self.ensure_layers(spec, Some(setup), progress).await
    }

    /// The template if all of it is there; builds nothing.
    pub fn find(&self, spec: &TemplateSpec) -> Result<Option<Template>, Error> {
        let mut layers = Vec::new();
        for (digest, _) in spec.layers() {
            match self.layer(&digest)? {
                Some(layer) => layers.push(layer),
                None => return Ok(None),
            }
        }
        Ok(Some(self.template(spec, &layers)))
    }

    /// One layer, if it is there.
    pub fn layer(&self, digest: &LayerDigest) -> Result<Option<Layer>, Error> {
        Layer::read(&self.layer_path(digest))
    }

    async fn ensure_layers(
        &self,
        spec: &TemplateSpec,
        setup: Option<SetupSandbox<'_>>,
        progress: &dyn Progress,
    ) -> Result<Template, Error> {
        let mut layers: Vec<Layer> = Vec::new();
        for (digest, layer_spec) in spec.layers() {
            let wish = build::Wish {
                digest: &digest,
                spec: &layer_spec,
                below: &layers,
                setup,
            };
            let layer = build::ensure(self, &wish, progress).await?;
            layers.push(layer);
        }
        Ok(self.template(spec, &layers))
    }

    fn template(&self, spec: &TemplateSpec, layers: &[Layer]) -> Template {
        let digest = spec.digest();
        Template {
            name: spec.name.clone(),
            log_path: self.layer_path(&digest).join(Self::LOG),
            digest,
            layers: layers.iter().map(Layer::reference).collect(),
            versions: layers.iter().flat_map(|layer| layer.versions.clone()).collect(),
        }
    }
}

/// The names in the directory. Those that begin with a dot are never layers.
impl TemplateStore {
    pub(super) const LOG: &str = "build.log";
    pub(super) const BUILDING: &str = ".building-";
    pub(super) const TRASH: &str = ".trash-";

    pub(super) fn directory(&self) -> &Path {
        &self.layers
    }

    pub(super) fn layer_path(&self, digest: &LayerDigest) -> PathBuf {
        self.layers.join(digest.as_str())
    }

    pub(super) fn building(&self, digest: &LayerDigest) -> PathBuf {
        self.layers.join(format!("{}{digest}", Self::BUILDING))
    }

    pub(super) fn lock(&self, digest: &LayerDigest) -> PathBuf {
        self.locks().join(digest.as_str())
    }

    /// Where the log of a running or failed build is.
    pub(super) fn log(&self, digest: &LayerDigest) -> PathBuf {
        self.logs().join(format!("{digest}.log"))
    }

    fn locks(&self) -> PathBuf {
        self.layers.join(".locks")
    }

    fn logs(&self) -> PathBuf {
        self.layers.join(".logs")
    }
}
