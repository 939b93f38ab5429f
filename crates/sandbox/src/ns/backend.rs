//! [`NsBackend`]: the tier as the engine sees it. One per data directory and process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use codecourier_domain::id::SandboxId;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::host::Host;
use super::leftovers::{self, Leftovers};
use super::sandbox::NsSandbox;
use super::state::StateDirectory;
use super::{create, destroy, probe};
use crate::{Backend, Destroyed, Ended, Error, Sandbox, SandboxSpec, Support, Tier};

/// How the tier is set up.
#[derive(Debug, Clone)]
pub struct NsConfig {
    /// The server's data directory. Sandboxes are in `sandboxes/` below it.
    pub data_directory: PathBuf,
    /// No sandbox lives longer, whatever limit it was given.
    pub longest_life: Option<Duration>,
}

impl NsConfig {
    /// The tier in this data directory, with no cap of its own on a sandbox's life.
    #[must_use]
    pub fn new(data_directory: impl Into<PathBuf>) -> Self {
        Self {
            data_directory: data_directory.into(),
            longest_life: None,
        }
    }
}

/// The embedded tier.
pub struct NsBackend {
    pub(super) places: Places,
    pub(super) longest_life: Option<Duration>,
    host: OnceLock<Host>,
    /// One creation or destruction of a sandbox at a time.
    busy: parking::Locks,
}

/// Where things are.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The data directory.
    pub(super) data: PathBuf,
    /// A directory per sandbox.
    pub(super) sandboxes: PathBuf,
    /// What is being deleted.
    pub(super) trash: PathBuf,
    /// Taken ranges of user ids.
    pub(super) ids: PathBuf,
    /// Empty disk images.
    pub(super) images: PathBuf,
    /// In the names of control groups and in the shim's arguments: tells data directories apart.
    pub(super) mark: String,
    /// What this process is deleting.
    pub(super) deletions: destroy::Deletions,
}

impl Places {
    fn new(data: &Path) -> Self {
        let runtime = data.join("runtime");
        Self {
            data: data.to_path_buf(),
            sandboxes: data.join("sandboxes"),
            trash: runtime.join("trash"),
            ids: runtime.join("ids"),
            images: runtime.join("images"),
            mark: hex::encode(&Sha256::digest(data.as_os_str().as_encoded_bytes())[..4]),
            deletions: destroy::Deletions::default(),
        }
    }

    /// The directory of a sandbox.
    pub(super) fn state(&self, id: &SandboxId) -> StateDirectory {
        StateDirectory::new(&self.sandboxes, id)
    }

    /// The name of a sandbox's control groups.
    pub(super) fn group_name(&self, id: &SandboxId) -> String {
        format!("codecourier.{}.{id}", self.mark)
    }
}

impl NsBackend {
    /// Opens the tier in a data directory, and goes on deleting what an earlier server had begun to delete.
    pub fn open(config: NsConfig) -> Result<Self, Error> {
        let made = std::fs::create_dir_all(&config.data_directory);
        made.map_err(|error| Error::host("make", &config.data_directory, error))?;
        let data = std::fs::canonicalize(&config.data_directory)
            .map_err(|error| Error::host("open", &config.data_directory, error))?;
        let places = Places::new(&data);
        for path in [&places.sandboxes, &places.trash, &places.ids, &places.images] {
            make_private(path)?;
        }
        destroy::sweep(&places);
        Ok(Self {
            places,
            longest_life: config.longest_life,
            host: OnceLock::new(),
            busy: parking::Locks::default(),
        })
    }

    /// What of this data directory's sandboxes is on the host now. For tests and for the tests of failure.
    #[must_use]
    pub fn leftovers(&self) -> Leftovers {
        leftovers::find(&self.places)
    }

    /// Looks around the host, once.
    pub(super) async fn host(&self) -> &Host {
        if let Some(host) = self.host.get() {
            return host;
        }
        let images = self.places.images.clone();
        let found = blocking(move || Ok(Host::look(&images))).await;
        match found {
            Ok(found) => self.host.get_or_init(|| found),
            Err(_) => self.host.get_or_init(|| Host::look(&self.places.images)),
        }
    }

    async fn adopt(&self, id: &SandboxId) -> Result<Option<Arc<dyn Sandbox>>, Error> {
        let (places, id) = (self.places.clone(), *id);
        let adopted = blocking(move || NsSandbox::adopt(&places.state(&id), id)).await?;
        Ok(adopted.map(|sandbox| Arc::new(sandbox) as Arc<dyn Sandbox>))
    }
}

#[async_trait]
impl Backend for NsBackend {
    fn tier(&self) -> Tier {
        Tier::Ns
    }

    async fn probe(&self) -> Support {
        let host = self.host().await.clone();
        let places = self.places.clone();
        probe::probe(&places, &host).await
    }

    async fn create(&self, spec: SandboxSpec) -> Result<Arc<dyn Sandbox>, Error> {
        let lock = self.busy.of(&spec.id);
        let _alone = lock.lock().await;
        if let Some(sandbox) = self.adopt(&spec.id).await? {
            return Ok(sandbox);
        }
        let sandbox = create::create(self, spec).await?;
        Ok(Arc::new(sandbox))
    }

    async fn open(&self, id: &SandboxId) -> Result<Option<Arc<dyn Sandbox>>, Error> {
        self.adopt(id).await
    }

    async fn list(&self) -> Result<Vec<SandboxId>, Error> {
        let directory = self.places.sandboxes.clone();
        blocking(move || {
            let entries = std::fs::read_dir(&directory).map_err(|error| Error::host("list", &directory, error))?;
            let mut ids: Vec<SandboxId> = entries
                .flatten()
                .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
                .collect();
            ids.sort_unstable();
            Ok(ids)
        })
        .await
    }

    async fn destroy(&self, id: &SandboxId) -> Result<Destroyed, Error> {
        let lock = self.busy.of(id);
        let _alone = lock.lock().await;
        let (places, id) = (self.places.clone(), *id);
        blocking(move || destroy::destroy(&places, &id)).await
    }

    async fn settle(&self) {
        self.places.deletions.ended().await;
    }

    async fn ended(&self, id: &SandboxId) -> Result<Option<Ended>, Error> {
        let state = self.places.state(id);
        blocking(move || Ok(if state.exists() { state.ended() } else { None })).await
    }
}

/// Runs what blocks for milliseconds away from the executor.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::create("run on a thread", error)),
    }
}

fn make_private(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Error::host("make", path, error))
}

mod parking {
    //! A lock per sandbox.

    use super::{Arc, HashMap, Mutex, SandboxId};

    #[derive(Default)]
    pub(super) struct Locks(std::sync::Mutex<HashMap<SandboxId, Arc<Mutex<()>>>>);

    impl Locks {
        /// The lock of one sandbox. Locks that nobody holds are forgotten.
        pub(super) fn of(&self, id: &SandboxId) -> Arc<Mutex<()>> {
            let mut locks = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(locks.entry(*id).or_default())
        }
    }
}
