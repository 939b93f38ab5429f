//! Engines for tests: a world that stays, and engines that come and go in it.
//!
//! A [`World`] holds what outlives an engine: the database, the mirrors, the sandboxes, the clock, the user's
//! repository. Each [`TestEngine`] runs on a runtime of its own, so that [`TestEngine::kill`] can end it between any two
//! of its steps, as `kill -9` does. Invariant: what a test asks of an engine runs on that engine's runtime, so a killed
//! engine answers nothing any more.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use codecourier_domain::agent::{AgentKind, ModelName};
use codecourier_domain::event::Event;
use codecourier_domain::failure::Failure;
use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::pipeline::Pipeline;
use codecourier_domain::run::RunStatus;
use codecourier_domain::time::Clock;
use codecourier_engine::runs::spec::{
    Author, DEFAULT_BUDGET, DegradedPolicy, ModelSource, RepositorySource, RunSetup, RunSpec,
};
use codecourier_engine::runs::view::RunView;
use codecourier_engine::templates::{ReadyTemplate, Report, TemplateName, Templates};
use codecourier_engine::vault::{MasterKeySource, Vault};
use codecourier_engine::{AccountsConfig, Engine, EngineConfig, Error, ExternalConfig, Recovered};
use codecourier_forge::{Git, GitSettings, Mirrors};
use codecourier_gateway::{GatewayConfig, ProviderKey, ReplayPacing, ServiceUrls, SingleKey};
use codecourier_sandbox::Backend;
use codecourier_store::blobs::Blobs;
use codecourier_store::events::EventWindow;
use codecourier_store::{Reader, Store, StoreConfig};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::clock::FakeClock;
use crate::fake_agent::{Gate, Script};
use crate::fake_sandbox::FakeBackend;
use crate::repository::{RepositoryBuilder, SampleRepository};

/// The longest that anything in a test may take: a deadline, not a wait.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Everything that outlives an engine.
pub struct World {
    directory: TempDir,
    database: StoreConfig,
    /// The sandboxes and the agents in them.
    pub backend: Arc<FakeBackend>,
    /// The time.
    pub clock: Arc<FakeClock>,
    /// The templates.
    pub templates: Arc<FakeTemplates>,
    /// The repository of the user who starts runs.
    pub repository: SampleRepository,
    /// How many steps an engine executes at once.
    pub work_places: usize,
    /// Where model requests go; nowhere if `None`.
    pub provider: Option<String>,
    /// The key for the provider.
    pub key: Option<String>,
    /// How people get in.
    pub accounts: AccountsConfig,
    /// The outside providers that vouch for people.
    pub external: ExternalConfig,
    /// The threads of each engine's runtime.
    pub threads: usize,
}

/// A template that is always there, unless a test says otherwise.
#[derive(Debug, Default)]
pub struct FakeTemplates {
    failure: Mutex<Option<Failure>>,
    gate: Mutex<Option<Gate>>,
}

/// One engine in a world.
pub struct TestEngine {
    runtime: Option<Runtime>,
    engine: Engine,
    store: Store,
    /// What its start found.
    pub recovered: Recovered,
}

/// A stored event, as tests look at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its number in the run.
    pub seq: u64,
    /// Its step.
    pub step: Option<StepId>,
    /// What happened.
    pub event: Event,
}

