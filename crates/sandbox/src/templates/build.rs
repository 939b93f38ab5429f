//! Builds one layer: under a lock, in a directory beside its place, renamed into it when all of it is on the disk.
//!
//! The lock is an advisory lock on a file, and the programs of a build hold that file open too. So it is free exactly
//! when nobody can be writing into the build's directory any more, even after the builder was killed; whoever gets it
//! may delete what it finds there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use codecourier_domain::time::Timestamp;
use rustix::fs::FlockOperation;

use super::digest::LayerDigest;
use super::error::{BuildFailure, Error, FailureCause};
use super::identity::{Identity, Reach};
use super::log::BuildLog;
use super::manifest::{Layer, LayerRecord};
use super::progress::{Progress, Stage};
use super::setup::SetupSandbox;
use super::spawn::{self, Tool};
use super::spec::{LayerSpec, Step};
use super::store::TemplateStore;
use super::{debian, npm, setup, sweep};

/// A layer to have.
pub(super) struct Wish<'a> {
    pub(super) digest: &'a LayerDigest,
    pub(super) spec: &'a LayerSpec,
    /// The layers below it, lowest first.
    pub(super) below: &'a [Layer],
    pub(super) setup: Option<SetupSandbox<'a>>,
}

/// A build that goes on.
pub(super) struct Build<'a> {
    pub(super) wish: &'a Wish<'a>,
    pub(super) progress: &'a dyn Progress,
    pub(super) identity: Identity,
    /// What becomes the layer's directory.
    pub(super) directory: PathBuf,
    /// The host's uid that uid 0 of the layer is stored as.
    pub(super) id_base: u32,
    log: BuildLog,
    lock: File,
}

/// Versions of what a layer brings, by name.
pub(super) type Versions = BTreeMap<String, String>;

/// How often a waiting process looks whether the other build is over.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The layer, built now if it is not there.
pub(super) async fn ensure(store: &TemplateStore, wish: &Wish<'_>, progress: &dyn Progress) -> Result<Layer, Error> {
    let description = wish.spec.step.description();
    if let Some(layer) = store.layer(wish.digest)? {
        progress.done(&description, None);
        return Ok(layer);
    }
    let began = Instant::now();
    let lock = wait_for_lock(store, wish, progress).await?;
    // Another process may have built it while this one waited.
    if let Some(layer) = store.layer(wish.digest)? {
        progress.done(&description, None);
        return Ok(layer);
    }
    let identity = Identity::of_this_process()?;
    let directory = store.building(wish.digest);
    sweep::remove_tree(&directory, &identity, &lock).await?;
    let mut build = Build {
        wish,
        progress,
        id_base: identity.id_base(),
        identity,
        log: BuildLog::create(store.log(wish.digest))?,
        directory,
        lock,
    };
    match build.run_step().await {
        Ok(versions) => build.save(store, versions).await?,
        Err(error) => {
            build.log.line(&error.to_string());
            sweep::remove_tree(&build.directory, &build.identity, &build.lock).await?;
            return Err(error);
        }
    }
    progress.done(&description, Some(began.elapsed()));
    store.layer(wish.digest)?.ok_or_else(|| Error::Damaged {
        layer: store.layer_path(wish.digest),
        message: "it vanished right after it was built".to_owned(),
    })
}

async fn wait_for_lock(store: &TemplateStore, wish: &Wish<'_>, progress: &dyn Progress) -> Result<File, Error> {
    let path = store.lock(wish.digest);
    let lock = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|error| Error::host("open", &path, error))?;
    let mut is_told = false;
    // Asked again and again rather than waited for in a thread: that thread could not be stopped when the caller goes.
    loop {
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(rustix::io::Errno::WOULDBLOCK) if is_told => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                progress.stage(Stage::WaitingForOtherBuild, &wish.spec.step.description());
                is_told = true;
            }
            Err(error) => return Err(Error::host("lock", &path, error)),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

