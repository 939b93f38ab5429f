//! Two engines at one run: only the one that holds the task may write.

use std::time::Duration;

use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{self, Act, Gate, script};

use crate::story;

/// The second start takes the tasks of the first, which still lives: what a paused machine looks like from outside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_lost_a_task_records_nothing_more() {
    let gate = Gate::default();
    let (held, demo) = (gate.clone(), fake_agent::designer_and_checker());
    let world = World::new(script(move |call| {
        let mut acts = demo(call);
        acts.insert(2, Act::Pass(held.clone()));
        acts
    }));
    let first = world.start().await;
    let run = first.start_run(story::spec(&world)).await.unwrap();
    gate.reached(1).await;
    let second = world.start().await;
    assert_eq!(second.recovered.tasks, 1);
    gate.open();
    // What it lost, the second finishes. The steps after that are anybody's, and who ends the run knows of it first.
    tokio::select! {
        _ = first.wait(run) => {}
        _ = second.wait(run) => {}
    }
    story::assert_told_once(&world, &second, run, "two engines").await;
    // The first has let go of everything, so it ends in order at once.
    tokio::time::timeout(Duration::from_secs(20), first.shut_down())
        .await
        .unwrap();
    second.shut_down().await;
}

/// A lease that ends while its holder lives: the same process claims the task again, and the story is still told once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_is_claimed_again_by_its_own_process_goes_on_once() {
    let gate = Gate::default();
    let (held, demo) = (gate.clone(), fake_agent::designer_and_checker());
    let world = World::new(script(move |call| {
        let mut acts = demo(call);
        acts.insert(2, Act::Pass(held.clone()));
        acts
    }));
    let engine = world.start().await;
    let run = engine.start_run(story::spec(&world)).await.unwrap();
    gate.reached(1).await;
    world.clock.advance(31_000);
    // Anything that moves a task makes the worker look.
    let other = engine.start_run(story::spec(&world)).await.unwrap();
    gate.reached(2).await;
    gate.open();
    engine.wait(run).await;
    engine.wait(other).await;
    let view = engine.view(run).await;
    assert_eq!(view.steps.len(), 4, "each step once");
    assert_eq!(view.summary.status, codecourier_domain::run::RunStatus::Completed);
    engine.shut_down().await;
}
