//! What changed, for people and machines, and patches that apply.

use codecourier_forge::{CommitId, FileStatus, PatchFormat};

use crate::support::{RepositoryBuilder, Scene, sample};

async fn scene() -> (Scene, CommitId, CommitId) {
    let scene = Scene::of(
        sample()
            .file("src/lib.rs", "pub fn one() -> u32 {\n    11\n}\n")
            .file("image.bin", [0u8, 1, 2, 255, 0])
            .executable("run.sh", "#!/bin/sh\n")
            .remove("README.md")
            .commit("Change a lot"),
    )
    .await;
    let base = scene.source.commit("main~1").parse().unwrap();
    let tip = scene.source.commit("main").parse().unwrap();
    (scene, base, tip)
}

#[tokio::test]
async fn a_diff_has_files_sums_and_text() {
    let (scene, base, tip) = scene().await;
    let diff = scene.mirror.diff(&base, &tip, 1_000_000).await.unwrap();
    let files: Vec<_> = diff
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.status, file.additions, file.deletions))
        .collect();
    assert_eq!(
        files,
        [
            ("README.md", FileStatus::Deleted, Some(0), Some(1)),
            ("image.bin", FileStatus::Added, None, None),
            ("run.sh", FileStatus::Added, Some(1), Some(0)),
            ("src/lib.rs", FileStatus::Modified, Some(1), Some(1)),
        ]
    );
    assert_eq!(
        (diff.diffstat.files, diff.diffstat.additions, diff.diffstat.deletions),
        (4, 2, 2)
    );
    assert!(diff.unified.contains("-    1\n+    11\n"), "{}", diff.unified);
    assert!(diff.unified.contains("new file mode 100755"));
    assert!(!diff.truncated);
}

#[tokio::test]
async fn the_diff_of_one_file_has_nothing_of_the_others() {
    let (scene, base, tip) = scene().await;
    let diff = scene
        .mirror
        .diff_of_file(&base, &tip, "src/lib.rs", 1_000_000)
        .await
        .unwrap();
    let files: Vec<_> = diff.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["src/lib.rs"]);
    assert_eq!((diff.diffstat.files, diff.diffstat.additions), (1, 1));
    assert!(
        diff.unified.starts_with("diff --git a/src/lib.rs b/src/lib.rs"),
        "{}",
        diff.unified
    );
    assert_eq!(diff.unified.matches("diff --git").count(), 1);
    // A name is a name, whatever Git would take it for.
    for name in ["src/*", ":(top)src/lib.rs", "missing"] {
        let diff = scene.mirror.diff_of_file(&base, &tip, name, 1_000_000).await.unwrap();
        assert_eq!((diff.files.len(), diff.unified.as_str()), (0, ""), "{name}");
    }
}

#[tokio::test]
async fn a_long_diff_is_cut_and_says_so() {
    let (scene, base, tip) = scene().await;
    let diff = scene.mirror.diff(&base, &tip, 100).await.unwrap();
    assert!(diff.truncated);
    assert_eq!(diff.unified.len(), 100);
    assert_eq!(diff.files.len(), 4, "the files are complete");
}

#[tokio::test]
async fn equal_commits_differ_in_nothing() {
    let (scene, base, _) = scene().await;
    let diff = scene.mirror.diff(&base, &base, 100).await.unwrap();
    assert_eq!(
        (diff.files.len(), diff.unified.as_str(), diff.truncated),
        (0, "", false)
    );
}

#[tokio::test]
async fn a_patch_applies_to_the_base_and_gives_the_same_files() {
    let (scene, base, tip) = scene().await;
    let patch = scene.mirror.patch(&base, &tip).await.unwrap();
    assert_eq!(patch.format, PatchFormat::Mailbox);
    let other = sample().build(scene.place.path().join("other"));
    other.git_with_input(["am", "--quiet"], &patch.bytes);
    assert_eq!(
        other.git(["rev-parse", "HEAD^{tree}"]),
        scene.source.git(["rev-parse", "main^{tree}"])
    );
}

#[tokio::test]
async fn history_with_a_merge_gives_one_diff_that_applies() {
    let scene = Scene::new().await;
    scene.source.git(["checkout", "--quiet", "-b", "side", "main"]);
    scene.source.git(["commit", "--quiet", "--allow-empty", "-m", "Side"]);
    scene.source.git(["checkout", "--quiet", "main"]);
    std::fs::write(scene.source.path().join("b.bin"), [0, 255, 0]).unwrap();
    scene.source.git(["add", "-A"]);
    scene.source.git(["commit", "--quiet", "-m", "Binary"]);
    scene.source.git(["merge", "--quiet", "--no-edit", "side"]);
    let mirrors =
        codecourier_forge::Mirrors::open(crate::support::git(), scene.place.path().join("repositories")).unwrap();
    let source = codecourier_forge::Source::LocalPath(scene.source.path().to_owned());
    let mirror = mirrors.ensure(crate::support::project(), &source).await.unwrap();
    let tip = mirror.resolve_base(None).await.unwrap();
    let patch = mirror.patch(&scene.base, &tip).await.unwrap();
    assert_eq!(patch.format, PatchFormat::Diff);
    let other = sample().build(scene.place.path().join("other"));
    other.git_with_input(["apply", "--index"], &patch.bytes);
    assert_eq!(
        other.git(["write-tree"]),
        scene.source.git(["rev-parse", "main^{tree}"])
    );
}

#[tokio::test]
async fn the_log_is_oldest_first_and_the_common_ancestor_is_found() {
    let scene = Scene::of(RepositoryBuilder::new().history(10, 20)).await;
    let commit = |revision: &str| scene.source.commit(revision).parse::<CommitId>().unwrap();
    let log = scene.mirror.log(&commit("main~5"), &commit("main"), 100).await.unwrap();
    let names: Vec<_> = log.iter().map(|entry| entry.id.clone()).collect();
    assert_eq!(names, ["main~4", "main~3", "main~2", "main~1", "main"].map(commit));
    assert_eq!(log[0].author_name, "Sample Author");
    let found = scene
        .mirror
        .merge_base(&commit("main~7"), &commit("main"))
        .await
        .unwrap();
    assert_eq!(found, Some(commit("main~7")));
    assert!(
        scene
            .mirror
            .is_ancestor_of(&commit("main~7"), &commit("main"))
            .await
            .unwrap()
    );
}
