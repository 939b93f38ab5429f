//! The layer of a setup script: made in a real sandbox.

use codecourier_domain::id::SandboxId;
use codecourier_domain::limits::SandboxLimits;
use codecourier_sandbox::ns::{NsBackend, NsConfig};
use codecourier_sandbox::templates::{Error, SetupSandbox, SetupScript, Stage, TemplateSpec, base_template};
use codecourier_sandbox::{Backend, Degraded, Network, ProcessSpec, SandboxSpec};

use crate::support::{Heard, left_in, store_with_base};

fn with_script(script: &str) -> TemplateSpec {
    TemplateSpec {
        setup_script: Some(SetupScript {
            script: script.to_owned(),
        }),
        ..base_template()
    }
}

fn in_sandboxes_of(backend: &NsBackend) -> SetupSandbox<'_> {
    SetupSandbox {
        backend,
        degraded: Degraded::Refuse,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_script_wrote_is_in_every_sandbox_of_the_template() {
    let (directory, store) = store_with_base().await;
    let backend = NsBackend::open(NsConfig::new(directory.path())).unwrap();
    let spec = with_script(
        "id -un\ncat > /usr/local/bin/greet <<'END'\n#!/bin/sh\necho hello\nEND\nchmod 755 /usr/local/bin/greet\nrm /etc/debian_version",
    );
    let template = store
        .ensure_with_setup(&spec, in_sandboxes_of(&backend), &Heard::default())
        .await
        .unwrap();

    let log = std::fs::read_to_string(&template.log_path).unwrap();
    assert!(log.contains("\nroot\n"), "it runs as root of the sandbox: {log}");
    assert_eq!(backend.list().await.unwrap(), [], "the sandbox it ran in is gone");

    let id: SandboxId = "sbx_01890000000070008000000000000001".parse().unwrap();
    let sandbox = backend
        .create(SandboxSpec {
            id,
            layers: template.layers,
            limits: SandboxLimits::DEFAULT,
            env: Vec::new(),
            hostname: "box".to_owned(),
            degraded: Degraded::Refuse,
            network: Network::Offline,
        })
        .await
        .unwrap();
    let said = sandbox
        .run(ProcessSpec::shell("greet", "greet; ls /etc/debian_version"), 4096)
        .await
        .unwrap();
    assert_eq!(said.stdout_text(), "hello\n");
    assert!(
        said.stderr_text().contains("No such file"),
        "what it deleted is gone: {}",
        said.stderr_text()
    );
    assert_eq!(backend.destroy(&id).await.unwrap().survivors, 0);

    let again = Heard::default();
    store.ensure(&spec, &again).await.unwrap();
    assert_eq!(again.stages(), [], "and it ran once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_fails_leaves_its_words_and_nothing_else() {
    let (directory, store) = store_with_base().await;
    let backend = NsBackend::open(NsConfig::new(directory.path())).unwrap();
    let spec = with_script("echo before\necho the reason >&2\nfalse\necho not reached");
    let ended = store
        .ensure_with_setup(&spec, in_sandboxes_of(&backend), &Heard::default())
        .await;

    let Err(Error::Build(failure)) = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(failure.stage, Stage::SetupScript);
    assert_eq!(failure.tail[..2], ["before", "the reason"]);
    assert!(!failure.tail.iter().any(|line| line == "not reached"));
    assert_eq!(backend.list().await.unwrap(), []);
    assert!(
        left_in(directory.path())
            .iter()
            .all(|name| !name.contains(spec.digest().as_str()))
    );
}

#[tokio::test]
async fn without_a_sandbox_the_script_does_not_run() {
    let (_directory, store) = store_with_base().await;
    let ended = store.ensure(&with_script("true"), &Heard::default()).await;
    assert!(matches!(ended, Err(Error::SetupScriptWithoutBackend)), "{ended:?}");
}
