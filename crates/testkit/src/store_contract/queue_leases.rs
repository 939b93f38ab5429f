//! Holding and losing tasks.

use codecourier_store::tasks::{
    ClaimRequest, ClaimedTask, Fence, NewTask, TaskClass, TaskRetry, TaskStatus, VoidedLeases,
};
use codecourier_store::{Body, Error};

use super::queue::{claim, work};
use super::{Bench, NOON, a_task, body, boot_id};

async fn one_claimed(bench: &Bench) -> ClaimedTask {
    let project = bench.project("one", 1).await;
    let run = bench.run(project).await;
    bench
        .insert_tasks(vec![NewTask {
            run: Some(run),
            ..a_task(project, TaskClass::Work)
        }])
        .await;
    claim(bench, work(1)).await.tasks.remove(0)
}

/// Completes a task and writes its result, as the engine does.
async fn complete_with_result(bench: &Bench, fence: Fence) -> Result<(), Error> {
    bench
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.put_setting("result", &body("result"), NOON).await?;
                tx.complete_task(fence, NOON).await
            })
        })
        .await
}

pub(super) async fn an_ended_lease_fences_its_former_holder(bench: &Bench) {
    let former = one_claimed(bench).await;
    let in_time = ClaimRequest {
        now: NOON.plus_milliseconds(9_999),
        ..work(1)
    };
    assert!(claim(bench, in_time).await.tasks.is_empty());
    let later = NOON.plus_milliseconds(10_000);
    let late = ClaimRequest {
        now: later,
        lease_until: later.plus_milliseconds(10_000),
        ..work(1)
    };
    let successor = claim(bench, late).await.tasks.remove(0);
    assert_eq!((successor.task.id, successor.fence.attempt), (former.task.id, 2));
    assert!(matches!(
        complete_with_result(bench, former.fence).await,
        Err(Error::Fenced)
    ));
    complete_with_result(bench, successor.fence).await.unwrap();
    assert!(
        matches!(complete_with_result(bench, successor.fence).await, Err(Error::Fenced)),
        "once"
    );
}

pub(super) async fn a_fenced_completion_undoes_the_whole_command(bench: &Bench) {
    let held = one_claimed(bench).await;
    let stale = Fence {
        attempt: 7,
        ..held.fence
    };
    assert!(matches!(complete_with_result(bench, stale).await, Err(Error::Fenced)));
    assert_eq!(bench.setting("result").await, None);
    let foreign = Fence {
        project: bench.project("two", 1).await,
        ..held.fence
    };
    assert!(matches!(complete_with_result(bench, foreign).await, Err(Error::Fenced)));
    complete_with_result(bench, held.fence).await.unwrap();
    assert_eq!(bench.setting("result").await.as_deref(), Some("result"));
}

pub(super) async fn heartbeats_prolong_a_hold_and_name_the_lost_ones(bench: &Bench) {
    let held = one_claimed(bench).await;
    let lost = Fence {
        attempt: 7,
        ..held.fence
    };
    let until = NOON.plus_milliseconds(20_000);
    let fences = [held.fence, lost];
    let beat = bench
        .store
        .write(move |tx| Box::pin(async move { tx.heartbeat_tasks(&fences, until).await }));
    assert_eq!(beat.await.unwrap(), [lost]);
    let between = ClaimRequest {
        now: NOON.plus_milliseconds(15_000),
        ..work(1)
    };
    let nothing = claim(bench, between).await;
    assert!(nothing.tasks.is_empty());
    assert_eq!(nothing.next_due, Some(until));
}

pub(super) async fn a_retried_task_comes_back_when_it_is_due(bench: &Bench) {
    let held = one_claimed(bench).await;
    let fence = held.fence;
    let (project, run) = (held.task.project, held.task.run.unwrap());
    let due = NOON.plus_milliseconds(500);
    let retry = TaskRetry {
        due: due.plus_milliseconds(9_000),
        failure: "rate limited".to_owned(),
    };
    let put_off = bench
        .store
        .write(move |tx| Box::pin(async move { tx.retry_task(fence, &retry).await }));
    put_off.await.unwrap();
    assert!(matches!(complete_with_result(bench, fence).await, Err(Error::Fenced)));
    // Sooner for a reason that came up, and never later.
    for hastened in [due, due.plus_milliseconds(1)] {
        let store = bench.store.clone();
        let hasten = store.write(move |tx| Box::pin(async move { tx.hasten_tasks(project, run, hastened).await }));
        hasten.await.unwrap();
    }
    let early = claim(bench, work(1)).await;
    assert!(early.tasks.is_empty());
    assert_eq!(early.next_due, Some(due));
    let again = claim(bench, ClaimRequest { now: due, ..work(1) }).await.tasks.remove(0);
    assert_eq!(
        (again.fence.attempt, again.task.failure.as_deref()),
        (2, Some("rate limited"))
    );
}

