//! Honest work that is taken: what the mirror has afterwards, and what a second time does.

use codecourier_forge::{CollectOutcome, Error, FileStatus, HistoryPolicy, StepCommit};

use crate::support::{Forgery, RepositoryBuilder, Scene, run_id, step_id};

#[tokio::test]
async fn a_steps_commit_reaches_the_runs_branch_with_its_author_and_trailers() {
    let scene = Scene::new().await;
    let project = scene.clone_into_sandbox().await;
    std::fs::write(
        project.path().join("src/three.rs"),
        "pub fn three() -> u32 {\n    3\n}\n",
    )
    .unwrap();
    std::fs::remove_file(project.path().join("README.md")).unwrap();

    let report = scene.collect().await;
    let received = scene.receive().await.unwrap();

    assert_eq!(report.outcome, CollectOutcome::Bundle(received.commit.clone()));
    assert!(report.uncommitted);
    assert_eq!(received.step_commit, StepCommit::NotNeeded);
    assert_eq!(scene.mirror.branch_tip(&scene.branch).await.unwrap(), received.commit);
    let commit = &received.commits[0];
    assert_eq!(commit.subject, "Save the work of the designer");
    assert_eq!(
        (commit.author_name.as_str(), commit.committer_email.as_str()),
        ("Sample Author", "sample@example.org")
    );
    assert_eq!(
        (&commit.runs, &commit.steps),
        (&vec![run_id().to_string()], &vec![step_id().to_string()])
    );
    let files: Vec<_> = received
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.status, file.additions))
        .collect();
    assert_eq!(
        files,
        [
            ("README.md", FileStatus::Deleted, Some(0)),
            ("src/three.rs", FileStatus::Added, Some(3))
        ]
    );
    assert_eq!(
        (
            received.diffstat.files,
            received.diffstat.additions,
            received.diffstat.deletions
        ),
        (2, 3, 1)
    );
    scene.bare_mirror().git(["fsck", "--strict"]);
}

#[tokio::test]
async fn the_same_bundle_twice_changes_nothing_and_answers_the_same() {
    let scene = Scene::new().await;
    let project = scene.clone_into_sandbox().await;
    std::fs::write(project.path().join("new.txt"), "new\n").unwrap();
    scene.collect().await;
    let first = scene.receive().await.unwrap();
    let references = scene.bare_mirror().git(["for-each-ref"]);
    assert_eq!(scene.receive().await.unwrap(), first);
    assert_eq!(scene.bare_mirror().git(["for-each-ref"]), references);
}

#[tokio::test]
async fn a_commit_without_trailers_or_by_another_gets_one_on_top_that_has_them() {
    let scene = Scene::new().await;
    let forgery = Forgery::new(&scene);
    let tree = forgery.tree(&[("100644", b"x", &forgery.blob(b"x"))]);
    let bare = forgery.commit_with(&tree, &[scene.base.as_str()], "No trailers\n");
    let bundle = forgery.bundle(&bare);

    let received = scene.mirror.receive(&bundle, &scene.expectation()).await.unwrap();

    assert_eq!(received.step_commit, StepCommit::Added);
    assert_eq!(received.commits.len(), 2);
    let top = received.commit.as_str();
    let mirror = scene.bare_mirror();
    assert_eq!(
        mirror.commit(&format!("{top}^")),
        bare,
        "the agent's commit is as it was"
    );
    assert_eq!(mirror.git(["diff-tree", &bare, top]), "");
    let message = mirror.git(["log", "-1", "--format=%B%an", top]);
    assert!(message.contains(&format!("CodeCourier-Run: {}", run_id())), "{message}");
    assert!(message.ends_with("Sample Author"), "{message}");
    let told = scene.mirror.log(&scene.base, &received.commit, 10).await.unwrap();
    assert_eq!(told, received.commits, "what was answered is what Git says");

    let again = scene.mirror.receive(&bundle, &scene.expectation()).await.unwrap();
    assert_eq!(again, received);
}

#[tokio::test]
async fn an_agents_own_commits_carry_the_trailers_by_the_hook() {
    let scene = Scene::new().await;
    let project = scene.clone_into_sandbox().await;
    std::fs::write(project.path().join("a.txt"), "a\n").unwrap();
    project.git(["add", "a.txt"]);
    project.git(["commit", "--quiet", "-m", "Add a"]);
    project.git(["commit", "--quiet", "--allow-empty", "-m", "Think about it"]);
    let report = scene.collect().await;
    assert!(!report.uncommitted);
    let received = scene.receive().await.unwrap();
    let subjects: Vec<_> = received.commits.iter().map(|commit| commit.subject.as_str()).collect();
    assert_eq!(subjects, ["Add a", "Think about it"]);
    assert_eq!(received.step_commit, StepCommit::NotNeeded);
    assert!(
        received
            .commits
            .iter()
            .all(|commit| commit.runs == [run_id().to_string()])
    );
}

