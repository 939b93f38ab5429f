//! The mirror: what a fetch brings and leaves alone, where a run begins, its branch.

use codecourier_domain::id::RunId;
use codecourier_forge::{BranchName, Error, Head, Mirror, Mirrors, Source};
use uuid::Uuid;

use crate::support::{RepositoryBuilder, SampleRepository, Scene, git, identity, project, run_id, sample};

fn name(text: &str) -> BranchName {
    text.parse().unwrap()
}

async fn ensure_again(scene: &Scene) -> Mirror {
    let mirrors = Mirrors::open(git(), scene.place.path().join("repositories")).unwrap();
    mirrors
        .ensure(project(), &Source::LocalPath(scene.source.path().to_owned()))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_fetch_brings_new_branches_and_tags_and_prunes_old_ones() {
    let scene = Scene::of(
        sample()
            .branch("old")
            .file("o", "o")
            .commit("Old")
            .branch("main")
            .tag("v1"),
    )
    .await;
    assert!(scene.mirror.resolve_base(Some(&name("old"))).await.is_ok());
    scene.source.git(["branch", "-D", "old"]);
    scene.source.git(["tag", "-d", "v1"]);
    scene.source.git(["branch", "new"]);
    scene.source.git(["commit", "--quiet", "--amend", "-m", "Rewritten"]);
    let mirror = ensure_again(&scene).await;
    assert!(matches!(
        mirror.resolve_base(Some(&name("old"))).await,
        Err(Error::BaseMissing { .. })
    ));
    assert!(mirror.resolve_base(Some(&name("v1"))).await.is_err());
    assert!(mirror.resolve_base(Some(&name("new"))).await.is_ok());
    assert_eq!(
        mirror.resolve_base(None).await.unwrap().as_str(),
        scene.source.commit("main")
    );
}

#[tokio::test]
async fn a_fetch_leaves_the_branches_of_runs_alone_whatever_the_source_calls_its_own() {
    let scene = Scene::new().await;
    let tip = scene.mirror.branch_tip(&scene.branch).await.unwrap();
    // The same name at another commit, and a branch where our directory is.
    scene.source.git(["branch", scene.branch.as_str(), "main~1"]);
    let mirror = ensure_again(&scene).await;
    assert_eq!(mirror.branch_tip(&scene.branch).await.unwrap(), tip);
    scene.source.git(["branch", "-D", scene.branch.as_str()]);
    scene.source.git(["branch", "codecourier"]);
    let mirror = ensure_again(&scene).await;
    assert_eq!(mirror.branch_tip(&scene.branch).await.unwrap(), tip);
    assert!(mirror.resolve_base(Some(&name("codecourier"))).await.is_ok());
}

#[tokio::test]
async fn the_commit_a_run_began_at_survives_a_rewritten_source() {
    let scene = Scene::new().await;
    scene.source.git(["commit", "--quiet", "--amend", "-m", "Rewritten"]);
    let mirror = ensure_again(&scene).await;
    assert_eq!(mirror.run_base(&run_id()).await.unwrap(), Some(scene.base.clone()));
    assert_ne!(mirror.resolve_base(None).await.unwrap(), scene.base);
}

#[tokio::test]
async fn a_branch_replaced_by_a_directory_of_branches_is_fetched() {
    let scene = Scene::of(sample().branch("topic").file("t", "t").commit("Topic").branch("main")).await;
    scene.source.git(["branch", "-D", "topic"]);
    scene.source.git(["branch", "topic/one"]);
    let mirror = ensure_again(&scene).await;
    assert!(mirror.resolve_base(Some(&name("topic/one"))).await.is_ok());
    assert!(mirror.resolve_base(Some(&name("topic"))).await.is_err());
}

#[tokio::test]
async fn a_missing_base_names_the_nearest() {
    let scene = Scene::of(sample().branch("develop").file("d", "d").commit("D").branch("main")).await;
    let error = scene.mirror.resolve_base(Some(&name("devlop"))).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no branch `devlop`; did you mean: develop?");
}

#[tokio::test]
async fn the_default_branch_is_the_one_that_is_checked_out() {
    let scene = Scene::of(sample().branch("trunk").file("t", "t").commit("T")).await;
    scene.source.git(["checkout", "--quiet", "trunk"]);
    let mirror = ensure_again(&scene).await;
    assert_eq!(mirror.default_branch().await.unwrap(), Some(name("trunk")));
    assert_eq!(mirror.source_state().unwrap().head, Head::Branch(name("trunk")));
    assert_eq!(
        mirror.resolve_base(None).await.unwrap().as_str(),
        scene.source.commit("trunk")
    );
}

#[tokio::test]
async fn a_detached_head_is_where_the_run_begins() {
    let scene = Scene::new().await;
    scene.source.git(["checkout", "--quiet", "--detach"]);
    scene
        .source
        .git(["commit", "--quiet", "--allow-empty", "-m", "On no branch"]);
    let commit = scene.source.commit("HEAD");
    let mirror = ensure_again(&scene).await;
    assert_eq!(mirror.resolve_base(None).await.unwrap().as_str(), commit);
    assert_eq!(mirror.default_branch().await.unwrap(), None);
    scene.source.git(["checkout", "--quiet", "main"]);
    let mirror = ensure_again(&scene).await;
    assert_eq!(mirror.default_branch().await.unwrap(), Some(name("main")));
}

#[tokio::test]
async fn a_head_that_names_no_branch_asks_for_one_unless_there_is_only_one() {
    let scene = Scene::of(sample().branch("other").file("t", "t").commit("T").branch("main")).await;
    scene.source.git(["symbolic-ref", "HEAD", "refs/heads/unborn"]);
    let mirror = ensure_again(&scene).await;
    let error = mirror.resolve_base(None).await.unwrap_err();
    let Error::DefaultBranchUnknown { mut branches } = error else {
        panic!("{error}")
    };
    branches.sort();
    assert_eq!(branches, ["main", "other"]);
    scene.source.git(["branch", "-D", "other"]);
    let mirror = ensure_again(&scene).await;
    assert_eq!(
        mirror.resolve_base(None).await.unwrap().as_str(),
        scene.source.commit("main")
    );
}

#[tokio::test]
async fn a_runs_branch_is_made_once_and_found_again() {
    let scene = Scene::new().await;
    let project_copy = scene.clone_into_sandbox().await;
    std::fs::write(project_copy.path().join("a.txt"), "a\n").unwrap();
    scene.collect().await;
    let received = scene.receive().await.unwrap();
    let again = scene
        .mirror
        .create_run_branch(&run_id(), &scene.base, &scene.branch)
        .await
        .unwrap();
    assert_eq!((again.base, again.tip), (scene.base.clone(), received.commit.clone()));

    let stranger = RunId::from_uuid(Uuid::from_u128(77));
    let taken = scene
        .mirror
        .create_run_branch(&stranger, &scene.base, &scene.branch)
        .await;
    assert!(matches!(taken, Err(Error::BranchExists { .. })), "{taken:?}");

    let too_late = scene
        .mirror
        .delete_run_branch(&run_id(), &scene.branch, &scene.base)
        .await;
    assert!(matches!(too_late, Err(Error::BranchMoved { .. })), "{too_late:?}");
    for _ in 0..2 {
        scene
            .mirror
            .delete_run_branch(&run_id(), &scene.branch, &received.commit)
            .await
            .unwrap();
    }
    assert!(matches!(
        scene.mirror.branch_tip(&scene.branch).await,
        Err(Error::BranchMissing { .. })
    ));
    assert_eq!(scene.mirror.run_base(&run_id()).await.unwrap(), None);
}

#[tokio::test]
async fn a_branch_at_a_commit_that_is_not_there() {
    let scene = Scene::new().await;
    let run = RunId::from_uuid(Uuid::from_u128(78));
    let nowhere = "ab".repeat(20).parse().unwrap();
    let outcome = scene
        .mirror
        .create_run_branch(&run, &nowhere, &name("codecourier/x"))
        .await;
    assert!(matches!(outcome, Err(Error::CommitMissing { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_run_may_build_on_the_branch_of_another() {
    let scene = Scene::new().await;
    assert_eq!(
        scene.mirror.resolve_base(Some(&scene.branch)).await.unwrap(),
        scene.base
    );
}

#[tokio::test]
async fn a_hosted_project_begins_empty_and_is_pushed_to_by_people() {
    let place = tempfile::tempdir().unwrap();
    let mirrors = Mirrors::open(git(), place.path().join("repositories")).unwrap();
    let mirror = mirrors.ensure(project(), &Source::Hosted).await.unwrap();
    assert!(matches!(
        mirror.resolve_base(None).await,
        Err(Error::SourceEmpty { .. })
    ));
    let first = mirror.create_first_commit(&identity(), "Begin").await.unwrap();
    assert_eq!(mirror.create_first_commit(&identity(), "Begin").await.unwrap(), first);
    assert_eq!(mirror.resolve_base(None).await.unwrap(), first);

    let people = place.path().join("people");
    SampleRepository::at(place.path()).git([
        "clone",
        "--quiet",
        mirror.path().to_str().unwrap(),
        people.to_str().unwrap(),
    ]);
    let people = SampleRepository::at(people);
    people.git(["commit", "--quiet", "--allow-empty", "-m", "By a person"]);
    people.git(["push", "--quiet", "origin", "main"]);

    let mirror = mirrors.ensure(project(), &Source::Hosted).await.unwrap();
    assert_eq!(mirror.resolve_base(None).await.unwrap().as_str(), people.commit("HEAD"));
    assert_eq!(mirror.default_branch().await.unwrap(), Some(name("main")));
    let found = mirrors.get(project()).unwrap();
    assert_eq!(
        found.resolve_base(Some(&name("main"))).await.unwrap().as_str(),
        people.commit("HEAD")
    );
}

#[tokio::test]
async fn a_hosted_branch_of_a_person_is_not_taken_for_a_runs() {
    let place = tempfile::tempdir().unwrap();
    let mirrors = Mirrors::open(git(), place.path().join("repositories")).unwrap();
    let mirror = mirrors.ensure(project(), &Source::Hosted).await.unwrap();
    let first = mirror.create_first_commit(&identity(), "Begin").await.unwrap();
    let outcome = mirror.create_run_branch(&run_id(), &first, &name("main")).await;
    assert!(matches!(outcome, Err(Error::BranchExists { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_project_without_a_mirror() {
    let place = tempfile::tempdir().unwrap();
    let mirrors = Mirrors::open(git(), place.path()).unwrap();
    assert!(matches!(mirrors.get(project()), Err(Error::MirrorMissing { .. })));
}

#[tokio::test]
async fn two_at_once_make_one_mirror() {
    let place = tempfile::tempdir().unwrap();
    let source = RepositoryBuilder::new()
        .history(50, 50)
        .build(place.path().join("source"));
    let mirrors = Mirrors::open(git(), place.path().join("repositories")).unwrap();
    let source = Source::LocalPath(source.path().to_owned());
    let (one, other) = tokio::join!(mirrors.ensure(project(), &source), mirrors.ensure(project(), &source));
    assert_eq!(
        one.unwrap().resolve_base(None).await.unwrap(),
        other.unwrap().resolve_base(None).await.unwrap()
    );
}