pub(super) async fn cancelled_tasks_are_fenced(bench: &Bench) {
    let held = one_claimed(bench).await;
    let (project, run) = (held.task.project, held.task.run.unwrap());
    let waiting = NewTask {
        run: Some(run),
        ..a_task(project, TaskClass::Work)
    };
    let waiting_id = waiting.id;
    bench
        .insert_tasks(vec![waiting, a_task(project, TaskClass::Work)])
        .await;
    let cancel = || {
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.cancel_tasks(project, run, NOON).await }))
    };
    let mut cancelled = cancel().await.unwrap();
    cancelled.sort_unstable();
    let mut expected = [held.task.id, waiting_id];
    expected.sort_unstable();
    assert_eq!(cancelled, expected);
    assert!(cancel().await.unwrap().is_empty());
    assert!(matches!(
        complete_with_result(bench, held.fence).await,
        Err(Error::Fenced)
    ));
    let others = claim(bench, work(9)).await;
    assert_eq!(
        others.tasks.len(),
        1,
        "the task of no run goes on, in the place that became free"
    );
    let tasks = bench.store.read().await.unwrap().tasks(project, run).await.unwrap();
    assert!(
        tasks
            .iter()
            .all(|task| task.status == TaskStatus::Cancelled && task.finished_at == Some(NOON))
    );
    assert_eq!(tasks.len(), 2);
}

pub(super) async fn a_new_start_takes_over_at_once(bench: &Bench) {
    let former = one_claimed(bench).await;
    let boot = boot_id();
    let void = || {
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.void_leases(boot, "one").await }))
    };
    assert_eq!(void().await.unwrap(), VoidedLeases(1));
    let mine = claim(bench, ClaimRequest { owner: boot, ..work(1) })
        .await
        .tasks
        .remove(0);
    assert_eq!(mine.task.id, former.task.id);
    assert_eq!(void().await.unwrap(), VoidedLeases(0), "its own are left alone");
    assert!(matches!(
        complete_with_result(bench, former.fence).await,
        Err(Error::Fenced)
    ));
    complete_with_result(bench, mine.fence).await.unwrap();
}

pub(super) async fn a_new_start_leaves_other_nodes_alone(bench: &Bench) {
    let held = one_claimed(bench).await;
    let (owner, boot) = (held.task.owner.unwrap(), boot_id());
    let note = bench
        .store
        .write(move |tx| Box::pin(async move { tx.insert_boot(owner, "two", &Body::null(), NOON).await }));
    note.await.unwrap();
    let void = |node: &'static str| {
        let voiding = bench
            .store
            .write(move |tx| Box::pin(async move { tx.void_leases(boot, node).await }));
        async { voiding.await.unwrap() }
    };
    assert_eq!(
        void("one").await,
        VoidedLeases(0),
        "the other node is alive, for all that is known"
    );
    assert_eq!(void("two").await, VoidedLeases(1));
}

pub(super) async fn a_failed_task_stays_failed(bench: &Bench) {
    let held = one_claimed(bench).await;
    let fence = held.fence;
    let fail = bench
        .store
        .write(move |tx| Box::pin(async move { tx.fail_task(fence, "no such template", NOON).await }));
    fail.await.unwrap();
    let late = ClaimRequest {
        now: NOON.plus_milliseconds(99_999),
        ..work(1)
    };
    let after = claim(bench, late).await;
    assert!(after.tasks.is_empty());
    assert_eq!(after.next_due, None);
    let task = bench
        .store
        .read()
        .await
        .unwrap()
        .task(fence.project, fence.task)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (task.status, task.failure.as_deref()),
        (TaskStatus::Failed, Some("no such template"))
    );
}
