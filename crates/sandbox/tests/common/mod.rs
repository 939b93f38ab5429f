//! What the tests of real sandboxes share: a template, a backend in a fresh data directory, and the end that every test
//! must come to: nothing left.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use codecourier_domain::id::SandboxId;
use codecourier_domain::limits::SandboxLimits;
use codecourier_sandbox::ns::{Leftovers, NsBackend, NsConfig};
use codecourier_sandbox::templates::{NoProgress, TemplateStore, base_template};
use codecourier_sandbox::{Backend, Degraded, FileOwner, LayerRef, Network, Output, ProcessSpec, Sandbox, SandboxSpec};

/// More output than any test wants to see.
pub(crate) const OUTPUT: usize = 4 << 20;

/// The template's layers, built once per checkout.
pub(crate) async fn layers() -> Vec<LayerRef> {
    let shared = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/testdata"));
    let store = TemplateStore::open(shared).unwrap();
    store.ensure(&base_template(), &NoProgress).await.unwrap().layers
}

/// A data directory and its backend.
pub(crate) struct Bench {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) backend: NsBackend,
    pub(crate) layers: Vec<LayerRef>,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut NsConfig)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = NsConfig::new(directory.path());
        change(&mut config);
        Self {
            backend: NsBackend::open(config).unwrap(),
            directory,
            layers: layers().await,
        }
    }

    pub(crate) fn spec(&self, number: u8) -> SandboxSpec {
        spec(number, &self.layers)
    }

    pub(crate) async fn create(&self, number: u8) -> Arc<dyn Sandbox> {
        self.backend.create(self.spec(number)).await.unwrap()
    }

    /// Destroys everything that is left and proves that nothing is.
    pub(crate) async fn end(self) {
        for id in self.backend.list().await.unwrap() {
            let destroyed = self.backend.destroy(&id).await.unwrap();
            assert_eq!(destroyed.survivors, 0, "{id} left processes behind");
        }
        assert_nothing_left(&self.backend).await;
    }
}

/// Deleting and unmounting go on in the background; they must come to an end.
pub(crate) async fn assert_nothing_left(backend: &NsBackend) {
    let start = Instant::now();
    loop {
        let left = backend.leftovers();
        if left.is_empty() {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "left behind: {left:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn only_directories(left: Leftovers) -> Leftovers {
    Leftovers {
        directories: Vec::new(),
        ..left
    }
}

pub(crate) fn id(number: u8) -> SandboxId {
    format!(
        "sbx_01890000000070008000{:012x}",
        u64::from(number) + (u64::from(std::process::id()) << 8)
    )
    .parse()
    .unwrap()
}

pub(crate) fn spec(number: u8, layers: &[LayerRef]) -> SandboxSpec {
    SandboxSpec {
        id: id(number),
        layers: layers.to_vec(),
        limits: SandboxLimits::new(512, 2, 256, 512, 3_600).unwrap(),
        env: vec![("FROM_SPEC".to_owned(), "yes".to_owned())],
        hostname: "box".to_owned(),
        degraded: Degraded::Refuse,
        network: Network::GatewayOnly,
    }
}

/// Runs a line of shell as the ordinary user; the tag is derived from the line.
pub(crate) async fn shell(sandbox: &dyn Sandbox, line: &str) -> Output {
    shell_as(sandbox, FileOwner::User, line).await
}

pub(crate) async fn shell_as(sandbox: &dyn Sandbox, user: FileOwner, line: &str) -> Output {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let tag = format!(
        "shell-{}-{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    );
    let process = ProcessSpec {
        user,
        ..ProcessSpec::shell(tag, line)
    };
    tokio::time::timeout(Duration::from_secs(60), sandbox.run(process, OUTPUT))
        .await
        .unwrap()
        .unwrap()
}

/// Standard output of a line of shell that must succeed, trimmed.
pub(crate) async fn say(sandbox: &dyn Sandbox, line: &str) -> String {
    let output = shell(sandbox, line).await;
    assert!(
        output.exit.is_success(),
        "`{line}`: {:?} {}",
        output.exit,
        output.stderr_text()
    );
    output.stdout_text().trim().to_owned()
}

/// Everything a line of shell wrote, whatever became of it.
pub(crate) async fn words(sandbox: &dyn Sandbox, user: FileOwner, line: &str) -> String {
    let output = shell_as(sandbox, user, line).await;
    format!(
        "{}{}{:?}",
        output.stdout_text(),
        output.stderr_text(),
        output.exit.status
    )
}

/// Whether a process lives, by its pid on this host.
pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