impl Build<'_> {
    async fn run_step(&mut self) -> Result<Versions, Error> {
        let rootfs = self.rootfs();
        fs::create_dir_all(&rootfs).map_err(|error| Error::host("create", &rootfs, error))?;
        match &self.wish.spec.step {
            Step::Debian(base) => debian::build(self, base).await,
            Step::Node(node) => npm::build_node(self, node).await,
            Step::AgentCli(cli) => npm::build_agent_cli(self, cli).await,
            Step::SetupScript(script) => setup::build(self, script).await,
        }
    }

    pub(super) fn rootfs(&self) -> PathBuf {
        self.directory.join("rootfs")
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.log.path().to_owned()
    }

    /// Begins a stage.
    pub(super) fn stage(&mut self, stage: Stage, detail: &str) {
        self.log.stage(&format!("{stage}: {detail}"));
        self.progress.stage(stage, detail);
    }

    /// A line for the log and the listener.
    pub(super) fn line(&mut self, line: &str) {
        self.log.line(line);
        self.progress.line(line);
    }

    /// Runs a program of a stage to its end; `on_line` sees each line of output after it was logged.
    pub(super) async fn run(
        &mut self,
        stage: Stage,
        detail: &str,
        tool: Tool,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Error> {
        let program = tool.argv.first().cloned().unwrap_or_default();
        let (log, progress) = (&mut self.log, self.progress);
        let ended = spawn::run(tool, &mut |line| {
            log.line(line);
            progress.line(line);
            on_line(line);
        })
        .await;
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => {
                self.log.line(&format!("{}: {status}", program.display()));
                Err(self.failure(stage, detail))
            }
            Err(error) => {
                self.log.line(&format!("{}: {error}", program.display()));
                Err(self.failure(stage, detail))
            }
        }
    }

    /// The failure of a stage, from what was logged last.
    pub(super) fn failure(&self, stage: Stage, detail: &str) -> Error {
        let tail = self.log.tail();
        Error::Build(Box::new(BuildFailure {
            stage,
            detail: detail.to_owned(),
            cause: FailureCause::read(&tail),
            tail,
            log: self.log_path(),
        }))
    }

    /// A program that runs as root of the layer.
    pub(super) fn as_layer_root(
        &self,
        reach: Reach,
        argv: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
    ) -> Result<Tool, Error> {
        self.identity.as_layer_root(reach, &self.directory, &self.lock, argv)
    }

    /// Makes the layer's root own what this process wrote. As root it does already.
    pub(super) async fn own_rootfs(&mut self) -> Result<(), Error> {
        if self.identity == Identity::Root {
            return Ok(());
        }
        let tool = self.as_layer_root(Reach::NoNetwork, ["chown", "--recursive", "0:0", "rootfs"])?;
        self.run(Stage::Unpacking, "owners", tool, &mut |_| {}).await
    }

    async fn save(mut self, store: &TemplateStore, versions: Versions) -> Result<(), Error> {
        self.stage(Stage::Saving, &self.wish.spec.step.description());
        let log = self.directory.join(TemplateStore::LOG);
        fs::rename(self.log.path(), &log).map_err(|error| Error::host("move", &log, error))?;
        let target = store.layer_path(self.wish.digest);
        let (spec, digest) = (self.wish.spec.clone(), self.wish.digest.clone());
        let id_base = self.id_base;
        let directory = self.directory;
        blocking(move || {
            let measured = sweep::measure(&directory.join("rootfs"));
            let record = LayerRecord {
                digest,
                spec,
                built_at: written_at(&log)?,
                size: measured.size,
                files: measured.files,
                versions,
            };
            record.write(&directory, id_base)?;
            sync_file_system(&directory)?;
            fs::rename(&directory, &target).map_err(|error| Error::host("move", &target, error))?;
            sync_file_system(&target)
        })
        .await
    }
}

/// Runs something that blocks away from the threads that must not.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::host(
            "finish",
            "a background thread",
            std::io::Error::other(error),
        )),
    }
}

/// When a file was last written, by the file system's clock: builds need no clock of their own for a date that only
/// people read.
fn written_at(path: &Path) -> Result<Timestamp, Error> {
    let modified = fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .map_err(|error| Error::host("inspect", path, error))?;
    let since_epoch = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)))
}

/// One call for the whole file system instead of one per file: a layer has thousands.
fn sync_file_system(directory: &Path) -> Result<(), Error> {
    let synced = File::open(directory).and_then(|directory| rustix::fs::syncfs(directory).map_err(Into::into));
    synced.map_err(|error| Error::host("sync", directory, error))
}