impl World {
    /// A world on SQLite whose agents follow a script, with a small repository.
    ///
    /// # Panics
    /// When there is no room for a temporary directory.
    #[must_use]
    pub fn new(script: Script) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("world-")
            .tempdir()
            .expect("a directory");
        let repository = RepositoryBuilder::new()
            .file("README.md", "# Sample\n")
            .file("src/lib.txt", "the library\n")
            .file(".gitignore", "ignored/\n")
            .commit("Begin")
            .file("src/lib.txt", "the library, second edition\n")
            .commit("Go on")
            .build(directory.path().join("repository"));
        for name in ["scratch", "blobs"] {
            std::fs::create_dir_all(directory.path().join(name)).expect("a directory");
        }
        Self {
            database: StoreConfig::Sqlite {
                path: directory.path().join("database.sqlite"),
            },
            directory,
            backend: Arc::new(FakeBackend::new(script)),
            clock: Arc::default(),
            templates: Arc::default(),
            repository,
            work_places: 8,
            provider: None,
            key: None,
            accounts: AccountsConfig::default(),
            external: ExternalConfig::default(),
            threads: 2,
        }
    }

    /// The same on an empty database of a PostgreSQL server.
    #[must_use]
    pub fn on_postgres(mut self, url: String) -> Self {
        self.database = StoreConfig::Postgres { url };
        self
    }

    /// The directory of everything.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Starts an engine in this world.
    ///
    /// # Panics
    /// When it does not start before the deadline.
    pub async fn start(&self) -> TestEngine {
        self.start_unless_stopped().await.expect("the start is not stopped")
    }

    /// Starts an engine, unless the backend stops it on the way: then it is killed, and where it was stopped is told.
    ///
    /// # Panics
    /// When it neither starts nor is stopped before the deadline.
    pub async fn start_unless_stopped(&self) -> Result<TestEngine, String> {
        self.start_node("one", self.work_places).await
    }

    /// Starts one of several engines on the same PostgreSQL database, which executes so many steps at once.
    ///
    /// # Panics
    /// When it neither starts nor is stopped before the deadline.
    pub async fn start_node(&self, node: &str, work_places: usize) -> Result<TestEngine, String> {
        self.backend.revive();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.threads)
            .thread_name("engine")
            .enable_all()
            .build()
            .expect("a runtime");
        let (database, path) = (self.database.clone(), self.directory.path().to_owned());
        let backend: Arc<dyn Backend> = Arc::clone(&self.backend) as _;
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let templates: Arc<dyn Templates> = Arc::clone(&self.templates) as _;
        let (node, provider, key) = (node.to_owned(), self.provider.clone(), self.key.clone());
        let (accounts, external) = (self.accounts.clone(), self.external.clone());
        let started = runtime.spawn(async move {
            let store = Store::open(database).await.expect("the store opens");
            let mut gateway = GatewayConfig::new().expect("a gateway");
            gateway.replay_pacing = ReplayPacing::None;
            gateway.timeouts.grace = Duration::from_millis(100);
            gateway.anthropic_base_url = provider.unwrap_or_else(nowhere);
            gateway.services = ServiceUrls {
                openai: nowhere(),
                openrouter: nowhere(),
                github: nowhere(),
                e2b: nowhere(),
            };
            let search_path = Some("/usr/local/bin:/usr/bin:/bin".into());
            let git = Git::find(GitSettings {
                search_path,
                ..GitSettings::default()
            });
            let config = EngineConfig {
                store: store.clone(),
                blobs: Blobs::open(path.join("blobs")).await.expect("blobs"),
                backend,
                templates,
                mirrors: Mirrors::open(git.expect("git"), path.join("mirrors")).expect("mirrors"),
                gateway,
                keys: Arc::new(SingleKey(key.map(ProviderKey::api_key))),
                acp: None,
                vault: Vault::open(&MasterKeySource::File(path.join("master.key")))
                    .await
                    .expect("a vault"),
                accounts,
                external,
                clock,
                scratch: path.join("scratch"),
                work_places,
                node,
            };
            let (engine, recovered) = Engine::start(config).await.expect("the engine starts");
            (store, engine, recovered)
        });
        let started = tokio::time::timeout(DEADLINE, async {
            tokio::select! {
                started = started => Ok(started.expect("the engine starts")),
                stopped = self.backend.stopped() => Err(stopped),
            }
        });
        match started.await.expect("the engine starts before the deadline") {
            Ok((store, engine, recovered)) => Ok(TestEngine {
                runtime: Some(runtime),
                engine,
                store,
                recovered,
            }),
            Err(stopped) => {
                end(runtime).await;
                Err(stopped)
            }
        }
    }

    /// A run of the demo's workflow in this world's repository, with a check that the answer is right.
    #[must_use]
    pub fn spec(&self) -> RunSpec {
        RunSpec {
            prompt: "Write the answer to answer.txt".to_owned(),
            workflow: "designer-checker".to_owned(),
            pipeline: Pipeline::designer_and_checker(3).expect("a valid pipeline"),
            repository: self.source(),
            base_branch: None,
            agent: AgentKind::Claude,
            model: "claude-sonnet-4-5".parse::<ModelName>().expect("a model's name"),
            effort: None,
            checks: Vec::new(),
            checker_instructions: None,
            limits: SandboxLimits::DEFAULT,
            degraded: DegradedPolicy::Refuse,
            author: Author::default(),
            model_source: ModelSource::Live,
            budget: DEFAULT_BUDGET,
            setup: RunSetup::default(),
            acp: None,
            images: Vec::new(),
        }
    }

    /// The repository of this world, as runs name it.
    #[must_use]
    pub fn source(&self) -> RepositorySource {
        RepositorySource::LocalPath {
            path: self.repository.path().to_owned(),
        }
    }
}

