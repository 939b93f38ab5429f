//! What the tests of templates share.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use codecourier_sandbox::templates::{
    AgentCli, Extent, NpmPackage, Progress, Stage, Template, TemplateSpec, TemplateStore, base_template,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha512};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// Writes down what a build says.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) stages: Mutex<Vec<Stage>>,
    /// Told of each stage, when somebody waits for one.
    pub(crate) tell: Option<mpsc::UnboundedSender<Stage>>,
}

impl Heard {
    pub(crate) fn stages(&self) -> Vec<Stage> {
        self.stages.lock().unwrap().clone()
    }
}

impl Progress for Heard {
    fn stage(&self, stage: Stage, _detail: &str) {
        self.stages.lock().unwrap().push(stage);
        if let Some(tell) = &self.tell {
            let _ = tell.send(stage);
        }
    }
    fn advance(&self, _stage: Stage, _done: u64, _total: u64) {}
    fn line(&self, _line: &str) {}
    fn done(&self, _layer: &str, _built: Option<Duration>) {}
}

pub(crate) fn shared_store() -> TemplateStore {
    TemplateStore::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/testdata")).unwrap()
}

/// A store of its own that has the shared base.
pub(crate) async fn store_with_base() -> (TempDir, TemplateStore) {
    let base = shared_store()
        .ensure(&base_template(), &Heard::default())
        .await
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let store = TemplateStore::open(directory.path()).unwrap();
    symlink(
        &base.layers[0].path,
        directory.path().join("layers").join(base.digest.as_str()),
    )
    .unwrap();
    (directory, store)
}

/// A package that `npm pack` finds without a registry, since its name is a path: its only file is the program `tool`.
pub(crate) fn local_package(directory: &Path, version: &str, program: &str) -> NpmPackage {
    let path = directory.join(format!("tool@{version}.tgz"));
    let mut archive = tar::Builder::new(GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast()));
    let manifest = format!(r#"{{"name":"tool","version":"{version}"}}"#);
    for (name, text, mode) in [
        ("package/package.json", manifest.as_str(), 0o644),
        ("package/tool", program, 0o755),
    ] {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(mode);
        archive.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
    let integrity = format!("sha512-{}", STANDARD.encode(Sha512::digest(fs::read(&path).unwrap())));
    NpmPackage {
        name: directory.join("tool").display().to_string(),
        version: format!("{version}.tgz"),
        integrity,
    }
}

pub(crate) fn with_tool(package: NpmPackage) -> TemplateSpec {
    TemplateSpec {
        name: "tool".to_owned(),
        agent_cli: Some(AgentCli {
            command: "tool".to_owned(),
            package,
            program: "tool".to_owned(),
            extent: Extent::Program,
            says_version: None,
        }),
        ..base_template()
    }
}

/// A program that says the version of [`local_package`].
pub(crate) const GOOD: &str = "#!/bin/sh\necho 1.0.0.tgz\n";

pub(crate) fn program_in(template: &Template) -> PathBuf {
    template.layers.last().unwrap().rootfs().join("usr/local/bin/tool")
}

/// What is in the store's directory beside the base.
pub(crate) fn left_in(directory: &Path) -> Vec<String> {
    let base = base_template().digest();
    let mut names: Vec<String> = fs::read_dir(directory.join("layers"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != base.as_str() && name != ".locks" && name != ".logs")
        .collect();
    names.sort();
    names
}
