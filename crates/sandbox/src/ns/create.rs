//! Creation: write down what will be made, make it, start the shim, and wait for its word.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::backend::{NsBackend, Places, blocking};
use super::host::Host;
use super::launch::{Disk, Fallback, Ids, LaunchSpec, Launched, Layer, name};
use super::sandbox::NsSandbox;
use super::state::{Record, StateDirectory};
use super::{destroy, disk, groups, idrange, spawn};
use crate::{Degraded, Error, GATEWAY_PORT, Network, SandboxSpec};

/// How long a shim may take to say that it is ready. It takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a sandbox that is not alive. Remains of it are cleaned away first.
pub(super) async fn create(backend: &NsBackend, spec: SandboxSpec) -> Result<NsSandbox, Error> {
    let host = backend.host().await.clone();
    if spec.degraded == Degraded::Refuse && !host.degraded.is_empty() {
        return Err(Error::Degraded(host.degraded));
    }
    let id = spec.id;
    let places = backend.places.clone();
    let longest_life = backend.longest_life;
    let prepared = blocking(move || prepare(&places, &host, &spec, longest_life)).await;
    let result = match prepared {
        Ok(prepared) => launch(&backend.places, id, prepared).await,
        Err(error) => Err(error),
    };
    if result.is_err() {
        let places = backend.places.clone();
        // The error that is told is the first one.
        drop(blocking(move || destroy::destroy(&places, &id)).await);
    }
    result
}

struct Prepared {
    state: StateDirectory,
    record: Record,
    launch: Vec<u8>,
    log: std::fs::File,
}

fn prepare(
    places: &Places,
    host: &Host,
    spec: &SandboxSpec,
    longest_life: Option<Duration>,
) -> Result<Prepared, Error> {
    let state = places.state(&spec.id);
    if state.exists() {
        destroy::destroy(places, &spec.id)?;
    }
    if spec.layers.is_empty() {
        return Err(Error::create("read the layers", "a sandbox needs at least one layer"));
    }
    let layers = spec
        .layers
        .iter()
        .map(|layer| {
            Ok(Layer {
                rootfs: layer.rootfs(),
                id_base: layer.manifest()?.id_base,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;

    state.make()?;
    let log = state
        .lock()?
        .ok_or_else(|| Error::create("lock the sandbox", "another server is making it"))?;
    let ids = match host.ids.clone() {
        Some(ids) => ids,
        None => Ids::Mapped {
            base: idrange::take(&places.ids, &spec.id)?,
        },
    };
    let disk = match host.no_images {
        None => Disk::Image,
        Some(_) => Disk::Directory {
            limit_bytes: u64::from(spec.limits.disk_mb()) << 20,
        },
    };
    let groups = groups::planned(&host.groups.hierarchies, &places.group_name(&spec.id));
    let record = Record {
        ids,
        groups,
        disk,
        degraded: host.degraded.clone(),
    };
    state.write_record(&record)?;
    groups::make(&record.groups, &spec.limits)?;
    disk::prepare(&state, &places.images, &record.disk, spec.limits.disk_mb())?;

    let launch = launch_spec(&state, host, spec, &record, layers, longest_life);
    let launch = serde_json::to_vec(&launch).map_err(|error| Error::create("write the launch spec", error))?;
    Ok(Prepared {
        state,
        record,
        launch,
        log,
    })
}

fn launch_spec(
    state: &StateDirectory,
    host: &Host,
    spec: &SandboxSpec,
    record: &Record,
    layers: Vec<Layer>,
    longest_life: Option<Duration>,
) -> LaunchSpec {
    let asked = Duration::from_secs(u64::from(spec.limits.timeout_seconds()));
    let life = longest_life.map_or(asked, |longest| longest.min(asked));
    let missing = |controller: &str| host.groups.missing.iter().any(|(name, _)| *name == controller);
    let cpu_offset = match record.ids {
        Ids::Mapped { base } => idrange::number(base),
        Ids::Delegated { .. } | Ids::Single => {
            // Any number that differs between sandboxes will do.
            std::fs::metadata(&state.path)
                .map(|metadata| u32::try_from(metadata.ino() % 4_096).unwrap_or(0))
                .unwrap_or(0)
        }
    };
    LaunchSpec {
        state: state.path.clone(),
        hostname: spec.hostname.clone(),
        ids: record.ids.clone(),
        layers,
        disk: record.disk.clone(),
        groups: record.groups.clone(),
        environment: spec.env.clone(),
        gateway_port: match spec.network {
            Network::GatewayOnly => Some(GATEWAY_PORT),
            Network::Offline => None,
        },
        life_ms: u64::try_from(life.as_millis()).unwrap_or(u64::MAX),
        memory_mb: spec.limits.memory_mb(),
        cpus: spec.limits.cpus(),
        cpu_offset,
        fallback: Fallback {
            data_bytes: missing("memory").then(|| u64::from(spec.limits.memory_mb()) << 20),
            processes: missing("pids").then(|| u64::from(spec.limits.processes())),
        },
    }
}

async fn launch(
    places: &Places,
    id: codecourier_domain::id::SandboxId,
    prepared: Prepared,
) -> Result<NsSandbox, Error> {
    let Prepared {
        state,
        record,
        launch,
        log,
    } = prepared;
    let label = id.to_string();
    let mut shim = spawn::shim(&[&places.mark, &label], log).map_err(|error| Error::create("start the shim", error))?;
    let (stdin, stdout) = (shim.stdin.take(), shim.stdout.take());
    let said = tokio::time::timeout(PATIENCE, async {
        if let Some(mut stdin) = stdin {
            stdin.write_all(&launch).await?;
            stdin.shutdown().await?;
        }
        let mut said = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(64 << 10).read_to_end(&mut said).await?;
        }
        Ok::<_, std::io::Error>(said)
    })
    .await;
    let said = match said {
        Ok(Ok(said)) => said,
        Ok(Err(error)) => return Err(Error::create("talk to the shim", error)),
        Err(_) => {
            return Err(Error::create(
                "wait for the shim",
                format!("silent for {} s", PATIENCE.as_secs()),
            ));
        }
    };
    match serde_json::from_slice(&said) {
        Ok(Launched::Ready { .. }) => NsSandbox::new(state, id, record),
        Ok(Launched::Failed { step, message }) => Err(Error::create(step, message)),
        Err(_) => {
            let read = |file| std::fs::read_to_string(state.path.join(file)).unwrap_or_default();
            let log = read(name::LOG) + &read(name::COMPLAINTS);
            Err(Error::create(
                "wait for the shim",
                format!("it ended without a word. {}", log.trim()),
            ))
        }
    }
}
