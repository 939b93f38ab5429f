//! Everything an embedded command needs, opened in order and closed in order: data directory, store, repositories,
//! sandboxes, templates, gateway, engine, control socket.
//!
//! Invariants: nothing is opened in a data directory whose lock another process holds, but for reading; an engine is not
//! started when it would fail somebody's run for want of a key.

use std::sync::Arc;

use codecourier_domain::failure::FailureClass;
use codecourier_domain::id::RunId;
use codecourier_engine::clock::SystemClock;
use codecourier_engine::records::Records;
use codecourier_engine::runs::spec::ModelSource;
use codecourier_engine::vault::Vault;
use codecourier_engine::{AccountsConfig, Engine, EngineConfig, ExternalConfig, Recovered};
use codecourier_forge::{Git, Mirrors};
use codecourier_gateway::ReplayPacing;
use codecourier_sandbox::ns::{NsBackend, NsConfig};
use codecourier_sandbox::templates::TemplateStore;
use codecourier_sandbox::{Backend, CheckState, Support};
use codecourier_store::Store;
use codecourier_store::blobs::Blobs;
use codecourier_store::lock::DataDirLock;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::config::Config;
use crate::control::server::ControlServer;
use crate::data_directory::DataDirectory;
use crate::logging;
use crate::preflight;
use crate::problem::Problem;
use crate::templates::SandboxTemplates;

/// A platform at work. `S` says whether it is known what the sandboxes of this host can do.
pub(crate) struct Platform<S = Support> {
    /// The engine.
    pub(crate) engine: Engine,
    /// What it has recorded.
    pub(crate) records: Records,
    /// The repositories.
    pub(crate) mirrors: Mirrors,
    /// What the sandboxes of this host can do.
    pub(crate) support: S,
    /// Its rows.
    pub(crate) store: Store,
    /// What earlier processes left.
    pub(crate) recovered: Recovered,
    control: ControlServer,
    _lock: DataDirLock,
}

/// Nobody has looked yet what the sandboxes of this host can do: that takes its time, and a server has no use for it
/// before it is ready.
pub(crate) struct Unprobed(Arc<NsBackend>);

/// What a platform is started for.
pub(crate) struct Purpose<'a> {
    /// The command, for whoever finds the data directory in use.
    pub(crate) command: &'a str,
    /// How fast replayed answers come.
    pub(crate) pacing: ReplayPacing,
    /// A run that is about to be ended: it needs no key.
    pub(crate) ending: Option<RunId>,
}

/// A data directory that this process holds, with its records.
pub(crate) struct Held {
    directory: DataDirectory,
    lock: DataDirLock,
    store: Store,
    mirrors: Mirrors,
    /// What is recorded in it.
    pub(crate) records: Records,
}

/// Takes the data directory and opens what is kept in it. Starts nothing.
pub(crate) async fn hold(config: &Config, command: &str) -> Result<Held, Problem> {
    let directory = DataDirectory::at(&config.data_directory);
    directory.make()?;
    logging::start(config, logging::Target::File(&directory.log()))?;
    let lock = directory.lock(command)?;
    open_held(config, directory, lock).await
}

/// Opens what is kept in a data directory whose lock this process has.
pub(crate) async fn open_held(config: &Config, directory: DataDirectory, lock: DataDirLock) -> Result<Held, Problem> {
    let store = open_store(config).await?;
    let mirrors = open_mirrors(config, &directory)?;
    let records = Records::new(store.clone(), mirrors.clone());
    Ok(Held {
        directory,
        lock,
        store,
        mirrors,
        records,
    })
}

/// Opens the records of a data directory for reading, whoever works in it. `None` when nothing was ever kept in it.
pub(crate) async fn open_records(config: &Config) -> Result<Option<Records>, Problem> {
    let directory = DataDirectory::at(&config.data_directory);
    if !config.has_records() {
        return Ok(None);
    }
    let store = open_store(config).await?;
    Ok(Some(Records::new(store, open_mirrors(config, &directory)?)))
}

/// The database of the configuration.
pub(crate) async fn open_store(config: &Config) -> Result<Store, Problem> {
    Ok(Store::open(config.store()?).await?)
}

/// The repositories of a data directory.
pub(crate) fn open_mirrors(config: &Config, directory: &DataDirectory) -> Result<Mirrors, Problem> {
    Ok(Mirrors::open(Git::find(config.git())?, directory.mirrors())?)
}

/// The sandboxes of a data directory.
pub(crate) fn open_backend(directory: &DataDirectory) -> Result<NsBackend, Problem> {
    NsBackend::open(NsConfig::new(directory.path()))
        .map_err(|error| Problem::environment(FailureClass::Sandbox, codecourier_engine::error::chain(&error)))
}

impl Platform {
    /// Starts everything on a data directory that is held. Unfinished runs go on at once.
    pub(crate) async fn start(config: &Config, held: Held, purpose: Purpose<'_>) -> Result<Self, Problem> {
        refuse_without_key(config, &held.records, purpose.ending).await?;
        let backend = open_backend(&held.directory)?;
        let support = backend.probe().await;
        if !support.available {
            return Err(unavailable(&support));
        }
        tracing::info!(command = purpose.command, data_directory = %held.directory.path().display(), "starting");
        let people = (AccountsConfig::default(), ExternalConfig::default());
        open(config, held, Arc::new(backend), purpose.pacing, (support, people)).await
    }
}

