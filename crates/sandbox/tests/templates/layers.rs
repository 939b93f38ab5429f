//! Layers: built once, by one, complete or not at all.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use codecourier_sandbox::templates::{
    CLAUDE_CODE_VERSION, CODEX_VERSION, Error, FailureCause, LayerProblem, NODE_VERSION, OPENCODE_VERSION, PI_VERSION,
    Stage, TemplateStore, base_template, claude_template, codex_template, opencode_template, pi_template,
};
use tokio::sync::mpsc;

use crate::support::{GOOD, Heard, left_in, local_package, program_in, shared_store, store_with_base, with_tool};

#[tokio::test]
async fn the_claude_template_has_the_pinned_programs_and_the_user() {
    let store = shared_store();
    let template = store.ensure(&claude_template(), &Heard::default()).await.unwrap();

    assert_eq!(template.layers.len(), 3);
    assert_eq!(template.versions["claude"], CLAUDE_CODE_VERSION);
    assert_eq!(template.versions["node"], NODE_VERSION);
    assert!(template.versions["debian"].starts_with("12"));
    assert!(template.versions.contains_key("git"));
    let [base, node, cli] = [0, 1, 2].map(|index| template.layers[index].rootfs());
    for program in [node.join("usr/local/bin/node"), cli.join("usr/local/bin/claude")] {
        assert_eq!(
            fs::metadata(&program).unwrap().permissions().mode() & 0o7777,
            0o755,
            "{}",
            program.display()
        );
    }
    assert!(node.join("usr/local/bin/npm").exists());
    let users = fs::read_to_string(base.join("etc/passwd")).unwrap();
    assert!(users.contains("user:x:1000:1000::/home/user:/bin/bash"), "{users}");
    assert!(base.join("home/user").is_dir());

    let again = Heard::default();
    assert_eq!(store.ensure(&claude_template(), &again).await.unwrap(), template);
    assert_eq!(again.stages(), [], "what is there is not built again");
    assert_eq!(store.find(&claude_template()).unwrap(), Some(template));
}

#[tokio::test]
async fn every_agents_template_has_its_pinned_program() {
    let store = shared_store();
    for (spec, version) in [
        (codex_template(), CODEX_VERSION),
        (opencode_template(), OPENCODE_VERSION),
        (pi_template(), PI_VERSION),
    ] {
        let template = store.ensure(&spec, &Heard::default()).await.unwrap();
        assert_eq!(template.versions[&spec.name], version);
        let program = template.layers[2].rootfs().join("usr/local/bin").join(&spec.name);
        assert_eq!(
            fs::metadata(&program).unwrap().permissions().mode() & 0o7777,
            0o755,
            "{}",
            spec.name
        );
    }
}

#[tokio::test]
async fn nothing_of_this_host_is_left_in_the_base() {
    let template = shared_store()
        .ensure(&base_template(), &Heard::default())
        .await
        .unwrap();
    let rootfs = template.layers[0].rootfs();
    let read = |path: &str| fs::read_to_string(rootfs.join(path)).unwrap();
    assert_eq!(read("etc/hostname"), "sandbox\n");
    assert_eq!(read("etc/resolv.conf"), "nameserver 127.0.0.1\n");
    assert!(read("etc/apt/sources.list.d/debian.sources").contains("URIs: http://deb.debian.org/debian\n"));
    assert!(!rootfs.join("etc/apt/sources.list").exists());
    let apt = fs::read_dir(rootfs.join("etc/apt/apt.conf.d")).unwrap();
    let apt: Vec<String> = apt
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!apt.contains(&"99mmdebstrap".to_owned()), "{apt:?}");
    for directory in ["usr/share/man", "usr/share/doc", "usr/share/locale"] {
        let pages = walk(&rootfs.join(directory)).into_iter().filter(|path| path.is_file());
        assert!(pages.count() < 20, "{directory} was to be left out");
    }
}

