//! Bundles that are refused for what they are: their head, their pack, their size, their history.

use std::os::unix::fs::symlink;

use codecourier_forge::{CommitId, Error, HeaderProblem, HistoryPolicy, ObjectFormat, Refusal};

use crate::support::{Forgery, RepositoryBuilder, Scene, sample};

async fn scene() -> (Scene, Forgery) {
    let scene = Scene::new().await;
    let forgery = Forgery::new(&scene);
    (scene, forgery)
}

fn a_commit(forgery: &Forgery) -> String {
    let blob = forgery.blob(b"hello\n");
    forgery.commit(&forgery.tree(&[("100644", b"hello.txt", &blob)]))
}

#[tokio::test]
async fn a_file_that_is_no_bundle() {
    let (scene, forgery) = scene().await;
    let bundle = forgery.cut("hello\n\n", b"");
    let refusal = scene.refusal_of(&bundle, &scene.expectation()).await;
    assert_eq!(refusal, Refusal::Header(HeaderProblem::Signature));
}

#[tokio::test]
async fn a_link_in_place_of_the_bundle() {
    let (scene, forgery) = scene().await;
    let link = scene.place.path().join("link.bundle");
    symlink(forgery.bundle(&a_commit(&forgery)), &link).unwrap();
    assert_eq!(scene.refusal_of(&link, &scene.expectation()).await, Refusal::NotAFile);
}

#[tokio::test]
async fn a_pipe_in_place_of_the_bundle_does_not_hang() {
    let (scene, _) = scene().await;
    let pipe = scene.place.path().join("pipe.bundle");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(scene.refusal_of(&pipe, &scene.expectation()).await, Refusal::NotAFile);
}

#[tokio::test]
async fn a_bundle_that_is_too_large() {
    let (scene, forgery) = scene().await;
    let bundle = forgery.bundle(&a_commit(&forgery));
    let mut expectation = scene.expectation();
    expectation.limits.bundle_bytes = 100;
    assert!(matches!(
        scene.refusal_of(&bundle, &expectation).await,
        Refusal::TooLarge { limit: 100, .. }
    ));
}

#[tokio::test]
async fn another_branch_beside_the_runs_own() {
    let (scene, forgery) = scene().await;
    let tip = a_commit(&forgery);
    let head = format!(
        "# v2 git bundle\n{tip} {}\n{tip} refs/heads/main\n\n",
        scene.branch.reference()
    );
    let bundle = forgery.cut(&head, &forgery.pack(&[&tip]));
    let refusal = scene.refusal_of(&bundle, &scene.expectation()).await;
    let name = "refs/heads/main".to_owned();
    assert_eq!(refusal, Refusal::UnexpectedReference { name });
}

#[tokio::test]
async fn another_runs_branch() {
    let (scene, forgery) = scene().await;
    let tip = a_commit(&forgery);
    for name in [
        "refs/heads/codecourier/other",
        "HEAD",
        "refs/heads/../../x",
        "refs/source/heads/main",
        "refs/tags/v1",
    ] {
        let head = format!("# v2 git bundle\n{tip} {name}\n\n");
        let bundle = forgery.cut(&head, &forgery.pack(&[&tip]));
        let refusal = scene.refusal_of(&bundle, &scene.expectation()).await;
        assert_eq!(refusal, Refusal::UnexpectedReference { name: name.to_owned() });
    }
}

#[tokio::test]
async fn no_branch_at_all_or_twice() {
    let (scene, forgery) = scene().await;
    let tip = a_commit(&forgery);
    let pack = forgery.pack(&[&tip]);
    let none = forgery.cut("# v2 git bundle\n\n", &pack);
    assert_eq!(
        scene.refusal_of(&none, &scene.expectation()).await,
        Refusal::ReferenceCount { count: 0 }
    );
    let line = format!("{tip} {}\n", scene.branch.reference());
    let twice = forgery.cut(&format!("# v2 git bundle\n{line}{line}\n"), &pack);
    assert_eq!(
        scene.refusal_of(&twice, &scene.expectation()).await,
        Refusal::ReferenceCount { count: 2 }
    );
}

#[tokio::test]
async fn a_prerequisite_that_the_project_does_not_have() {
    let (scene, forgery) = scene().await;
    let hidden = a_commit(&forgery);
    let blob = forgery.blob(b"more\n");
    let tip = forgery.commit_on(&forgery.tree(&[("100644", b"more.txt", &blob)]), &[&hidden]);
    let head = format!("# v2 git bundle\n-{hidden}\n{tip} {}\n\n", scene.branch.reference());
    let bundle = forgery.cut(&head, &forgery.pack(&[&tip, &format!("^{hidden}")]));
    let refusal = scene.refusal_of(&bundle, &scene.expectation()).await;
    assert_eq!(refusal, Refusal::PrerequisiteUnknown { commit: hidden });
}

