//! The result in the user's own repository.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use codecourier_forge::{CommitId, DeliveryChange, Error};

use crate::support::{RepositoryBuilder, Scene, sample};

/// A run with one commit on its branch.
async fn finished() -> (Scene, CommitId) {
    let scene = Scene::new().await;
    let project = scene.clone_into_sandbox().await;
    fs::write(
        project.path().join("src/three.rs"),
        "pub fn three() -> u32 {\n    3\n}\n",
    )
    .unwrap();
    scene.collect().await;
    let commit = scene.receive().await.unwrap().commit;
    (scene, commit)
}

fn bytes_of(directory: &Path, names: &[&str]) -> Vec<Option<Vec<u8>>> {
    names.iter().map(|name| fs::read(directory.join(name)).ok()).collect()
}

#[tokio::test]
async fn the_branch_appears_and_nothing_else_changes() {
    let (scene, commit) = finished().await;
    fs::write(scene.source.path().join("README.md"), "being edited\n").unwrap();
    fs::write(scene.source.path().join("staged.txt"), "staged\n").unwrap();
    scene.source.git(["add", "staged.txt"]);
    let watched = [
        ".git/HEAD",
        ".git/index",
        ".git/config",
        ".git/FETCH_HEAD",
        ".git/ORIG_HEAD",
        "README.md",
    ];
    let before = bytes_of(scene.source.path(), &watched);
    let status = scene.source.git(["status", "--porcelain"]);

    let delivered = scene
        .mirror
        .deliver_to_local(scene.source.path(), &scene.branch)
        .await
        .unwrap();

    assert_eq!(
        (delivered.commit, delivered.change),
        (commit.clone(), DeliveryChange::Created)
    );
    assert_eq!(scene.source.commit(&scene.branch.reference()), commit.as_str());
    assert_eq!(bytes_of(scene.source.path(), &watched), before);
    assert_eq!(scene.source.git(["status", "--porcelain"]), status);
    assert_eq!(
        scene
            .source
            .git(["for-each-ref", "--format=%(refname)"])
            .lines()
            .count(),
        2,
        "main and the run's branch"
    );
    scene.source.git(["fsck", "--strict"]);
    assert_eq!(delivered.instructions.len(), 2);
    assert!(
        delivered.instructions[1].ends_with(&format!("merge {}", scene.branch)),
        "{:?}",
        delivered.instructions
    );
}

#[tokio::test]
async fn delivering_again_is_harmless() {
    let (scene, commit) = finished().await;
    scene
        .mirror
        .deliver_to_local(scene.source.path(), &scene.branch)
        .await
        .unwrap();
    let again = scene
        .mirror
        .deliver_to_local(scene.source.path(), &scene.branch)
        .await
        .unwrap();
    assert_eq!((again.commit, again.change), (commit, DeliveryChange::AlreadyThere));
}

#[tokio::test]
async fn a_run_that_went_on_moves_its_branch_forward() {
    let (mut scene, first) = finished().await;
    scene
        .mirror
        .deliver_to_local(scene.source.path(), &scene.branch)
        .await
        .unwrap();
    scene.base = first.clone();
    fs::remove_dir_all(scene.sandbox()).unwrap();
    let project = scene.clone_into_sandbox().await;
    fs::write(project.path().join("more.txt"), "more\n").unwrap();
    scene.collect().await;
    let second = scene.receive().await.unwrap().commit;

    scene.source.git(["checkout", "--quiet", scene.branch.as_str()]);
    let outcome = scene.mirror.deliver_to_local(scene.source.path(), &scene.branch).await;
    assert!(
        matches!(outcome, Err(Error::DeliveryBranchCheckedOut { .. })),
        "{outcome:?}"
    );
    scene.source.git(["checkout", "--quiet", "main"]);
    let delivered = scene
        .mirror
        .deliver_to_local(scene.source.path(), &scene.branch)
        .await
        .unwrap();
    assert_eq!(
        (delivered.commit, delivered.change),
        (second, DeliveryChange::Advanced(first))
    );
}

