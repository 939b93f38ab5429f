//! Steps and settings; and the wall between projects.

use codecourier_domain::id::SandboxId;
use codecourier_domain::role::Role;
use codecourier_store::Error;
use codecourier_store::runs::Inserted;
use codecourier_store::steps::{Step, StepStatus};

use super::{Bench, NOON, a_step, body, project_id, run_id};

pub(super) async fn a_project_sees_only_its_own(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let run = bench.run(one).await;
    let step = bench.step(one, run).await;
    let mut reader = bench.store.read().await.unwrap();
    assert!(reader.run(two, run).await.unwrap().is_none());
    assert!(reader.run_body(two, run).await.unwrap().is_none());
    assert!(reader.run_totals(two, run).await.unwrap().is_none());
    assert!(reader.step(two, step).await.unwrap().is_none());
    assert!(reader.steps(two, run).await.unwrap().is_empty());
    assert!(reader.tasks(two, run).await.unwrap().is_empty());
    assert!(reader.usage_of_run(two, run).await.unwrap().is_empty());
    let mut foreign = reader.step(one, step).await.unwrap().unwrap();
    foreign.project = two;
    let saved = bench
        .store
        .write(move |tx| Box::pin(async move { tx.save_step(&foreign).await }))
        .await;
    assert!(matches!(saved, Err(Error::NotFound { entity: "step" })));
}

pub(super) async fn steps_keep_their_order_and_their_fields(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let run = bench.run(project).await;
    let steps = [
        a_step(project, run, 2),
        a_step(project, run, 1),
        Step {
            attempt: 2,
            ..a_step(project, run, 1)
        },
    ];
    for step in steps.clone() {
        let inserted = bench
            .store
            .write(move |tx| Box::pin(async move { tx.insert_step(&step).await }));
        assert_eq!(inserted.await.unwrap(), Inserted::New);
    }
    let again = Step {
        lane: "other".to_owned(),
        ..steps[0].clone()
    };
    let inserted = bench
        .store
        .write(move |tx| Box::pin(async move { tx.insert_step(&again).await }));
    assert_eq!(inserted.await.unwrap(), Inserted::Existing);
    let twin = a_step(project, run, 2);
    let twin = bench
        .store
        .write(move |tx| Box::pin(async move { tx.insert_step(&twin).await }))
        .await;
    assert!(
        matches!(twin, Err(Error::Database(_))),
        "one step was begun under two identifiers"
    );

    let mut reader = bench.store.read().await.unwrap();
    let expected = [steps[1].clone(), steps[2].clone(), steps[0].clone()];
    assert_eq!(reader.steps(project, run).await.unwrap(), expected);
    assert!(reader.steps(project, run_id()).await.unwrap().is_empty());

    let running = Step {
        status: StepStatus::Running,
        sandbox: Some(SandboxId::of_step(&steps[0].id)),
        started_at: Some(NOON.plus_milliseconds(1)),
        finished_at: Some(NOON.plus_milliseconds(2)),
        body: body("phases"),
        role: Role::Designer,
        ..steps[0].clone()
    };
    let saved = running.clone();
    bench
        .store
        .write(move |tx| Box::pin(async move { tx.save_step(&saved).await }))
        .await
        .unwrap();
    assert_eq!(reader.step(project, running.id).await.unwrap(), Some(running.clone()));
    assert_eq!(reader.step(project_id(), running.id).await.unwrap(), None);
    assert_eq!(reader.steps_with_sandbox().await.unwrap(), [running]);
}

pub(super) async fn settings_are_overwritten(bench: &Bench) {
    for value in ["one", "two"] {
        let value = body(value);
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.put_setting("key", &value, NOON).await }))
            .await
            .unwrap();
    }
    assert_eq!(bench.setting("key").await.as_deref(), Some("two"));
    assert_eq!(bench.setting("other").await, None);
}