#[tokio::test]
async fn a_prerequisite_that_is_a_file() {
    let (scene, forgery) = scene().await;
    let tip = a_commit(&forgery);
    let blob = scene.source.git(["rev-parse", "HEAD:README.md"]);
    let head = format!("# v2 git bundle\n-{blob}\n{tip} {}\n\n", scene.branch.reference());
    let bundle = forgery.cut(&head, &forgery.pack(&[&tip]));
    let refusal = scene.refusal_of(&bundle, &scene.expectation()).await;
    assert_eq!(refusal, Refusal::PrerequisiteUnknown { commit: blob });
}

#[tokio::test]
async fn a_pack_that_lacks_an_object() {
    let (scene, forgery) = scene().await;
    let blob = forgery.blob(b"kept back\n");
    let tree = forgery.tree(&[("100644", b"x", &blob)]);
    let tip = forgery.commit(&tree);
    let head = format!("# v2 git bundle\n{tip} {}\n\n", scene.branch.reference());
    let bundle = forgery.cut(&head, &forgery.pack_of(&[&tip, &tree]));
    let refusal = scene.refusal_of(&bundle, &scene.expectation()).await;
    assert!(matches!(refusal, Refusal::Objects { .. }), "{refusal}");
}

#[tokio::test]
async fn a_pack_without_the_commit_that_the_branch_names() {
    let (scene, forgery) = scene().await;
    let tip = a_commit(&forgery);
    let blob = forgery.blob(b"something else\n");
    let head = format!("# v2 git bundle\n{tip} {}\n\n", scene.branch.reference());
    let bundle = forgery.cut(&head, &forgery.pack_of(&[&blob]));
    let refusal = scene.refusal_of(&bundle, &scene.expectation()).await;
    assert!(matches!(refusal, Refusal::TipNotACommit { .. }), "{refusal}");
}

#[tokio::test]
async fn a_pack_that_is_cut_off_or_damaged() {
    let (scene, forgery) = scene().await;
    let tip = a_commit(&forgery);
    let head = format!("# v2 git bundle\n{tip} {}\n\n", scene.branch.reference());
    let pack = forgery.pack(&[&tip]);
    for length in [12, 20, pack.len() / 2, pack.len() - 1] {
        let bundle = forgery.cut(&head, &pack[..length]);
        let refusal = scene.refusal_of(&bundle, &scene.expectation()).await;
        assert!(matches!(refusal, Refusal::Objects { .. }), "{length}: {refusal}");
    }
    let mut damaged = pack.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    let refusal = scene
        .refusal_of(&forgery.cut(&head, &damaged), &scene.expectation())
        .await;
    assert!(matches!(refusal, Refusal::Objects { .. }), "{refusal}");
}

#[tokio::test]
async fn bytes_behind_the_pack() {
    let (scene, forgery) = scene().await;
    let tip = a_commit(&forgery);
    let head = format!("# v2 git bundle\n{tip} {}\n\n", scene.branch.reference());
    let pack = [forgery.pack(&[&tip]), b"#!/bin/sh\n".to_vec()].concat();
    let refusal = scene.refusal_of(&forgery.cut(&head, &pack), &scene.expectation()).await;
    assert_eq!(refusal, Refusal::TrailingBytes);
}

#[tokio::test]
async fn a_pack_that_claims_too_many_objects() {
    let (scene, forgery) = scene().await;
    let bundle = forgery.bundle(&a_commit(&forgery));
    let mut expectation = scene.expectation();
    expectation.limits.objects = 2;
    let refusal = scene.refusal_of(&bundle, &expectation).await;
    assert_eq!(refusal, Refusal::TooManyObjects { objects: 3, limit: 2 });
}

#[tokio::test]
async fn a_pack_that_lies_about_its_object_count() {
    let (scene, forgery) = scene().await;
    let tip = a_commit(&forgery);
    let head = format!("# v2 git bundle\n{tip} {}\n\n", scene.branch.reference());
    let mut pack = forgery.pack(&[&tip]);
    pack[8..12].copy_from_slice(&1u32.to_be_bytes());
    let refusal = scene.refusal_of(&forgery.cut(&head, &pack), &scene.expectation()).await;
    assert!(matches!(refusal, Refusal::Objects { .. }), "{refusal}");
}

