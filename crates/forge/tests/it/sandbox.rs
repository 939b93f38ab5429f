//! What an agent may do to its repository, and what is kept of its work in spite of it.

use std::fs;
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use codecourier_forge::{CollectOutcome, CollectReport, CollectedFrom, History, Received};

use crate::support::{RepositoryBuilder, SampleRepository, Scene, identity};

async fn begun() -> (Scene, SampleRepository) {
    let scene = Scene::new().await;
    let project = scene.clone_into_sandbox().await;
    (scene, project)
}

fn write(project: &SampleRepository, path: &str, content: &str) {
    let path = project.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn commit_all(project: &SampleRepository, message: &str) {
    project.git(["add", "-A"]);
    project.git(["commit", "--quiet", "-m", message]);
}

fn paths(received: &Received) -> Vec<&str> {
    received.files.iter().map(|file| file.path.as_str()).collect()
}

/// Collects and receives, and expects exactly these files to differ from the base.
async fn keeps(scene: &Scene, files: &[&str]) -> (CollectReport, Received) {
    let report = scene.collect().await;
    assert!(matches!(report.outcome, CollectOutcome::Bundle(_)), "{report:?}");
    let received = scene.receive().await.unwrap();
    assert_eq!(paths(&received), files, "{report:?}");
    (report, received)
}

#[tokio::test]
async fn the_clone_is_on_the_runs_branch_with_author_and_no_remote() {
    let (scene, project) = begun().await;
    assert_eq!(project.git(["symbolic-ref", "--short", "HEAD"]), scene.branch.as_str());
    assert_eq!(project.commit("HEAD"), scene.base.as_str());
    assert_eq!(project.git(["remote"]), "");
    assert_eq!(project.git(["status", "--porcelain"]), "");
    assert_eq!(project.git(["config", "user.name"]), identity().name());
    assert_eq!(project.git(["config", "user.email"]), identity().email());
    assert_eq!(project.git(["rev-list", "--count", "HEAD"]), "2", "all of the history");
    project.git(["fsck", "--strict"]);
}

#[tokio::test]
async fn cloning_again_after_a_crash_is_harmless() {
    let (scene, project) = begun().await;
    write(&project, "node_modules/dep/index.js", "installed by the setup script\n");
    write(&project, ".git/index.lock", "");
    let again = scene.clone_into_sandbox().await;
    assert_eq!(again.commit("HEAD"), scene.base.as_str());
    assert!(
        again.path().join("node_modules/dep/index.js").exists(),
        "what Git does not track stays"
    );
}

#[tokio::test]
async fn a_shallow_clone_has_only_so_much_history_and_its_work_is_received() {
    let scene = Scene::of(RepositoryBuilder::new().history(20, 50)).await;
    let project = scene.clone_with(History::Depth(NonZeroU32::new(3).unwrap())).await;
    assert_eq!(project.git(["rev-list", "--count", "HEAD"]), "3");
    write(&project, "new.txt", "new\n");
    commit_all(&project, "Add new");
    keeps(&scene, &["new.txt"]).await;
}

#[tokio::test]
async fn nothing_changed() {
    let (scene, project) = begun().await;
    write(&project, "target/debug/ignored.o", "ignored");
    write(&project, "trace.log", "ignored");
    write(&project, ".claude/settings.json", "written by the platform");
    assert_eq!(scene.collect().await.outcome, CollectOutcome::Unchanged);
    assert!(!scene.result_bundle().exists());
}

#[tokio::test]
async fn an_uncommitted_mess_is_committed_and_ignored_files_are_not() {
    let (scene, project) = begun().await;
    write(&project, "src/two.rs", "changed\n");
    write(&project, "staged.txt", "staged\n");
    project.git(["add", "staged.txt"]);
    write(&project, "untracked.txt", "untracked\n");
    write(&project, "target/x.o", "ignored\n");
    write(&project, "private.tmp", "excluded by the agent\n");
    write(&project, ".git/info/exclude", "*.tmp\n");
    let (report, _) = keeps(&scene, &["src/two.rs", "staged.txt", "untracked.txt"]).await;
    assert!(report.uncommitted);
    assert_eq!(report.from, CollectedFrom::Head);
}

#[tokio::test]
async fn an_ignored_file_that_was_added_on_purpose_is_kept() {
    let (scene, project) = begun().await;
    write(&project, "important.log", "keep me\n");
    project.git(["add", "-f", "important.log"]);
    keeps(&scene, &["important.log"]).await;
}

#[tokio::test]
async fn commits_and_what_was_not_committed_after_them() {
    let (scene, project) = begun().await;
    write(&project, "one.txt", "1\n");
    commit_all(&project, "Add one");
    write(&project, "two.txt", "2\n");
    let (_, received) = keeps(&scene, &["one.txt", "two.txt"]).await;
    assert_eq!(received.commits.len(), 2);
}

#[tokio::test]
async fn a_detached_head() {
    let (scene, project) = begun().await;
    project.git(["checkout", "--quiet", "--detach"]);
    write(&project, "a.txt", "a\n");
    commit_all(&project, "Add a");
    keeps(&scene, &["a.txt"]).await;
}

#[tokio::test]
async fn another_branch_checked_out_with_the_work_on_it() {
    let (scene, project) = begun().await;
    project.git(["checkout", "--quiet", "-b", "feature/mine"]);
    write(&project, "a.txt", "a\n");
    commit_all(&project, "Add a");
    keeps(&scene, &["a.txt"]).await;
}

#[tokio::test]
async fn the_work_on_the_runs_branch_and_something_older_checked_out() {
    let (scene, project) = begun().await;
    write(&project, "a.txt", "a\n");
    commit_all(&project, "Add a");
    project.git(["checkout", "--quiet", "-b", "old", "HEAD~2"]);
    let (report, _) = keeps(&scene, &["a.txt"]).await;
    assert_eq!(report.from, CollectedFrom::RunBranch);
}

#[tokio::test]
async fn the_work_on_a_branch_that_was_left_again() {
    let (scene, project) = begun().await;
    project.git(["checkout", "--quiet", "-b", "feature/mine"]);
    write(&project, "a.txt", "a\n");
    commit_all(&project, "Add a");
    project.git(["checkout", "--quiet", scene.branch.as_str()]);
    let (report, _) = keeps(&scene, &["a.txt"]).await;
    assert_eq!(report.from, CollectedFrom::OtherBranch);
}

#[tokio::test]
async fn commits_on_two_branches_are_told() {
    let (scene, project) = begun().await;
    write(&project, "a.txt", "a\n");
    commit_all(&project, "Add a");
    let left = project.commit("HEAD");
    project.git(["checkout", "--quiet", "-b", "second-try", scene.base.as_str()]);
    write(&project, "b.txt", "b\n");
    commit_all(&project, "Add b");
    let (report, _) = keeps(&scene, &["b.txt"]).await;
    assert_eq!(report.left_behind.unwrap().as_str(), left);
}

#[tokio::test]
async fn history_from_before_the_step_rewritten() {
    let (scene, project) = begun().await;
    write(&project, "a.txt", "a\n");
    project.git(["add", "-A"]);
    project.git(["commit", "--quiet", "--amend", "-m", "Amended what was there"]);
    let (report, received) = keeps(&scene, &["a.txt"]).await;
    assert!(report.rewritten);
    assert_eq!(received.commits[0].parents, std::slice::from_ref(&scene.base));
}

#[tokio::test]
async fn the_branch_reset_to_an_older_commit_undoes_what_came_after() {
    let (scene, project) = begun().await;
    project.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    keeps(&scene, &["src/two.rs"]).await;
}

#[tokio::test]
async fn a_merge_that_was_not_finished() {
    let (scene, project) = begun().await;
    project.git(["checkout", "--quiet", "-b", "side"]);
    write(&project, "README.md", "# Side\n");
    commit_all(&project, "Side");
    project.git(["checkout", "--quiet", scene.branch.as_str()]);
    write(&project, "README.md", "# Main\n");
    commit_all(&project, "Main");
    let merge = std::panic::catch_unwind(|| project.git(["merge", "--quiet", "side"]));
    assert!(merge.is_err(), "it conflicts");
    write(&project, "README.md", "# Both\n");
    let (_, received) = keeps(&scene, &["README.md"]).await;
    assert_eq!(received.commits.last().unwrap().parents.len(), 2, "it is a merge");
}

#[tokio::test]
async fn lock_files_left_behind() {
    let (scene, project) = begun().await;
    write(&project, "a.txt", "a\n");
    for lock in [
        ".git/index.lock",
        ".git/HEAD.lock",
        ".git/config.lock",
        ".git/packed-refs.lock",
    ] {
        write(&project, lock, "");
    }
    keeps(&scene, &["a.txt"]).await;
}

#[tokio::test]
async fn a_broken_index() {
    let (scene, project) = begun().await;
    write(&project, "a.txt", "a\n");
    write(&project, ".git/index", "garbage");
    keeps(&scene, &["a.txt"]).await;
}

#[tokio::test]
async fn changes_hidden_in_the_index_are_found() {
    let (scene, project) = begun().await;
    project.git(["update-index", "--assume-unchanged", "src/two.rs"]);
    project.git(["update-index", "--skip-worktree", "README.md"]);
    write(&project, "src/two.rs", "hidden\n");
    write(&project, "README.md", "hidden\n");
    keeps(&scene, &["README.md", "src/two.rs"]).await;
}

#[tokio::test]
async fn a_deleted_git_directory_loses_no_file() {
    let (scene, project) = begun().await;
    write(&project, "a.txt", "a\n");
    fs::remove_dir_all(project.path().join(".git")).unwrap();
    let (report, _) = keeps(&scene, &["a.txt"]).await;
    assert_eq!(report.from, CollectedFrom::Files);
}

#[tokio::test]
async fn a_git_directory_begun_anew() {
    let (scene, project) = begun().await;
    fs::remove_dir_all(project.path().join(".git")).unwrap();
    project.git(["init", "--quiet"]);
    write(&project, "a.txt", "a\n");
    commit_all(&project, "Begin again");
    let (report, received) = keeps(&scene, &["a.txt"]).await;
    assert!(report.rewritten);
    assert_eq!(received.commits.len(), 1);
}

#[tokio::test]
async fn broken_objects_lose_no_file() {
    let (scene, project) = begun().await;
    write(&project, "a.txt", "a\n");
    commit_all(&project, "Add a");
    for entry in fs::read_dir(project.path().join(".git/objects")).unwrap() {
        let path = entry.unwrap().path();
        fs::remove_dir_all(path).unwrap();
    }
    let (report, _) = keeps(&scene, &["a.txt"]).await;
    assert_eq!(report.from, CollectedFrom::Files);
}

#[tokio::test]
async fn a_deleted_project_is_told() {
    let (scene, project) = begun().await;
    fs::remove_dir_all(project.path()).unwrap();
    assert_eq!(scene.collect().await.outcome, CollectOutcome::Missing);
}

#[tokio::test]
async fn every_file_deleted_is_a_change_like_any_other() {
    let (scene, project) = begun().await;
    project.git(["rm", "--quiet", "-r", "."]);
    keeps(&scene, &[".gitignore", "README.md", "src/lib.rs", "src/two.rs"]).await;
}

#[tokio::test]
async fn a_repository_inside_is_left_out_and_counted() {
    let (scene, project) = begun().await;
    let inner = RepositoryBuilder::new()
        .file("x", "x")
        .commit("x")
        .build(project.path().join("vendor/it"));
    assert!(inner.path().join(".git").exists());
    write(&project, "a.txt", "a\n");
    let (report, _) = keeps(&scene, &["a.txt"]).await;
    assert_eq!(report.nested, 1);
}

#[tokio::test]
async fn only_a_repository_inside_is_no_change() {
    let (scene, project) = begun().await;
    let _ = RepositoryBuilder::new()
        .file("x", "x")
        .commit("x")
        .build(project.path().join("odd\tname \"x\""));
    let report = scene.collect().await;
    assert_eq!((report.outcome, report.nested), (CollectOutcome::Unchanged, 1));
}

#[tokio::test]
async fn hostile_configuration_neither_runs_nor_decides() {
    let (scene, project) = begun().await;
    let proof = scene.place.path().join("it-ran");
    let script = scene.place.path().join("payload.sh");
    fs::write(&script, format!("#!/bin/sh\ntouch '{}'\ncat\n", proof.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let payload = script.to_str().unwrap();
    for (key, value) in [
        ("core.fsmonitor", payload),
        ("core.sshCommand", payload),
        ("core.editor", payload),
        ("core.pager", payload),
        ("core.worktree", "/tmp"),
        ("core.hooksPath", "/tmp/hooks"),
        ("core.excludesFile", "/dev/zero-not"),
        ("filter.evil.clean", payload),
        ("filter.evil.smudge", payload),
        ("filter.evil.process", payload),
        ("filter.evil.required", "true"),
        ("diff.external", payload),
        ("alias.add", "!false"),
        ("alias.bundle", "!false"),
        ("commit.gpgSign", "true"),
        ("gpg.program", payload),
        ("uploadpack.packObjectsHook", payload),
        ("core.alternateRefsCommand", payload),
        ("core.bare", "true"),
    ] {
        project.git(["config", "-f", ".git/config", key, value]);
    }
    for hook in [
        "pre-commit",
        "post-commit",
        "post-index-change",
        "reference-transaction",
        "post-checkout",
    ] {
        fs::copy(&script, project.path().join(".git/hooks").join(hook)).unwrap();
    }
    write(&project, ".gitattributes", "* filter=evil\n");
    write(&project, "a.txt", "a\n");
    let (_, received) = keeps(&scene, &[".gitattributes", "a.txt"]).await;
    assert!(!proof.exists(), "something of it ran");
    let content = scene.mirror.file(&received.commit, "a.txt", 100).await.unwrap();
    assert_eq!(content.as_deref(), Some(b"a\n".as_slice()));
}

#[tokio::test]
async fn a_broken_configuration_loses_no_file() {
    let (scene, project) = begun().await;
    write(&project, "a.txt", "a\n");
    write(&project, ".git/config", "[core]\nthis is no configuration");
    let (report, _) = keeps(&scene, &["a.txt"]).await;
    assert_eq!(report.from, CollectedFrom::Files);
}

#[tokio::test]
async fn a_configuration_that_never_ends_does_not_hold_the_run() {
    let (scene, project) = begun().await;
    write(&project, "a.txt", "a\n");
    let pipe = project.path().join(".git/endless");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    write(&project, ".git/config", "[include]\n\tpath = endless\n");
    let (report, _) = keeps(&scene, &["a.txt"]).await;
    assert_eq!(report.from, CollectedFrom::Files);
}

#[tokio::test]
async fn the_git_directory_as_a_file() {
    let (scene, project) = begun().await;
    write(&project, "a.txt", "a\n");
    let moved = scene.place.path().join("moved.git");
    fs::rename(project.path().join(".git"), &moved).unwrap();
    write(&project, ".git", &format!("gitdir: {}\n", moved.display()));
    let (report, _) = keeps(&scene, &["a.txt"]).await;
    assert_eq!(report.from, CollectedFrom::Head);
}

#[tokio::test]
async fn replaced_objects_are_not_believed() {
    let (scene, project) = begun().await;
    write(&project, "a.txt", "a\n");
    commit_all(&project, "Add a");
    let tip = project.commit("HEAD");
    project.git(["replace", &tip, scene.base.as_str()]);
    keeps(&scene, &["a.txt"]).await;
}

#[tokio::test]
async fn files_that_cannot_be_stored_do_not_hold_back_the_rest() {
    let (scene, project) = begun().await;
    write(&project, "a.txt", "a\n");
    let pipe = project.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    keeps(&scene, &["a.txt"]).await;
}

#[tokio::test]
async fn the_scratch_directory_is_gone_afterwards() {
    let (scene, project) = begun().await;
    write(&project, "a.txt", "a\n");
    scene.collect().await;
    let left: Vec<_> = fs::read_dir(scene.sandbox())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        left.iter()
            .all(|name| !Path::new(name).to_string_lossy().contains(".part")),
        "{left:?}"
    );
}