fn walk(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() && !path.is_symlink() {
                walk(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[tokio::test]
async fn an_agent_cli_becomes_a_layer_of_its_own() {
    let (directory, store) = store_with_base().await;
    let spec = with_tool(local_package(directory.path(), "1.0.0", GOOD));
    assert_eq!(store.find(&spec).unwrap(), None);

    let template = store.ensure(&spec, &Heard::default()).await.unwrap();

    assert_eq!(fs::read_to_string(program_in(&template)).unwrap(), GOOD);
    assert_eq!(left_in(directory.path()), [template.digest.as_str()]);
    let log = fs::read_to_string(&template.log_path).unwrap();
    assert!(log.contains("checking the version: tool"), "{log}");
    let layer = store.layer(&template.digest).unwrap().unwrap();
    assert_eq!(layer.description, "tool 1.0.0.tgz");
    assert_eq!(layer.parents, [base_template().digest()]);
    assert!(layer.built_at.milliseconds() > 1_700_000_000_000);
    assert_eq!(layer.reference().manifest().unwrap().id_base, 0);
}

#[tokio::test]
async fn a_program_of_another_version_is_not_kept() {
    let (directory, store) = store_with_base().await;
    let spec = with_tool(local_package(directory.path(), "1.0.0", "#!/bin/sh\necho 0.9.0\n"));
    let error = store.ensure(&spec, &Heard::default()).await.unwrap_err();

    let Error::Version { actual, log, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(actual, "0.9.0");
    assert!(
        fs::read_to_string(log).unwrap().contains("0.9.0"),
        "the log of a failed build is kept"
    );
    assert_eq!(left_in(directory.path()), [""; 0]);
    assert_eq!(store.find(&spec).unwrap(), None);
}

#[tokio::test]
async fn a_program_that_reaches_for_the_network_finds_none() {
    let (directory, store) = store_with_base().await;
    let program = "#!/bin/sh\n[ \"$(ls /sys/class/net 2>/dev/null)\" = '' ] && \
                   ! grep -q eth /proc/net/dev && [ \"$(id -u)\" = 1000 ] && ! touch /usr/x 2>/dev/null && echo 1.0.0.tgz\n";
    let spec = with_tool(local_package(directory.path(), "1.0.0", program));
    store.ensure(&spec, &Heard::default()).await.unwrap();
}

#[tokio::test]
async fn a_download_without_the_pinned_checksum_is_not_unpacked() {
    let (directory, store) = store_with_base().await;
    let mut package = local_package(directory.path(), "1.0.0", GOOD);
    package.integrity = format!("sha512-{}", STANDARD.encode([7; 64]));
    let error = store.ensure(&with_tool(package), &Heard::default()).await.unwrap_err();
    assert!(matches!(error, Error::Integrity { .. }), "{error}");
    assert_eq!(left_in(directory.path()), [""; 0]);
}

#[tokio::test]
async fn a_failed_download_says_the_stage_the_cause_and_where_the_log_is() {
    let (directory, store) = store_with_base().await;
    let package = local_package(directory.path(), "1.0.0", GOOD);
    fs::remove_file(directory.path().join("tool@1.0.0.tgz")).unwrap();
    let error = store.ensure(&with_tool(package), &Heard::default()).await.unwrap_err();
    let Error::Build(failure) = &error else {
        panic!("{error}")
    };
    assert_eq!(failure.stage, Stage::DownloadingNpm);
    assert_eq!(failure.cause, FailureCause::Other);
    assert!(
        failure.tail.iter().any(|line| line.contains("ENOENT")),
        "{:?}",
        failure.tail
    );
    assert!(fs::read_to_string(&failure.log).unwrap().contains("ENOENT"));
    assert_eq!(left_in(directory.path()), [""; 0]);
}

#[tokio::test]
async fn of_two_at_once_one_builds_and_both_get_it() {
    let (directory, store) = store_with_base().await;
    let spec = with_tool(local_package(directory.path(), "1.0.0", GOOD));
    let other = TemplateStore::open(directory.path()).unwrap();
    let (heard, overheard) = (Heard::default(), Heard::default());

    let (one, two) = tokio::join!(store.ensure(&spec, &heard), other.ensure(&spec, &overheard));

    assert_eq!(one.unwrap(), two.unwrap());
    let stages = [heard.stages(), overheard.stages()].concat();
    let downloads = stages.iter().filter(|stage| **stage == Stage::DownloadingNpm).count();
    let waits = stages
        .iter()
        .filter(|stage| **stage == Stage::WaitingForOtherBuild)
        .count();
    assert_eq!((downloads, waits), (1, 1));
}

#[tokio::test]
async fn an_abandoned_build_leaves_nothing_in_the_next_one() {
    let (directory, store) = store_with_base().await;
    // The program waits to be killed: its version check can end in no other way.
    let stuck = "#!/bin/sh\nexec sleep 1000\n";
    let spec = with_tool(local_package(directory.path(), "1.0.0", stuck));
    let (tell, mut told) = mpsc::unbounded_channel();
    let heard = Heard {
        tell: Some(tell),
        ..Heard::default()
    };
    {
        let build = store.ensure(&spec, &heard);
        tokio::pin!(build);
        loop {
            tokio::select! {
                _ = &mut build => panic!("it can't end"),
                stage = told.recv() => if stage == Some(Stage::CheckingVersion) { break },
            }
        }
    }
    assert_eq!(
        left_in(directory.path()).len(),
        1,
        "the half-built layer, under another name"
    );
    assert_eq!(store.find(&spec).unwrap(), None);

    // Waits for the lock, which is free once the killed programs are gone.
    let good = with_tool(local_package(directory.path(), "1.0.0", GOOD));
    assert_ne!(spec.digest(), good.digest());
    store.ensure(&good, &Heard::default()).await.unwrap();
    let swept = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let swept = store.sweep_unused(&BTreeSet::from([good.digest()])).await.unwrap();
            if !swept.remains.is_empty() {
                return swept;
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(swept.await.unwrap().remains.len(), 1);
    assert_eq!(left_in(directory.path()), [good.digest().as_str()]);
}

#[tokio::test]
async fn what_a_killed_build_left_is_not_part_of_the_next() {
    let (directory, store) = store_with_base().await;
    let spec = with_tool(local_package(directory.path(), "1.0.0", GOOD));
    let remains = directory.path().join(format!("layers/.building-{}", spec.digest()));
    fs::create_dir_all(remains.join("rootfs/etc")).unwrap();
    fs::write(remains.join("rootfs/etc/evil"), "").unwrap();

    let template = store.ensure(&spec, &Heard::default()).await.unwrap();
    assert!(!template.layers[1].rootfs().join("etc/evil").exists());
    assert_eq!(left_in(directory.path()), [template.digest.as_str()]);
}

#[tokio::test]
async fn sweeping_keeps_what_is_named_and_what_it_stands_on() {
    let (directory, store) = store_with_base().await;
    let spec = with_tool(local_package(directory.path(), "1.0.0", GOOD));
    let template = store.ensure(&spec, &Heard::default()).await.unwrap();

    let swept = store
        .sweep_unused(&BTreeSet::from([template.digest.clone()]))
        .await
        .unwrap();
    assert_eq!(swept.layers, []);
    assert_eq!(store.list().unwrap().len(), 2);

    let swept = store
        .sweep_unused(&BTreeSet::from([base_template().digest()]))
        .await
        .unwrap();
    assert_eq!(swept.layers, [template.digest]);
    assert!(swept.freed > 0);
    assert_eq!(left_in(directory.path()), [""; 0]);
    assert_eq!(store.find(&spec).unwrap(), None);
}

#[tokio::test]
async fn a_layer_that_was_changed_is_found() {
    let (directory, store) = store_with_base().await;
    let spec = with_tool(local_package(directory.path(), "1.0.0", GOOD));
    let template = store.ensure(&spec, &Heard::default()).await.unwrap();
    assert_eq!(store.verify().await.unwrap(), []);

    fs::write(program_in(&template), "#!/bin/sh\nrm -rf /\n").unwrap();
    let problems = store.verify().await.unwrap();
    assert!(matches!(&problems[..], [(digest, LayerProblem::Changed { .. })] if *digest == template.digest));

    fs::write(template.layers[1].path.join("manifest.json"), "{").unwrap();
    let problems = store.verify().await.unwrap();
    assert!(
        matches!(&problems[..], [(_, LayerProblem::Manifest(_))]),
        "{problems:?}"
    );
    assert!(matches!(
        store.ensure(&spec, &Heard::default()).await,
        Err(Error::Damaged { .. })
    ));
    drop(directory);
}
