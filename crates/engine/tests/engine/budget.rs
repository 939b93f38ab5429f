//! A run that used up its budget pauses with its state, and one action lets it go on.

use codecourier_domain::money::MicroUsd;
use codecourier_domain::run::{PauseReason, Progress, RunStatus};
use codecourier_engine::{Error, ErrorCode};
use codecourier_store::steps::StepStatus;
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::always;

use crate::agents::{good, single};
use crate::model;

type Run = (codecourier_domain::id::ProjectId, codecourier_domain::id::RunId);

async fn resume(engine: &TestEngine, (project, run): Run, budget: Option<MicroUsd>) -> Result<(), Error> {
    engine
        .ask(move |engine| async move { engine.runs().resume(project, run, budget, "test").await })
        .await
}

async fn paused(world: &World) -> (TestEngine, Run) {
    let engine = world.start().await;
    let mut spec = single(world);
    spec.budget = MicroUsd(10);
    let run = engine.start_run(spec).await.unwrap();
    assert_eq!(
        engine.wait(run).await,
        RunStatus::Paused,
        "{:?}",
        engine.view(run).await.state
    );
    (engine, run)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_pauses_keeps_its_state_and_goes_on_with_more() {
    let (world, _) = model::world(200).await;
    let (engine, run) = paused(&world).await;
    let view = engine.view(run).await;
    let Progress::Paused { reason, plan } = &view.state.progress else {
        panic!("{:?}", view.state.progress);
    };
    let PauseReason::Budget { message } = reason else {
        panic!("{reason:?}");
    };
    assert!(message.contains("Raise the run's budget"), "{message}");
    assert_eq!(plan.lane, "designer#1");
    assert_eq!(view.steps[0].row.status, StepStatus::Failed);
    assert_eq!(view.summary.totals.spent, MicroUsd::ZERO, "nothing left");
    assert_eq!(world.backend.present(), []);

    // Not without more than it has, and not past a restart either.
    for budget in [None, Some(MicroUsd(10))] {
        let error = resume(&engine, run, budget).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Validation);
        assert!(error.message.contains("higher"), "{error}");
    }
    engine.kill().await;
    let engine = world.start().await;
    assert_eq!(engine.wait(run).await, RunStatus::Paused);

    resume(&engine, run, Some(MicroUsd(1_000_000))).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let view = engine.view(run).await;
    assert_eq!(view.steps.len(), 2);
    assert_eq!(view.summary.totals.requests, 1);
    let error = resume(&engine, run, Some(MicroUsd(2_000_000))).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_run_can_be_cancelled_and_stops_nobody_else() {
    let (world, _) = model::world(200).await;
    let (engine, run) = paused(&world).await;
    world.backend.play(always(good()));
    let other = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(other).await, RunStatus::Completed);
    engine.cancel(run).await.unwrap();
    let cancelled = engine.ask(move |engine| async move {
        loop {
            // `wait` gives a paused run at once.
            let status = engine.runs().wait(run.0, run.1).await.unwrap();
            if status != RunStatus::Paused {
                return status;
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(cancelled.await, RunStatus::Cancelled);
    engine.shut_down().await;
}
