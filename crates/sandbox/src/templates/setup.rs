//! Builds the layer of a setup script. The script is the template owner's, not ours, so it runs in a sandbox, and what
//! it wrote there becomes the layer.

use std::fs;

use codecourier_domain::id::SandboxId;
use codecourier_domain::limits::SandboxLimits;
use futures::StreamExt;

use super::build::{Build, Versions};
use super::digest::LayerDigest;
use super::error::Error;
use super::manifest::Layer;
use super::progress::Stage;
use super::spawn::Lines;
use super::spec::SetupScript;
use crate::{
    Backend, Degraded, FileOwner, JournalStream, LayerManifest, LayerRef, Network, ProcessSpec, Sandbox, SandboxSpec,
};

/// Where setup scripts run.
#[derive(Clone, Copy)]
pub struct SetupSandbox<'a> {
    /// The backend that makes the sandbox.
    pub backend: &'a dyn Backend,
    /// Whether a sandbox with fewer guarantees will do.
    pub degraded: Degraded,
}

/// The script's name among the sandbox's processes.
const TAG: &str = "setup-script";

pub(super) async fn build(build: &mut Build<'_>, script: &SetupScript) -> Result<Versions, Error> {
    let Some(place) = build.wish.setup else {
        return Err(Error::SetupScriptWithoutBackend);
    };
    let failed = |error: crate::Error| Error::SetupScriptSandbox(Box::new(error));
    build.stage(Stage::SetupScript, "in a sandbox");
    let id = sandbox_of(build.wish.digest)?;
    // A killed build may have left it, with half of the script's work in it.
    place.backend.destroy(&id).await.map_err(failed)?;
    let spec = SandboxSpec {
        id,
        layers: build.wish.below.iter().map(Layer::reference).collect(),
        limits: SandboxLimits::DEFAULT,
        env: Vec::new(),
        hostname: "setup".to_owned(),
        degraded: place.degraded,
        network: Network::Offline,
    };
    let sandbox = place.backend.create(spec).await.map_err(failed)?;
    let result = run(build, sandbox.as_ref(), script).await;
    place.backend.destroy(&id).await.map_err(failed)?;
    result.map(|()| Versions::new())
}

async fn run(build: &mut Build<'_>, sandbox: &dyn Sandbox, script: &SetupScript) -> Result<(), Error> {
    let failed = |error: crate::Error| Error::SetupScriptSandbox(Box::new(error));
    // One stream, so that the log has the order in which things were said.
    let line = format!("exec 2>&1\n{}", script.script);
    let mut process = ProcessSpec::new(TAG, "/bin/bash", ["-e".to_owned(), "-c".to_owned(), line]);
    process.user = FileOwner::Root;
    process.cwd = Some("/root".to_owned());
    sandbox.start(process).await.map_err(failed)?;
    let mut output = sandbox.journal(TAG, JournalStream::Stdout, 0).await.map_err(failed)?;
    let mut lines = Lines::default();
    while let Some(bytes) = output.next().await {
        lines.push(&bytes.map_err(failed)?, &mut |line| build.line(line));
    }
    lines.finish(&mut |line| build.line(line));
    let exit = sandbox.wait(TAG).await.map_err(failed)?;
    if !exit.is_success() {
        build.line(&format!("the setup script ended with {:?}", exit.status));
        return Err(build.failure(Stage::SetupScript, "in a sandbox"));
    }
    let directory = build.directory.join("snapshot");
    let layer = sandbox.snapshot(&directory).await.map_err(failed)?;
    take(build, &layer)?;
    fs::remove_dir_all(&directory).map_err(|error| Error::host("delete", &directory, error))
}

/// Moves the snapshot's tree to where this build's tree belongs.
fn take(build: &mut Build<'_>, layer: &LayerRef) -> Result<(), Error> {
    let manifest = LayerManifest::read(&layer.path).map_err(|error| Error::SetupScriptSandbox(Box::new(error)))?;
    build.id_base = manifest.id_base;
    let rootfs = build.rootfs();
    fs::remove_dir(&rootfs).map_err(|error| Error::host("delete", &rootfs, error))?;
    fs::rename(layer.rootfs(), &rootfs).map_err(|error| Error::host("move", &rootfs, error))
}

/// The sandbox of a layer's setup script: always the same, so that what a killed build left is found again.
fn sandbox_of(digest: &LayerDigest) -> Result<SandboxId, Error> {
    let text = format!("{}_{}", SandboxId::PREFIX, &digest.as_str()[..32]);
    text.parse()
        .map_err(|error| Error::host("name", "the sandbox of a setup script", std::io::Error::other(error)))
}
