//! The engine: use cases and the durable core.
//!
//! The binary and, later, the API call it; it calls the store, sandboxes, agents, the gateway and the forge, and nothing
//! else does. Invariants: every change of state is one transaction with its change-log entry; every effect outside is a
//! task whose repetition is harmless; `kill -9` between any two lines loses nothing and repeats nothing that counts.

pub mod access;
pub mod accounts;
pub mod agents;
pub mod api_keys;
pub mod audit;
pub mod clock;
mod deed;
pub mod error;
pub mod external;
pub mod idempotency;
pub mod invitations;
pub mod live;
pub mod mail;
pub mod members;
mod model_access;
pub mod projects;
pub mod provider_keys;
pub mod random;
pub mod records;
mod recovery;
pub mod retention;
pub mod runs;
pub mod sandboxes;
pub mod settings;
pub mod tasks;
pub mod templates;
pub mod variables;
pub mod vault;
pub mod workflows;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use codecourier_domain::id::BootId;
use codecourier_domain::time::Clock;
use codecourier_forge::Mirrors;
use codecourier_gateway::{Gateway, GatewayConfig, KeySource};
use codecourier_sandbox::Backend;
use codecourier_store::blobs::Blobs;
use codecourier_store::{Body, Store};

pub use accounts::{Accounts, AccountsConfig};
pub use error::{Error, ErrorCode};
pub use external::{External, ExternalConfig};
pub use recovery::Recovered;
pub use runs::Runs;

use accounts::AccountsState;
use agents::{AcpAgent, KnownModel};
use model_access::ModelAccess;
use provider_keys::ProjectKeys;
use runs::under_way::Workers;
use tasks::Tasks;
use templates::Templates;
use vault::rotate::RotationProgress;
use vault::{KeyRing, Vault};

/// How long an end in order waits for clients to be told of it.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long an end in order waits for files that are being deleted.
const SETTLING: Duration = Duration::from_secs(5);

/// What an engine is made of.
pub struct EngineConfig {
    /// Where rows are kept.
    pub store: Store,
    /// Where large bodies are kept.
    pub blobs: Blobs,
    /// What makes sandboxes.
    pub backend: Arc<dyn Backend>,
    /// Where templates come from.
    pub templates: Arc<dyn Templates>,
    /// Where repositories are kept.
    pub mirrors: Mirrors,
    /// The gateway's settings.
    pub gateway: GatewayConfig,
    /// Where model keys come from for projects that have none of their own.
    pub keys: Arc<dyn KeySource>,
    /// How the agent `acp` is started in projects that do not say it themselves.
    pub acp: Option<AcpAgent>,
    /// What seals the secrets in the store.
    pub vault: Vault,
    /// How people get in.
    pub accounts: AccountsConfig,
    /// The outside providers that vouch for people.
    pub external: ExternalConfig,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// A directory for files that live as long as an operation. Swept at the start by its owner.
    pub scratch: PathBuf,
    /// How many steps this process executes at once.
    pub work_places: usize,
    /// Which of the nodes on the database this is: the same at every start on one data directory, and no other's.
    pub node: String,
}

/// A running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
    stop: CancellationToken,
}

/// What everything in the engine shares.
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) templates: Arc<dyn Templates>,
    pub(crate) mirrors: Mirrors,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) model_access: ModelAccess,
    pub(crate) server_keys: Arc<dyn KeySource>,
    pub(crate) known_models: Vec<KnownModel>,
    pub(crate) acp: Option<AcpAgent>,
    pub(crate) vault: Vault,
    pub(crate) accounts: AccountsState,
    pub(crate) external: ExternalConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) live: runs::live::Live,
    pub(crate) hub: live::Hub,
    pub(crate) tasks: Tasks,
    pub(crate) workers: Workers,
    /// Told whenever a project was deleted.
    pub(crate) deleted: Notify,
    pub(crate) scratch: PathBuf,
    pub(crate) work_places: usize,
    pub(crate) boot: BootId,
    pub(crate) node: String,
    pub(crate) samples: OnceLock<Arc<dyn runs::sample::Samples>>,
}