/// An address of this machine where nobody listens: no test reaches a provider.
fn nowhere() -> String {
    "http://127.0.0.1:9".to_owned()
}

impl TestEngine {
    /// Does something with the engine on its own runtime.
    ///
    /// # Panics
    /// When that takes longer than [`DEADLINE`], panics, or the engine is killed meanwhile.
    pub async fn ask<T, F>(&self, question: impl FnOnce(Engine) -> F) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let runtime = self.runtime.as_ref().expect("the engine lives");
        let asked = runtime.spawn(question(self.engine.clone()));
        tokio::time::timeout(DEADLINE, asked)
            .await
            .expect("the engine answers before the deadline")
            .expect("the engine answers")
    }

    /// Starts a run.
    pub async fn start_run(&self, spec: RunSpec) -> Result<(ProjectId, RunId), Error> {
        self.ask(|engine| async move {
            let project = engine.project_of(&spec.repository).await?;
            let run = engine.runs().start(project, spec, "test").await?;
            Ok((project, run))
        })
        .await
    }

    /// Waits until a run has ended or pauses.
    ///
    /// # Panics
    /// When it does not before the deadline.
    pub async fn wait(&self, (project, run): (ProjectId, RunId)) -> RunStatus {
        self.ask(move |engine| async move { engine.runs().wait(project, run).await.expect("the run is read") })
            .await
    }

    /// Reads a run.
    ///
    /// # Panics
    /// When it is not there.
    pub async fn view(&self, (project, run): (ProjectId, RunId)) -> RunView {
        self.ask(move |engine| async move { engine.runs().get(project, run).await.expect("the run is read") })
            .await
    }

    /// Cancels a run.
    pub async fn cancel(&self, (project, run): (ProjectId, RunId)) -> Result<(), Error> {
        self.ask(move |engine| async move { engine.runs().cancel(project, run, "test").await })
            .await
    }

    /// Every event of a run, in order.
    ///
    /// # Panics
    /// When they cannot be read.
    pub async fn events(&self, (project, run): (ProjectId, RunId)) -> Vec<Recorded> {
        let store = self.store.clone();
        self.ask(move |_| async move {
            let mut reader = store.read().await.expect("a reader");
            let stored = reader.events(project, run, EventWindow::After(0), 1_000_000).await;
            stored
                .expect("the events are read")
                .into_iter()
                .map(|stored| Recorded {
                    seq: stored.seq,
                    step: stored.step,
                    event: stored.body.read().expect("an event"),
                })
                .collect()
        })
        .await
    }

    /// Reads the store, on the engine's runtime.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn read<T: Send + 'static>(&self, read: impl AsyncFnOnceSend<T>) -> T {
        let store = self.store.clone();
        self.ask(move |_| async move { read.call(store.read().await.expect("a reader")).await })
            .await
    }

    /// Its store, for commands of the test's own. Use it inside [`TestEngine::ask`].
    #[must_use]
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// Waits until a run has an event that fits.
    ///
    /// # Panics
    /// When there is none before the deadline.
    pub async fn until(
        &self,
        (project, run): (ProjectId, RunId),
        fits: impl Fn(&Event) -> bool + Send + 'static,
    ) -> Event {
        let store = self.store.clone();
        self.ask(move |_| async move {
            let mut feed = store.follow_events(project, run, 0);
            loop {
                let stored = feed.next().await.expect("the next event");
                let event: Event = stored.body.read().expect("an event");
                if fits(&event) {
                    return event;
                }
            }
        })
        .await
    }

    /// Waits until the log of a run has that many events.
    ///
    /// # Panics
    /// When it has not before the deadline.
    pub async fn until_event(&self, (project, run): (ProjectId, RunId), seq: u64) {
        let store = self.store.clone();
        self.ask(move |_| async move {
            let mut feed = store.follow_events(project, run, seq - 1);
            feed.next().await.expect("the next event");
        })
        .await;
    }

    /// Ends it between any two of its steps: nothing of it runs when this returns, and nothing was told to stop.
    ///
    /// # Panics
    /// When its runtime does not end.
    pub async fn kill(mut self) {
        let runtime = self.runtime.take().expect("the engine lives");
        let Self { engine, store, .. } = &self;
        let (engine, store) = (engine.clone(), store.clone());
        drop(self);
        end(runtime).await;
        drop((engine, store));
    }

    /// Ends it in order.
    ///
    /// # Panics
    /// When it does not end before the deadline.
    pub async fn shut_down(mut self) {
        self.ask(|engine| engine.shut_down()).await;
        let runtime = self.runtime.take().expect("the engine lives");
        end(runtime).await;
    }
}

