//! Repositories that are none, or not as asked.

use codecourier_domain::failure::FailureClass;
use codecourier_domain::run::RunStatus;
use codecourier_engine::runs::spec::RepositorySource;
use codecourier_testkit::engine::{World, no_repository};
use codecourier_testkit::fake_agent::always;
use codecourier_testkit::repository::RepositoryBuilder;

use crate::agents::{assert_failed, good, single};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_cannot_be_used_is_named() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let empty = RepositoryBuilder::new().build_bare(world.path().join("empty"));
    let cases = [
        (world.path().join("nowhere"), "nowhere"),
        (no_repository(&world), "no-repository"),
        (empty.path().to_owned(), "empty"),
    ];
    for (path, words) in cases {
        let mut spec = single(&world);
        spec.repository = RepositorySource::LocalPath { path };
        let run = engine.start_run(spec).await.unwrap();
        engine.wait(run).await;
        let view = engine.view(run).await;
        let failure = view.state.failure().unwrap();
        assert_eq!(failure.class, FailureClass::Repository, "{failure}");
        assert!(failure.message.contains(words), "{failure}");
        assert!(view.steps.is_empty(), "no agent was started");
    }
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_branch_that_does_not_exist_is_named_with_those_that_are_near() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let mut spec = single(&world);
    spec.base_branch = Some("mian".parse().unwrap());
    let run = engine.start_run(spec).await.unwrap();
    assert_failed(&world, &engine, run, FailureClass::Repository, "did you mean: main?").await;
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_committed_stays_where_it_is_and_is_counted() {
    let world = World::new(always(good()));
    std::fs::write(world.repository.path().join("README.md"), "changed\n").unwrap();
    std::fs::write(world.repository.path().join("new.txt"), "new\n").unwrap();
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let view = engine.view(run).await;
    assert_eq!(view.pinned.unwrap().uncommitted_files, 2);
    assert_eq!(
        world.repository.git(["status", "--porcelain"]),
        " M README.md\n?? new.txt"
    );
    engine.shut_down().await;
}