#[tokio::test]
async fn a_file_that_is_too_large_once_unpacked() {
    let (scene, forgery) = scene().await;
    let blob = forgery.blob(&vec![0; 3_000_000]);
    let bundle = forgery.bundle(&forgery.commit(&forgery.tree(&[("100644", b"zeros", &blob)])));
    assert!(
        std::fs::metadata(&bundle).unwrap().len() < 10_000,
        "it is small until unpacked"
    );
    let mut expectation = scene.expectation();
    expectation.limits.object_bytes = 1_000_000;
    let refusal = scene.refusal_of(&bundle, &expectation).await;
    assert!(
        matches!(refusal, Refusal::ObjectTooLarge { bytes: 3_000_000, .. }),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_large_file_that_a_later_commit_removes_again() {
    let (scene, forgery) = scene().await;
    let blob = forgery.blob(&vec![0; 3_000_000]);
    let with = forgery.commit(&forgery.tree(&[("100644", b"zeros", &blob)]));
    let small = forgery.blob(b"x");
    let without = forgery.commit_on(&forgery.tree(&[("100644", b"x", &small)]), &[&with]);
    let bundle = forgery.bundle(&without);
    let mut expectation = scene.expectation();
    expectation.limits.object_bytes = 1_000_000;
    let refusal = scene.refusal_of(&bundle, &expectation).await;
    assert!(matches!(refusal, Refusal::ObjectTooLarge { .. }), "{refusal}");
}

#[tokio::test]
async fn files_that_are_too_large_together() {
    let (scene, forgery) = scene().await;
    let blobs: Vec<String> = (0..5u8).map(|byte| forgery.blob(&vec![byte; 500_000])).collect();
    let names: Vec<String> = (0..5).map(|index| format!("f{index}")).collect();
    let entries: Vec<(&str, &[u8], &str)> = names
        .iter()
        .zip(&blobs)
        .map(|(name, blob)| ("100644", name.as_bytes(), blob.as_str()))
        .collect();
    let bundle = forgery.bundle(&forgery.commit(&forgery.tree(&entries)));
    let mut expectation = scene.expectation();
    expectation.limits.total_bytes = 2_000_000;
    assert_eq!(
        scene.refusal_of(&bundle, &expectation).await,
        Refusal::TotalTooLarge { limit: 2_000_000 }
    );
}

#[tokio::test]
async fn an_object_that_needs_too_much_memory_to_unpack() {
    let (scene, forgery) = scene().await;
    // A tree is read into memory whole; this one is 120 MB of zeros in a pack of 120 kB.
    let tree = forgery.object("tree", &vec![0; 120_000_000]);
    let tip = forgery.commit(&tree);
    let head = format!("# v2 git bundle\n{tip} {}\n\n", scene.branch.reference());
    let bundle = forgery.cut(&head, &forgery.pack_of(&[&tip, &tree]));
    let mut expectation = scene.expectation();
    expectation.limits.unpack_memory_bytes = 64_000_000;
    assert_eq!(scene.refusal_of(&bundle, &expectation).await, Refusal::TooCostly);
}

#[tokio::test]
async fn a_branch_that_leads_to_a_tree_or_a_tag() {
    let (scene, forgery) = scene().await;
    let commit = a_commit(&forgery);
    let tag = format!("object {commit}\ntype commit\ntag x\ntagger S <s@example.org> 1767225600 +0000\n\nx\n");
    let tag = forgery.object("tag", tag.as_bytes());
    let tree = forgery.repository.git(["rev-parse", &format!("{commit}^{{tree}}")]);
    for (tip, kind) in [(tree, "the tree"), (tag, "the tag")] {
        let head = format!("# v2 git bundle\n{tip} {}\n\n", scene.branch.reference());
        let bundle = forgery.cut(&head, &forgery.pack(&[&tip]));
        let refusal = scene.refusal_of(&bundle, &scene.expectation()).await;
        let tip: CommitId = tip.parse().unwrap();
        let kind = kind.to_owned();
        assert_eq!(refusal, Refusal::TipNotACommit { tip, kind });
    }
}

#[tokio::test]
async fn commits_that_do_not_build_on_the_base() {
    let (scene, forgery) = scene().await;
    let blob = forgery.blob(b"rewritten\n");
    let tree = forgery.tree(&[("100644", b"x", &blob)]);
    let first = scene.source.commit("main~1");
    let rewritten = forgery.commit_on(&tree, &[&first]);
    let head = format!(
        "# v2 git bundle\n-{first}\n{rewritten} {}\n\n",
        scene.branch.reference()
    );
    let bundle = forgery.cut(&head, &forgery.pack(&[&rewritten, &format!("^{first}")]));
    let refusal = scene.refusal_of(&bundle, &scene.expectation()).await;
    assert!(matches!(refusal, Refusal::NotADescendant { .. }), "{refusal}");

    let mut expectation = scene.expectation();
    expectation.history = HistoryPolicy::MayRewrite;
    let received = scene.mirror.receive(&bundle, &expectation).await.unwrap();
    assert_eq!(received.commit.as_str(), rewritten);
    assert_eq!(received.commits.len(), 1);
}

#[tokio::test]
async fn commits_that_share_nothing_with_the_project_even_if_rewriting_is_allowed() {
    let (scene, forgery) = scene().await;
    let blob = forgery.blob(b"root\n");
    let root = forgery.commit_on(&forgery.tree(&[("100644", b"x", &blob)]), &[]);
    let head = format!("# v2 git bundle\n{root} {}\n\n", scene.branch.reference());
    let bundle = forgery.cut(&head, &forgery.pack(&[&root]));
    let mut expectation = scene.expectation();
    expectation.history = HistoryPolicy::MayRewrite;
    let refusal = scene.refusal_of(&bundle, &expectation).await;
    assert!(matches!(refusal, Refusal::NotADescendant { .. }), "{refusal}");
}

#[tokio::test]
async fn too_many_commits() {
    let (scene, forgery) = scene().await;
    let blob = forgery.blob(b"x");
    let tree = forgery.tree(&[("100644", b"x", &blob)]);
    let mut tip = forgery.commit(&tree);
    for _ in 0..3 {
        tip = forgery.commit_on(&tree, &[&tip]);
    }
    let bundle = forgery.bundle(&tip);
    let mut expectation = scene.expectation();
    expectation.limits.commits = 3;
    assert_eq!(
        scene.refusal_of(&bundle, &expectation).await,
        Refusal::TooManyCommits { limit: 3 }
    );
}

#[tokio::test]
async fn too_many_files() {
    let (scene, forgery) = scene().await;
    let blob = forgery.blob(b"x");
    let entries: [(&str, &[u8], &str); 3] = [
        ("100644", b"a", &blob),
        ("100644", b"b", &blob),
        ("100644", b"c", &blob),
    ];
    let bundle = forgery.bundle(&forgery.commit(&forgery.tree(&entries)));
    let mut expectation = scene.expectation();
    expectation.limits.files = 5;
    // Three new ones, and the four of the base are gone.
    assert_eq!(
        scene.refusal_of(&bundle, &expectation).await,
        Refusal::TooManyFiles { files: 7, limit: 5 }
    );
}

#[tokio::test]
async fn a_bundle_of_the_other_hash_function() {
    let (scene, forgery) = scene().await;
    let other = RepositoryBuilder::new()
        .sha256()
        .file("x", "x")
        .commit("x")
        .build(scene.place.path().join("other"));
    let tip = other.commit("HEAD");
    let pack = other.git_bytes(
        ["pack-objects", "--revs", "--stdout", "--quiet"],
        format!("{tip}\n").as_bytes(),
    );
    let head = format!(
        "# v3 git bundle\n@object-format=sha256\n{tip} {}\n\n",
        scene.branch.reference()
    );
    let refusal = scene.refusal_of(&forgery.cut(&head, &pack), &scene.expectation()).await;
    let (bundle, project) = (ObjectFormat::Sha256, ObjectFormat::Sha1);
    assert_eq!(refusal, Refusal::WrongFormat { bundle, project });
}

#[tokio::test]
async fn a_commit_that_gits_own_checks_refuse() {
    let (scene, forgery) = scene().await;
    let blob = forgery.blob(b"x");
    let tree = forgery.tree(&[("100644", b"x", &blob)]);
    let base = scene.base.as_str();
    for author in [
        "Sample Author sample@example.org 1767225600 +0000",
        "A\0B <a@b> 1 +0000",
        "A <a@b> 99999999999999999999 +0000",
    ] {
        let text = format!("tree {tree}\nparent {base}\nauthor {author}\ncommitter S <s@e> 1767225600 +0000\n\nx\n");
        let bundle = forgery.bundle(&forgery.object("commit", text.as_bytes()));
        let refusal = scene.refusal_of(&bundle, &scene.expectation()).await;
        assert!(matches!(refusal, Refusal::Objects { .. }), "{author:?}: {refusal}");
    }
}

#[tokio::test]
async fn a_branch_that_moved_meanwhile_is_no_refusal_but_its_own_error() {
    let scene = Scene::of(sample()).await;
    let forgery = Forgery::new(&scene);
    let bundle = forgery.bundle(&a_commit(&forgery));
    let reference = scene.branch.reference();
    let elsewhere = scene.source.commit("main~1");
    scene.bare_mirror().git(["update-ref", &reference, &elsewhere]);
    let outcome = scene.mirror.receive(&bundle, &scene.expectation()).await;
    assert!(matches!(outcome, Err(Error::BranchMoved { .. })), "{outcome:?}");
    assert_eq!(scene.bare_mirror().commit(&reference), elsewhere);
}