/// Ends a runtime and whatever runs on it, where it is.
async fn end(runtime: Runtime) {
    tokio::task::spawn_blocking(move || runtime.shutdown_timeout(DEADLINE))
        .await
        .expect("the runtime ends");
}

impl Drop for TestEngine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Something to ask of a reader of the store.
pub trait AsyncFnOnceSend<T>: Send + 'static {
    /// Asks it.
    fn call(self, reader: Reader<'static>) -> futures::future::BoxFuture<'static, T>;
}

impl<T, F> AsyncFnOnceSend<T> for F
where
    F: FnOnce(Reader<'static>) -> futures::future::BoxFuture<'static, T> + Send + 'static,
{
    fn call(self, reader: Reader<'static>) -> futures::future::BoxFuture<'static, T> {
        self(reader)
    }
}

impl FakeTemplates {
    /// Lets every template fail from now on.
    pub fn fail(&self, failure: Option<Failure>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// Lets whoever asks for a template wait.
    pub fn hold(&self, gate: Gate) {
        *self.gate.lock().unwrap_or_else(PoisonError::into_inner) = Some(gate);
    }
}

#[async_trait]
impl Templates for FakeTemplates {
    async fn ensure(&self, template: TemplateName, report: Report<'_>) -> Result<ReadyTemplate, Failure> {
        report("template", "ready");
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(gate) = gate {
            gate.pass().await;
        }
        if let Some(failure) = self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Err(failure);
        }
        Ok(ReadyTemplate {
            digest: format!("fake-{template}"),
            layers: Vec::new(),
            agent_version: "0.0.0-fake".to_owned(),
        })
    }

    fn version(&self, template: TemplateName) -> Option<String> {
        (template != TemplateName::Base).then(|| "0.0.0-fake".to_owned())
    }
}

/// A directory that is no repository, in a world.
#[must_use]
pub fn no_repository(world: &World) -> PathBuf {
    let path = world.path().join("no-repository");
    std::fs::create_dir_all(&path).expect("a directory");
    path
}
