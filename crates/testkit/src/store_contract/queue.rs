//! Claiming: order, fairness, limits, timers, and waiting without polling.

use std::collections::{HashMap, HashSet};

use codecourier_domain::id::{ProjectId, TaskId};
use codecourier_domain::time::Timestamp;
use codecourier_store::runs::Inserted;
use codecourier_store::tasks::{Claim, ClaimRequest, ClaimedTask, NewTask, TaskClass, TaskStatus};
use futures::future::{join_all, poll_immediate};

use super::{Bench, NOON, a_task, boot_id, task_id};

pub(super) fn work(limit: u32) -> ClaimRequest {
    ClaimRequest {
        owner: boot_id(),
        class: TaskClass::Work,
        limit,
        now: NOON,
        lease_until: NOON.plus_milliseconds(10_000),
    }
}

pub(super) async fn claim(bench: &Bench, request: ClaimRequest) -> Claim {
    bench
        .store
        .write(move |tx| Box::pin(async move { tx.claim_tasks(request).await }))
        .await
        .unwrap()
}

async fn complete(bench: &Bench, claimed: &ClaimedTask) {
    let fence = claimed.fence;
    bench
        .store
        .write(move |tx| Box::pin(async move { tx.complete_task(fence, NOON).await }))
        .await
        .unwrap();
}

fn ids(claim: &Claim) -> Vec<TaskId> {
    claim.tasks.iter().map(|claimed| claimed.task.id).collect()
}

pub(super) async fn priority_then_due_decide_within_a_project(bench: &Bench) {
    let project = bench.project("one", 10).await;
    let task = |priority, due: i64| NewTask {
        priority,
        due: Timestamp(due),
        ..a_task(project, TaskClass::Work)
    };
    let tasks = vec![task(0, 30), task(0, 10), task(5, 40), task(0, 20), task(-1, 0)];
    let expected = [2, 1, 3, 0, 4].map(|index: usize| tasks[index].id);
    bench.insert_tasks(tasks).await;
    let first = claim(bench, work(2)).await;
    let rest = claim(bench, work(9)).await;
    assert_eq!([ids(&first), ids(&rest)].concat(), expected);
    assert_eq!(first.tasks[0].task.status, TaskStatus::Running);
    assert_eq!(first.tasks[0].fence.attempt, 1);
}

pub(super) async fn a_timer_is_not_claimed_before_its_time(bench: &Bench) {
    let project = bench.project("one", 10).await;
    let due = NOON.plus_milliseconds(5);
    let timer = NewTask {
        due,
        ..a_task(project, TaskClass::Control)
    };
    let id = timer.id;
    bench.insert_tasks(vec![timer]).await;
    let early = ClaimRequest {
        class: TaskClass::Control,
        ..work(1)
    };
    assert_eq!(
        claim(bench, early).await,
        Claim {
            tasks: Vec::new(),
            next_due: Some(due)
        }
    );
    let in_time = claim(bench, ClaimRequest { now: due, ..early }).await;
    assert_eq!(ids(&in_time), [id]);
    assert_eq!(in_time.next_due, Some(early.lease_until), "the lease ends next");
}

pub(super) async fn the_project_with_fewer_running_tasks_goes_first(bench: &Bench) {
    let (busy, quiet) = (bench.project("busy", 10).await, bench.project("quiet", 10).await);
    let task = |project, priority| NewTask {
        priority,
        ..a_task(project, TaskClass::Work)
    };
    bench.insert_tasks((0..4).map(|_| task(busy, 9)).collect()).await;
    claim(bench, work(2)).await;
    bench.insert_tasks((0..3).map(|_| task(quiet, 0)).collect()).await;
    let order: Vec<ProjectId> = claim(bench, work(9))
        .await
        .tasks
        .iter()
        .map(|claimed| claimed.task.project)
        .collect();
    assert_eq!(
        order,
        [quiet, quiet, busy, quiet, busy],
        "priority counts within a project, and breaks ties"
    );
}