#[tokio::test]
async fn steps_follow_each_other_on_the_branch() {
    let mut scene = Scene::new().await;
    for round in 1..=3 {
        let project = scene.clone_into_sandbox().await;
        std::fs::write(project.path().join(format!("round-{round}.txt")), "x\n").unwrap();
        scene.collect().await;
        let received = scene.receive().await.unwrap();
        assert_eq!(received.commits.len(), 1);
        scene.base = received.commit;
        // The next step has a sandbox of its own.
        std::fs::remove_dir_all(scene.sandbox()).unwrap();
    }
    let began = scene.mirror.run_base(&run_id()).await.unwrap().unwrap();
    assert_eq!(scene.mirror.diffstat(&began, &scene.base).await.unwrap().files, 3);
}

#[tokio::test]
async fn merges_renames_and_binary_files_are_taken() {
    let scene = Scene::new().await;
    let project = scene.clone_into_sandbox().await;
    let run_branch = scene.branch.as_str();
    project.git(["checkout", "--quiet", "-b", "side"]);
    std::fs::write(project.path().join("image.bin"), [0, 159, 146, 150, 0, 255]).unwrap();
    project.git(["add", "-A"]);
    project.git(["commit", "--quiet", "-m", "Add an image"]);
    project.git(["checkout", "--quiet", run_branch]);
    project.git(["mv", "src/two.rs", "src/zwei.rs"]);
    project.git(["commit", "--quiet", "-m", "Rename"]);
    project.git(["merge", "--quiet", "--no-edit", "side"]);
    scene.collect().await;
    let received = scene.receive().await.unwrap();
    assert_eq!(received.commits.len(), 3);
    let renamed = received.files.iter().find(|file| file.path == "src/zwei.rs").unwrap();
    assert_eq!(
        (renamed.status, renamed.previous_path.as_deref()),
        (FileStatus::Renamed, Some("src/two.rs"))
    );
    let image = received.files.iter().find(|file| file.path == "image.bin").unwrap();
    assert_eq!((image.additions, image.deletions), (None, None));
}

#[tokio::test]
async fn links_and_odd_names_inside_the_repository_are_taken() {
    let scene = Scene::new().await;
    let project = scene.clone_into_sandbox().await;
    std::os::unix::fs::symlink("../README.md", project.path().join("src/link")).unwrap();
    std::fs::write(project.path().join("日本 語 'quoted' \"x\".txt"), "x\n").unwrap();
    scene.collect().await;
    let received = scene.receive().await.unwrap();
    let paths: Vec<_> = received.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["src/link", "日本 語 'quoted' \"x\".txt"]);
}

#[tokio::test]
async fn a_sha256_repository_works_the_same() {
    let source = RepositoryBuilder::new().sha256().file("a.txt", "a\n").commit("Begin");
    let scene = Scene::of(source).await;
    assert_eq!(scene.base.as_str().len(), 64);
    let project = scene.clone_into_sandbox().await;
    std::fs::write(project.path().join("b.txt"), "b\n").unwrap();
    scene.collect().await;
    let received = scene.receive().await.unwrap();
    assert_eq!(received.diffstat.additions, 1);
    assert_eq!(scene.receive().await.unwrap(), received);
}

#[tokio::test]
async fn a_run_of_a_hundred_files_and_long_history() {
    let scene = Scene::of(RepositoryBuilder::new().history(100, 300)).await;
    let project = scene.clone_into_sandbox().await;
    assert_eq!(project.git(["rev-list", "--count", "HEAD"]), "300");
    std::fs::write(project.path().join("README.md"), "# Changed\n").unwrap();
    scene.collect().await;
    assert_eq!(scene.receive().await.unwrap().diffstat.files, 1);
    let size = std::fs::metadata(scene.result_bundle()).unwrap().len();
    assert!(size < 5_000, "only what is new is carried out: {size} bytes");
}

#[tokio::test]
async fn receiving_after_the_run_moved_on_is_an_error_and_changes_nothing() {
    let mut scene = Scene::new().await;
    let project = scene.clone_into_sandbox().await;
    std::fs::write(project.path().join("a.txt"), "a\n").unwrap();
    scene.collect().await;
    let old_bundle = scene.place.path().join("old.bundle");
    std::fs::copy(scene.result_bundle(), &old_bundle).unwrap();
    let old = scene.expectation();
    scene.base = scene.receive().await.unwrap().commit;
    let project = scene.clone_into_sandbox().await;
    std::fs::write(project.path().join("b.txt"), "b\n").unwrap();
    scene.collect().await;
    let newer = scene.receive().await.unwrap();
    let late = scene.mirror.receive(&old_bundle, &old).await;
    assert!(matches!(late, Err(Error::BranchMoved { .. })), "{late:?}");
    assert_eq!(scene.mirror.branch_tip(&scene.branch).await.unwrap(), newer.commit);
}

#[tokio::test]
async fn two_at_once_agree() {
    let scene = Scene::new().await;
    let project = scene.clone_into_sandbox().await;
    std::fs::write(project.path().join("a.txt"), "a\n").unwrap();
    scene.collect().await;
    let mut expectation = scene.expectation();
    expectation.history = HistoryPolicy::MayRewrite;
    let bundle = scene.result_bundle();
    let (one, other) = tokio::join!(scene.mirror.receive(&bundle, &expectation), scene.receive());
    assert_eq!(one.unwrap(), other.unwrap());
}