impl Engine {
    /// Starts an engine: takes up what earlier starts left, and works until [`Engine::shut_down`]. The caller holds the
    /// lock of the data directory.
    pub async fn start(config: EngineConfig) -> Result<(Self, Recovered), Error> {
        let EngineConfig {
            store,
            blobs,
            backend,
            templates,
            mirrors,
            gateway,
            keys,
            acp,
            vault,
            accounts,
            external,
            clock,
            scratch,
            work_places,
            node,
        } = config;
        let now = clock.now();
        let boot = BootId::from_uuid(random::uuid_v7(now));
        let about = Body::of(&serde_json::json!({ "version": env!("CARGO_PKG_VERSION") }))?;
        let of = node.clone();
        store
            .write(move |tx| Box::pin(async move { tx.insert_boot(boot, &of, &about, now).await }))
            .await?;

        let stop = CancellationToken::new();
        let tasks = Tasks::default();
        let live = runs::live::Live::default();
        let measuring = (Arc::clone(&backend), Arc::clone(&clock));
        let hub = live::Hub::new(
            store.clone(),
            tasks.clone(),
            live.clone(),
            measuring,
            stop.child_token(),
        );
        let model_access = ModelAccess::new(store.clone(), Arc::clone(&clock), live.clone(), boot);
        let server_keys = Arc::clone(&keys);
        let known_models = agents::known_models(&gateway.prices);
        let keys = ProjectKeys {
            store: store.clone(),
            vault: vault.clone(),
            clock: Arc::clone(&clock),
            otherwise: keys,
        };
        let gateway = Gateway::new(
            gateway,
            Arc::new(keys),
            Arc::new(model_access.clone()),
            Arc::new(model_access.clone()),
            Arc::new(model_access.clone()),
        )
        .map_err(|error| Error::internal("Setting up the model gateway", error))?;
        let inner = Arc::new(Inner {
            store,
            blobs,
            backend,
            templates,
            mirrors,
            gateway: Arc::new(gateway),
            model_access,
            server_keys,
            known_models,
            acp,
            vault,
            accounts: AccountsState::new(accounts, stop.clone()),
            external,
            clock,
            live,
            hub,
            tasks,
            workers: Workers::default(),
            deleted: Notify::new(),
            scratch,
            work_places,
            boot,
            node,
            samples: OnceLock::new(),
        });
        let recovered = Self::recover(&inner).await?;
        Self::take_up_rotation(&inner, &stop).await?;
        inner
            .tasks
            .spawn("worker", runs::worker::run(Arc::clone(&inner), stop.clone()));
        inner
            .tasks
            .spawn("heartbeat", runs::worker::heartbeat(Arc::clone(&inner), stop.clone()));
        inner
            .tasks
            .spawn("retention", live::retention::run(Arc::clone(&inner), stop.clone()));
        inner
            .tasks
            .spawn("purge", projects::purge::run(Arc::clone(&inner), stop.clone()));
        inner
            .tasks
            .spawn("ended work", retention::run(Arc::clone(&inner), stop.clone()));
        inner
            .tasks
            .spawn("sweep of accounts", accounts::sweep(Arc::clone(&inner), stop.clone()));
        inner.tasks.spawn("mail", mail::run(Arc::clone(&inner), stop.clone()));
        inner
            .tasks
            .spawn("audit", audit::retention::run(Arc::clone(&inner), stop.clone()));
        inner.tasks.spawn(
            "invitations",
            invitations::expiry::run(Arc::clone(&inner), stop.clone()),
        );
        Ok((Self { inner, stop }, recovered))
    }

    /// The use cases of live updates.
    #[must_use]
    pub fn live(&self) -> live::Live {
        live::Live {
            engine: Arc::clone(&self.inner),
        }
    }

    /// The use cases of runs.
    #[must_use]
    pub fn runs(&self) -> Runs {
        Runs {
            engine: Arc::clone(&self.inner),
        }
    }

    /// Takes these master keys from now on, and seals every secret anew with the newest of them. Says after each batch
    /// how far it is, and stops when it is told to; what is left, the next start goes on with.
    pub async fn rotate_keys(
        &self,
        ring: KeyRing,
        tell: impl FnMut(RotationProgress) -> ControlFlow<()> + Send,
    ) -> Result<RotationProgress, Error> {
        self.inner.vault.replace_keys(ring);
        vault::rotate::rotate(&self.inner.store, &self.inner.vault, self.inner.clock.as_ref(), tell).await
    }

    /// Goes on with a rotation of the master keys that an earlier start began.
    async fn take_up_rotation(inner: &Arc<Inner>, stop: &CancellationToken) -> Result<(), Error> {
        vault::rotate::warn_of_unknown_keys(&inner.store, &inner.vault).await?;
        if vault::rotate::is_unfinished(&inner.store, &inner.vault).await? {
            let (engine, stop) = (Arc::clone(inner), stop.clone());
            inner.tasks.spawn("rotation", async move {
                let tell = |_| match stop.is_cancelled() {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                };
                let rotated = vault::rotate::rotate(&engine.store, &engine.vault, engine.clock.as_ref(), tell).await;
                if let Err(error) = rotated {
                    tracing::error!("the rotation of the master keys failed: {}", error::chain(&error));
                }
            });
        }
        Ok(())
    }

    /// Stops in order: lets go of every task, and closes the store. Agents go on in their sandboxes; the next start
    /// picks them up.
    pub async fn shut_down(self) {
        self.stop.cancel();
        self.inner.hub.empty(FAREWELL).await;
        self.inner.tasks.drain().await;
        self.inner.store.close().await;
        // What is not deleted by then, the next start goes on with.
        drop(tokio::time::timeout(SETTLING, self.inner.backend.settle()).await);
    }
}
