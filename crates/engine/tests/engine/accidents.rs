//! Accidents of the platform's own parts: sandboxes that end or cannot be made, templates that fail.

use std::sync::atomic::{AtomicU32, Ordering};

use codecourier_domain::check::{CheckSpec, Requirement};
use codecourier_domain::event::{Event, Phase, PhaseState};
use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_domain::id::SandboxId;
use codecourier_domain::run::RunStatus;
use codecourier_sandbox::EndedBecause;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{Act, always, script};

use crate::agents::{assert_failed, good, in_turn, single};

fn begun(phase: Phase) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Phase { phase: of, state: PhaseState::Started, .. } if *of == phase)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_that_ends_says_why() {
    let cases = [
        (
            EndedBecause::TimedOut,
            FailureClass::Timeout,
            "time limit. Raise the limit",
        ),
        (
            EndedBecause::OutOfMemory,
            FailureClass::OutOfMemory,
            "Raise its memory limit",
        ),
        (EndedBecause::DiskFull, FailureClass::DiskLimit, "Raise its disk limit"),
        (EndedBecause::Crashed, FailureClass::Sandbox, "ended by itself"),
    ];
    for (because, class, words) in cases {
        let world = World::new(always(vec![Act::Say("so far".to_owned()), Act::EndSandbox(because)]));
        let engine = world.start().await;
        let run = engine.start_run(single(&world)).await.unwrap();
        assert_failed(&world, &engine, run, class, words).await;
        engine.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_never_ends_meets_the_time_limit() {
    let world = World::new(always(vec![Act::Say("thinking".to_owned()), Act::Hang]));
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    engine.until(run, |event| matches!(event, Event::Text { .. })).await;
    let step = engine.view(run).await.steps[0].row.id;
    world.backend.end(SandboxId::of_step(&step), EndedBecause::TimedOut);
    assert_failed(&world, &engine, run, FailureClass::Timeout, "time limit").await;
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_that_crashes_once_costs_one_attempt() {
    let crash = vec![Act::Say("half".to_owned()), Act::EndSandbox(EndedBecause::Crashed)];
    let world = World::new(in_turn(vec![crash], good()));
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    assert_eq!(engine.view(run).await.steps.len(), 2);
    engine.shut_down().await;
}

/// The first attempt's work is in the mirror already when its sandbox ends: the second begins where the step began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_that_crashes_after_its_work_was_taken_leaves_no_half_result() {
    let session = AtomicU32::new(0);
    let world = World::new(script(move |_| {
        let first = session.fetch_add(1, Ordering::SeqCst) == 0;
        let name = if first { "first.txt" } else { "go" };
        let mut acts = vec![Act::Write {
            path: name.to_owned(),
            content: "here\n".to_owned(),
        }];
        acts.extend(good());
        acts
    }));
    let engine = world.start().await;
    let mut spec = single(&world);
    spec.checks = vec![CheckSpec {
        name: "waits".to_owned(),
        command: "test -e go || exec sleep 1000".to_owned(),
        requirement: Requirement::Required,
        timeout_seconds: 60,
    }];
    let run = engine.start_run(spec).await.unwrap();
    engine.until(run, begun(Phase::Checks)).await;
    let step = engine.view(run).await.steps[0].row.id;
    world.backend.end(SandboxId::of_step(&step), EndedBecause::Crashed);
    let status = engine.wait(run).await;
    let view = engine.view(run).await;
    assert_eq!(status, RunStatus::Completed, "{:?}", view.state.failure());
    let branch = view.pinned.unwrap().branch;
    let files = world.repository.git(["diff", "--name-only", "main", branch.as_str()]);
    assert_eq!(files, "answer.txt\ngo");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_that_cannot_be_made_is_tried_once_more() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    world.backend.refuse("create", 1);
    let run = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);

    let world = World::new(always(good()));
    let engine = world.start().await;
    world.backend.refuse("create", 2);
    let run = engine.start_run(single(&world)).await.unwrap();
    assert_failed(
        &world,
        &engine,
        run,
        FailureClass::Sandbox,
        "Could not create the sandbox",
    )
    .await;
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_that_cannot_be_destroyed_takes_no_result_away_and_is_reaped_at_the_next_start() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    world.backend.refuse("destroy", 100);
    let run = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    assert_eq!(world.backend.present().len(), 1);
    engine.shut_down().await;
    world.backend.refuse("destroy", 0);
    let engine = world.start().await;
    assert_eq!(engine.recovered.reaped, 1);
    assert_eq!(world.backend.present(), []);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_does_not_build_fails_the_run_and_not_the_next() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let words = "The template did not build. See its log.";
    world.templates.fail(Some(Failure::new(FailureClass::Template, words)));
    let run = engine.start_run(single(&world)).await.unwrap();
    engine.wait(run).await;
    world.templates.fail(None);
    assert_failed(&world, &engine, run, FailureClass::Template, words).await;
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_takes_too_long_is_ended_and_fails() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let mut spec = single(&world);
    spec.checks = vec![CheckSpec {
        name: "slow".to_owned(),
        command: "echo begun; sleep 1000".to_owned(),
        requirement: Requirement::Advisory,
        timeout_seconds: 1,
    }];
    let run = engine.start_run(spec).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let view = engine.view(run).await;
    let check = &view.state.checks[0];
    assert_eq!(check.outcome, codecourier_domain::check::CheckOutcome::TimedOut);
    assert_eq!(check.output_tail, "begun\n");
    engine.shut_down().await;
}