impl Platform<Unprobed> {
    /// Starts everything for a server.
    pub(crate) async fn start_serving(config: &Config, held: Held) -> Result<Self, Problem> {
        let backend = Arc::new(open_backend(&held.directory)?);
        let support = Unprobed(Arc::clone(&backend));
        let people = (config.accounts()?, config.external()?);
        open(config, held, backend, ReplayPacing::AsRecorded, (support, people)).await
    }

    /// What a server does once it is ready: it finds out whether sandboxes can be made here, and says so in the log. Ends
    /// with the value.
    pub(crate) fn after_ready(&self) -> AbortOnDropHandle<()> {
        let backend = Arc::clone(&self.support.0);
        let looking = TaskTracker::new().spawn(async move {
            let support = backend.probe().await;
            if support.available {
                let degraded: Vec<String> = support.degraded.iter().map(ToString::to_string).collect();
                tracing::info!(
                    tier = support.tier.as_str(),
                    degraded = degraded.join("; "),
                    "sandboxes can be made"
                );
            } else {
                tracing::error!("runs will fail here: {}", unavailable(&support).message);
            }
        });
        AbortOnDropHandle::new(looking)
    }
}

impl<S> Platform<S> {
    /// Ends in order. Agents of runs that have not ended live on.
    pub(crate) async fn shut_down(self) {
        self.control.stop().await;
        self.engine.shut_down().await;
    }
}

async fn open<S>(
    config: &Config,
    held: Held,
    backend: Arc<NsBackend>,
    replay_pacing: ReplayPacing,
    (support, (accounts, external)): (S, (AccountsConfig, ExternalConfig)),
) -> Result<Platform<S>, Problem> {
    let Held {
        directory,
        lock,
        store,
        mirrors,
        records,
    } = held;
    let templates = TemplateStore::open(directory.path())
        .map_err(|error| Problem::environment(FailureClass::Template, codecourier_engine::error::chain(&error)))?;
    let mut gateway = config.gateway()?;
    gateway.replay_pacing = replay_pacing;
    let scratch = directory.scratch();
    sweep(&scratch)?;
    let blobs = Blobs::open(directory.blobs()).await?;
    let vault = Vault::open(&config.master_keys(&directory)?)
        .await
        .map_err(codecourier_engine::Error::from)?;
    let (engine, recovered) = Engine::start(EngineConfig {
        store: store.clone(),
        blobs,
        backend,
        templates: Arc::new(SandboxTemplates::new(templates)),
        mirrors: mirrors.clone(),
        gateway,
        keys: Arc::new(config.model_keys()?),
        acp: config.acp()?,
        vault,
        accounts,
        external,
        clock: Arc::new(SystemClock),
        scratch,
        work_places: config.settings.work_places.get() as usize,
        node: directory.node()?,
    })
    .await?;
    let control = ControlServer::start(directory.path(), engine.clone(), records.clone())?;
    Ok(Platform {
        engine,
        records,
        mirrors,
        support,
        store,
        recovered,
        control,
        _lock: lock,
    })
}

/// A directory for files of one operation, empty.
fn sweep(scratch: &std::path::Path) -> Result<(), Problem> {
    match std::fs::remove_dir_all(scratch) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(Problem::file("clear", scratch, &error)),
    }
    std::fs::create_dir_all(scratch).map_err(|error| Problem::file("make", scratch, &error))
}

/// An unfinished run goes on as soon as the engine starts, and would fail for want of a key.
async fn refuse_without_key(config: &Config, records: &Records, ending: Option<RunId>) -> Result<(), Problem> {
    for run in records.unfinished().await? {
        if Some(run.id) == ending {
            continue;
        }
        let view = records.get(run.project, run.id).await?;
        if matches!(view.spec.model_source, ModelSource::Replay { .. }) {
            continue;
        }
        let Some(provider) = preflight::missing_key(config, &view.spec)? else {
            continue;
        };
        let short = run.id.short();
        return Err(Problem::environment(
            FailureClass::ProviderAuth,
            format!(
                "The unfinished run {short} in this data directory would go on now, and there is no key for its model."
            ),
        )
        .with_remedy(format!(
            "{} Or end that run with `codecourier cancel {short}`, or name another directory with --data-dir.",
            preflight::how_to_give(provider)
        )));
    }
    Ok(())
}

/// Why no sandbox can be made here.
fn unavailable(support: &Support) -> Problem {
    let reasons: Vec<String> = support
        .checks
        .iter()
        .filter_map(|check| match &check.state {
            CheckState::Missing { why, remedy } => Some(format!("{}: {why}. {remedy}", check.name)),
            CheckState::Works { .. } | CheckState::Degraded { .. } => None,
        })
        .collect();
    Problem::environment(
        FailureClass::Sandbox,
        format!("No sandbox can be made on this machine. {}", reasons.join(" ")),
    )
    .with_remedy("`codecourier doctor` shows every check and what to do.")
}

/// Why a run that insists on every guarantee cannot start here.
pub(crate) fn degraded(support: &Support) -> Problem {
    let list: Vec<String> = support.degraded.iter().map(ToString::to_string).collect();
    Problem::environment(
        FailureClass::Sandbox,
        format!(
            "Sandboxes on this machine cannot keep every promise. {}",
            list.join("; ")
        ),
    )
    .with_remedy("Mend it as said, or accept it for this run with --allow-degraded.")
}