pub(super) async fn a_project_never_passes_its_limit(bench: &Bench) {
    let (narrow, wide) = (bench.project("narrow", 2).await, bench.project("wide", 50).await);
    let projects = [narrow, wide];
    bench
        .insert_tasks(
            (0..40)
                .map(|index| a_task(projects[index % 2], TaskClass::Work))
                .collect(),
        )
        .await;
    let claims = join_all((0..8).map(|_| claim(bench, work(4)))).await;
    let mut running: HashMap<ProjectId, usize> = HashMap::new();
    for claimed in claims.iter().flat_map(|claim| &claim.tasks) {
        *running.entry(claimed.task.project).or_default() += 1;
    }
    assert_eq!((running[&narrow], running[&wide]), (2, 20));
    let held = claims
        .iter()
        .flat_map(|claim| &claim.tasks)
        .find(|claimed| claimed.task.project == narrow)
        .unwrap();
    assert!(claim(bench, work(9)).await.tasks.is_empty());
    complete(bench, held).await;
    assert_eq!(
        claim(bench, work(9)).await.tasks.len(),
        1,
        "a completed task frees its place"
    );
}

pub(super) async fn control_tasks_are_not_limited(bench: &Bench) {
    let project = bench.project("one", 1).await;
    bench
        .insert_tasks((0..5).map(|_| a_task(project, TaskClass::Control)).collect())
        .await;
    bench
        .insert_tasks((0..5).map(|_| a_task(project, TaskClass::Work)).collect())
        .await;
    let control = ClaimRequest {
        class: TaskClass::Control,
        ..work(9)
    };
    assert_eq!(claim(bench, control).await.tasks.len(), 5);
    assert_eq!(
        claim(bench, work(9)).await.tasks.len(),
        1,
        "and they take no place from work"
    );
}

pub(super) async fn many_claimers_never_share_a_task(bench: &Bench) {
    let project = bench.project("one", 1000).await;
    let tasks: Vec<NewTask> = (0..200).map(|_| a_task(project, TaskClass::Work)).collect();
    let expected: HashSet<TaskId> = tasks.iter().map(|task| task.id).collect();
    bench.insert_tasks(tasks).await;
    let other = codecourier_store::Store::open(bench.config.clone()).await.unwrap();
    let benches = [
        bench.clone(),
        Bench {
            store: other.clone(),
            config: bench.config.clone(),
        },
    ];
    let claims = join_all((0..60).map(|index| claim(&benches[index % 2], work(5)))).await;
    let claimed: Vec<TaskId> = claims.iter().flat_map(ids).collect();
    assert_eq!(claimed.len(), 200);
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>(), expected);
    other.close().await;
}

pub(super) async fn inserting_a_task_twice_changes_nothing(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let task = a_task(project, TaskClass::Work);
    bench.insert_tasks(vec![task.clone()]).await;
    let claimed = claim(bench, work(1)).await.tasks.remove(0);
    complete(bench, &claimed).await;
    let again = bench
        .store
        .write(move |tx| Box::pin(async move { tx.insert_task(&task).await }));
    assert_eq!(again.await.unwrap(), Inserted::Existing);
    assert!(
        claim(bench, work(1)).await.tasks.is_empty(),
        "a done task is not done again"
    );
    let stored = bench
        .store
        .read()
        .await
        .unwrap()
        .task(project, claimed.task.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (stored.status, stored.finished_at, stored.owner),
        (TaskStatus::Done, Some(NOON), None)
    );
    assert_eq!(
        bench
            .store
            .read()
            .await
            .unwrap()
            .task(project, task_id())
            .await
            .unwrap(),
        None
    );
}

pub(super) async fn whoever_waits_is_told_of_new_work(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let mut signal = bench.store.work_signal();
    assert!(claim(bench, work(1)).await.tasks.is_empty());
    assert!(
        poll_immediate(signal.moved()).await.is_none(),
        "an empty claim moves nothing"
    );
    // A commit before the wait begins is not missed.
    bench
        .insert_tasks(vec![a_task(project, TaskClass::Work), a_task(project, TaskClass::Work)])
        .await;
    signal.moved().await.unwrap();
    let claimed = claim(bench, work(1)).await.tasks.remove(0);
    while poll_immediate(signal.moved()).await.is_some() {}
    // A free place is work, too.
    let ((), moved) = tokio::join!(complete(bench, &claimed), signal.moved());
    moved.unwrap();
    assert_eq!(claim(bench, work(1)).await.tasks.len(), 1);
}
