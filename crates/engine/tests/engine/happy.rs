//! The main job: a designer and a checker, feedback between them, checks by the platform, the result as a branch.

use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent;

use crate::story;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_designer_and_a_checker_reach_a_result_and_nothing_else_is_touched() {
    let world = World::new(fake_agent::designer_and_checker());
    let head_before = world.repository.git(["rev-parse", "HEAD"]);
    let engine = world.start().await;
    let run = engine.start_run(story::spec(&world)).await.unwrap();
    engine.wait(run).await;
    story::assert_told_once(&world, &engine, run, "nothing happened").await;
    let view = engine.view(run).await;
    let lines = |step: usize| view.steps[step].memo.prompt.lines().collect::<Vec<_>>();

    // Checks ran on the exact commits that were taken over.
    for step in [0, 2] {
        let memo = &view.steps[step].memo;
        assert_eq!(memo.collected.as_ref(), Some(&memo.checks[0].commit));
    }

    // The feedback reached the second designer, the report the checker.
    assert_eq!(lines(0)[..2], ["Role: designer", "Iteration: 1"]);
    assert_eq!(lines(2)[..2], ["Role: designer", "Iteration: 2"]);
    assert!(lines(2).contains(&"The answer must be 42."), "{:?}", lines(2));
    assert!(
        lines(2)
            .contains(&"The required check `answer`, run by the platform, ended with exit code 1. Its output ends:")
    );
    assert!(lines(1).contains(&"Wrote the answer, attempt 1."));
    assert!(!lines(0).iter().any(|line| line.contains("Feedback")));

    // The commits name the run, and the user's own branch is where it was.
    let branch = view.pinned.as_ref().unwrap().branch.as_str();
    let log = world
        .repository
        .git(["log", "--format=%an|%b", &format!("main..{branch}")]);
    assert_eq!(log.matches(&format!("CodeCourier-Run: {}", run.1)).count(), 2, "{log}");
    assert_eq!(world.repository.git(["rev-parse", "HEAD"]), head_before);
    assert!(view.summary.finished_at >= view.summary.started_at);
    engine.shut_down().await;
}