#[tokio::test]
async fn a_branch_of_that_name_with_other_commits_is_left_alone() {
    let (scene, _) = finished().await;
    scene.source.git(["checkout", "--quiet", "-b", scene.branch.as_str()]);
    scene
        .source
        .git(["commit", "--quiet", "--allow-empty", "-m", "The user's own"]);
    let theirs = scene.source.commit("HEAD");
    scene.source.git(["checkout", "--quiet", "main"]);
    let error = scene
        .mirror
        .deliver_to_local(scene.source.path(), &scene.branch)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::DeliveryBranchTaken { .. }), "{error}");
    assert!(error.to_string().contains(scene.branch.as_str()), "{error}");
    assert_eq!(scene.source.commit(&scene.branch.reference()), theirs);
}

#[tokio::test]
async fn hooks_and_hostile_configuration_of_the_repository_do_not_run() {
    let (scene, _) = finished().await;
    let proof = scene.place.path().join("it-ran");
    let script = scene.place.path().join("payload.sh");
    fs::write(&script, format!("#!/bin/sh\ntouch '{}'\n", proof.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let hooks = scene.source.path().join(".husky");
    fs::create_dir_all(&hooks).unwrap();
    for hook in [
        "reference-transaction",
        "post-update",
        "update",
        "pre-receive",
        "post-receive",
        "pre-auto-gc",
    ] {
        fs::copy(&script, hooks.join(hook)).unwrap();
    }
    let payload = script.to_str().unwrap();
    for (key, value) in [
        ("core.hooksPath", ".husky"),
        ("core.fsmonitor", payload),
        ("core.alternateRefsCommand", payload),
        ("fetch.prune", "true"),
        ("fetch.pruneTags", "true"),
        ("fetch.writeCommitGraph", "true"),
        ("gc.auto", "1"),
    ] {
        scene.source.git(["config", key, value]);
    }
    scene.source.git(["-c", "core.hooksPath=/dev/null", "tag", "keep-me"]);
    scene
        .mirror
        .deliver_to_local(scene.source.path(), &scene.branch)
        .await
        .unwrap();
    assert!(!proof.exists(), "something of it ran");
    assert_eq!(scene.source.git(["tag"]), "keep-me");
}

#[tokio::test]
async fn into_a_bare_repository_a_linked_work_tree_and_a_path_with_spaces() {
    let (scene, commit) = finished().await;
    let bare = sample().build_bare(scene.place.path().join("bare.git"));
    let delivered = scene.mirror.deliver_to_local(bare.path(), &scene.branch).await.unwrap();
    assert_eq!(bare.commit(&scene.branch.reference()), commit.as_str());
    assert_eq!(delivered.instructions.len(), 1, "there is nothing to merge into");

    let linked = scene.place.path().join("linked tree's");
    scene
        .source
        .git(["worktree", "add", "--quiet", "-b", "mine", linked.to_str().unwrap()]);
    let delivered = scene.mirror.deliver_to_local(&linked, &scene.branch).await.unwrap();
    assert_eq!(scene.source.commit(&scene.branch.reference()), commit.as_str());
    assert!(
        delivered.instructions[1].contains("linked tree'\\''s'"),
        "{:?}",
        delivered.instructions
    );
}

#[tokio::test]
async fn into_a_repository_that_never_had_the_base() {
    let (scene, commit) = finished().await;
    let stranger = RepositoryBuilder::new()
        .file("x", "x")
        .commit("x")
        .build(scene.place.path().join("stranger"));
    scene
        .mirror
        .deliver_to_local(stranger.path(), &scene.branch)
        .await
        .unwrap();
    assert_eq!(stranger.commit(&scene.branch.reference()), commit.as_str());
    stranger.git(["fsck", "--strict"]);
}
