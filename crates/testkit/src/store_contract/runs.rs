//! Runs: lists, states, and what is pinned.

use codecourier_domain::id::RunId;
use codecourier_domain::run::RunStatus;
use codecourier_domain::time::Timestamp;
use codecourier_store::Error;
use codecourier_store::page::PageCursor;
use codecourier_store::runs::{Inserted, NewRun, RunList, RunUpdate};

use super::{Bench, NOON, a_run, body, run_id};

async fn insert(bench: &Bench, run: NewRun) -> Inserted {
    bench
        .store
        .write(move |tx| Box::pin(async move { tx.insert_run(&run).await }))
        .await
        .unwrap()
}

fn update(status: RunStatus, finished_at: Option<Timestamp>) -> RunUpdate {
    RunUpdate {
        status,
        started_at: Some(NOON),
        finished_at,
        state: body("moved"),
    }
}

pub(super) async fn pages_are_newest_first_and_meet_without_overlap(bench: &Bench) {
    let project = bench.project("one", 1).await;
    bench.run(bench.project("two", 1).await).await;
    // Several per moment, so that the identifier has to break ties.
    let runs: Vec<NewRun> = (0..10)
        .map(|index| a_run(project, NOON.plus_milliseconds(index / 4)))
        .collect();
    for run in &runs {
        insert(bench, run.clone()).await;
    }
    let mut expected: Vec<(Timestamp, RunId)> = runs.iter().map(|run| (run.created_at, run.id)).collect();
    expected.sort_unstable();
    expected.reverse();
    let mut reader = bench.store.read().await.unwrap();
    let mut listed = Vec::new();
    let mut after: Option<PageCursor<RunId>> = None;
    loop {
        let page = reader
            .runs(
                project,
                RunList {
                    status: None,
                    after,
                    limit: 3,
                },
            )
            .await
            .unwrap();
        assert!(page.items.len() <= 3);
        listed.extend(page.items.iter().map(|run| (run.created_at, run.id)));
        // What was begun since is newer and belongs to no later page.
        insert(bench, a_run(project, NOON.plus_milliseconds(1000))).await;
        match page.next {
            Some(next) => after = Some(next.to_string().parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(listed, expected);
}

pub(super) async fn lists_can_be_of_one_status(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let (first, second) = (bench.run(project).await, bench.run(project).await);
    let update = update(RunStatus::Completed, Some(NOON));
    bench
        .store
        .write(move |tx| Box::pin(async move { tx.save_run(project, first, 0, &update).await }))
        .await
        .unwrap();
    let mut reader = bench.store.read().await.unwrap();
    for (status, expected) in [(RunStatus::Completed, first), (RunStatus::Pending, second)] {
        let list = RunList {
            status: Some(status),
            after: None,
            limit: 9,
        };
        let page = reader.runs(project, list).await.unwrap();
        assert_eq!(
            page.items.iter().map(|run| (run.id, run.status)).collect::<Vec<_>>(),
            [(expected, status)]
        );
        assert_eq!(page.next, None);
    }
}

pub(super) async fn a_state_is_saved_only_over_the_revision_it_came_from(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let run = bench.run(project).await;
    let save = |run, revision| {
        let update = update(RunStatus::Running, None);
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.save_run(project, run, revision, &update).await }))
    };
    save(run, 0).await.unwrap();
    assert!(matches!(save(run, 0).await, Err(Error::Stale { entity: "run" })));
    assert!(matches!(
        save(run_id(), 0).await,
        Err(Error::NotFound { entity: "run" })
    ));
    save(run, 1).await.unwrap();
    let saved = bench
        .store
        .read()
        .await
        .unwrap()
        .run(project, run)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (saved.revision, saved.state, saved.summary.status),
        (2, body("moved"), RunStatus::Running)
    );
    assert_eq!(
        (saved.summary.started_at, saved.summary.finished_at),
        (Some(NOON), None)
    );
}

pub(super) async fn what_is_pinned_stays_and_inserting_twice_changes_nothing(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let run = a_run(project, NOON);
    let id = run.id;
    assert_eq!(insert(bench, run.clone()).await, Inserted::New);
    let again = NewRun {
        body: body("other"),
        state: body("other"),
        ..run
    };
    assert_eq!(insert(bench, again).await, Inserted::Existing);
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(reader.run_body(project, id).await.unwrap(), Some(body("pinned")));
    let run = reader.run(project, id).await.unwrap().unwrap();
    assert_eq!((run.state, run.revision), (body("state"), 0));
    assert_eq!(run.summary.prompt_preview, "Fix the clock");
    assert_eq!(run.summary.workflow, "designer-checker");
}

pub(super) async fn what_is_under_way_is_counted_across_projects(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let ended = a_run(project, NOON);
    for run in [
        ended.clone(),
        a_run(project, NOON),
        a_run(bench.project("two", 1).await, NOON),
    ] {
        insert(bench, run).await;
    }
    let end = update(RunStatus::Completed, Some(NOON));
    bench
        .store
        .write(move |tx| Box::pin(async move { tx.save_run(project, ended.id, 0, &end).await }))
        .await
        .unwrap();
    let under_way = bench.store.read().await.unwrap().under_way().await.unwrap();
    assert_eq!(under_way.runs, [("pending", 2), ("running", 0), ("paused", 0)]);
    assert_eq!(under_way.tasks, [("ready", 0), ("scheduled", 0), ("running", 0)]);
    assert_eq!(under_way.sandboxes, 0);
}

pub(super) async fn unfinished_runs_are_found_across_projects(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let (ended, open, other) = (bench.run(one).await, bench.run(one).await, bench.run(two).await);
    let update = update(RunStatus::Failed, Some(NOON));
    bench
        .store
        .write(move |tx| Box::pin(async move { tx.save_run(one, ended, 0, &update).await }))
        .await
        .unwrap();
    let unfinished = bench.store.read().await.unwrap().unfinished_runs().await.unwrap();
    let pairs: Vec<_> = unfinished.iter().map(|run| (run.project, run.id)).collect();
    assert_eq!(pairs, [(one, open), (two, other)]);
}
