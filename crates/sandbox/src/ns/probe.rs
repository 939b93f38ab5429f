//! What this tier can do here, found out by doing: the decisive check makes a sandbox and looks at it.

use std::fs;
use std::time::{Duration, Instant};

use codecourier_domain::id::SandboxId;
use codecourier_domain::limits::SandboxLimits;

use super::backend::{NsBackend, NsConfig, Places};
use super::host::Host;
use crate::{
    Backend, Check, CheckState, Degraded, Error, LayerManifest, LayerRef, Network, SandboxSpec, Support, Tier,
};

const CONTAINER_RECIPE: &str = "in a container: start it with --security-opt seccomp=unconfined --security-opt \
    systempaths=unconfined (and apparmor=unconfined where AppArmor is on), with the data directory on a volume; \
    on Ubuntu 24.04 and later: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run as root";

/// Tries everything.
pub(super) async fn probe(places: &Places, host: &Host) -> Support {
    let mut checks = vec![make_one(places).await];
    let available = matches!(checks[0].state, CheckState::Works { .. });
    for controller in super::hierarchy::WANTED {
        let missing = host.groups.missing.iter().find(|(name, _)| name == controller);
        let state = match missing {
            Some((_, why)) => CheckState::Degraded {
                why: why.clone(),
                remedy: "run as root, or give the server a delegated control group (systemd: Delegate=yes)".to_owned(),
            },
            None => CheckState::Works {
                detail: where_is(host, controller),
            },
        };
        checks.push(Check {
            name: format!("control group: {controller}"),
            state,
        });
    }
    checks.push(Check {
        name: "disk limit".to_owned(),
        state: match &host.no_images {
            None => CheckState::Works {
                detail: "a file system per sandbox: writes above the limit fail".to_owned(),
            },
            Some(why) => CheckState::Degraded {
                why: why.clone(),
                remedy: "run as root, with loop devices and mkfs.ext4 (e2fsprogs)".to_owned(),
            },
        },
    });
    checks.push(Check {
        name: "user ids".to_owned(),
        state: match host.ids {
            None => CheckState::Works {
                detail: "a range of 65,536 per sandbox".to_owned(),
            },
            Some(super::launch::Ids::Single) => CheckState::Degraded {
                why: "one user id only".to_owned(),
                remedy: "install uidmap and add 65,536 ids for this user to /etc/subuid and /etc/subgid".to_owned(),
            },
            Some(_) => CheckState::Works {
                detail: "the ranges of /etc/subuid and /etc/subgid".to_owned(),
            },
        },
    });
    Support {
        tier: Tier::Ns,
        available,
        checks,
        degraded: host.degraded.clone(),
    }
}

fn where_is(host: &Host, controller: &str) -> String {
    let owns = |names: &[String]| names.iter().any(|name| name == controller);
    let hierarchy = host
        .groups
        .hierarchies
        .iter()
        .find(|hierarchy| owns(&hierarchy.controllers));
    hierarchy
        .map(|hierarchy| format!("{:?} in {}", hierarchy.version, hierarchy.parent.display()))
        .unwrap_or_default()
}

/// A sandbox on an empty layer: namespaces, overlay, mounts, capabilities and filter, all at once and for real.
async fn make_one(places: &Places) -> Check {
    let start = Instant::now();
    let state = match try_one(places).await {
        Ok(()) => {
            let detail = format!("made and destroyed one in {} ms", start.elapsed().as_millis());
            CheckState::Works { detail }
        }
        Err(error) => CheckState::Missing {
            why: error.to_string(),
            remedy: CONTAINER_RECIPE.to_owned(),
        },
    };
    Check {
        name: "make a sandbox".to_owned(),
        state,
    }
}

async fn try_one(places: &Places) -> Result<(), Error> {
    let scratch = tempfile::Builder::new()
        .prefix("probe-")
        .tempdir_in(&places.data)
        .map_err(|error| Error::host("make", &places.data, error))?;
    let layer = scratch.path().join("layer");
    let rootfs = layer.join("rootfs");
    fs::create_dir_all(&rootfs).map_err(|error| Error::host("make", &rootfs, error))?;
    let manifest = LayerManifest {
        id_base: 0,
        description: "nothing".to_owned(),
        more: serde_json::Map::default(),
    };
    manifest.write(&layer)?;
    // In its own data directory, so that nobody lists it.
    let backend = NsBackend::open(NsConfig {
        longest_life: Some(Duration::from_secs(60)),
        ..NsConfig::new(scratch.path().join("data"))
    })?;
    let limits = SandboxLimits::new(256, 1, 64, 64, 60).map_err(|error| Error::create("probe", error))?;
    // The data directory is its own, so any identifier will do.
    let id: SandboxId = "sbx_00000000000070008000000000000001"
        .parse()
        .map_err(|error| Error::create("probe", error))?;
    let spec = SandboxSpec {
        id,
        layers: vec![LayerRef {
            digest: "probe".to_owned(),
            path: layer,
        }],
        limits,
        env: Vec::new(),
        hostname: "probe".to_owned(),
        degraded: Degraded::Allow,
        network: Network::GatewayOnly,
    };
    let made = backend.create(spec).await.map(drop);
    let destroyed = backend.destroy(&id).await.map(drop);
    // Its files are deleted in the background, and the directory they are in is about to go.
    let start = Instant::now();
    while !backend.leftovers().is_empty() && start.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    made.and(destroyed)
}
