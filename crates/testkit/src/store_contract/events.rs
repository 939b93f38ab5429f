//! The event log: complete, ordered, fenced by the journal's position.

use std::sync::Arc;

use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_store::events::{CursorAdvance, EventAppend, EventWindow, JournalCursor, NewEvent};
use codecourier_store::{Body, Error};

use super::{Bench, NOON, project_id};

fn numbered(numbers: impl IntoIterator<Item = u64>) -> Vec<NewEvent> {
    let event = |number| NewEvent {
        kind: Arc::from("text"),
        at: NOON,
        body: Body::of(&number).unwrap(),
    };
    numbers.into_iter().map(event).collect()
}

async fn append(bench: &Bench, append: EventAppend) -> Result<u64, Error> {
    bench
        .store
        .write(move |tx| Box::pin(async move { tx.append_events(append).await }))
        .await
}

fn plain(project: ProjectId, run: RunId, numbers: impl IntoIterator<Item = u64>) -> EventAppend {
    EventAppend {
        project,
        run,
        step: None,
        cursor: None,
        events: numbered(numbers),
    }
}

fn from_journal(
    (project, run, step): (ProjectId, RunId, StepId),
    [expected, new]: [&str; 2],
    numbers: impl IntoIterator<Item = u64>,
) -> EventAppend {
    let cursor = CursorAdvance {
        expected: JournalCursor(expected.to_owned()),
        new: JournalCursor(new.to_owned()),
    };
    EventAppend {
        project,
        run,
        step: Some(step),
        cursor: Some(cursor),
        events: numbered(numbers),
    }
}

async fn window(bench: &Bench, project: ProjectId, run: RunId, window: EventWindow, limit: u32) -> Vec<u64> {
    let events = bench
        .store
        .read()
        .await
        .unwrap()
        .events(project, run, window, limit)
        .await
        .unwrap();
    events.iter().map(|event| event.seq).collect()
}

pub(super) async fn numbers_have_no_gap_and_windows_open_both_ways(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let (run, other) = (bench.run(project).await, bench.run(project).await);
    assert_eq!(append(bench, plain(project, run, 1..=7)).await.unwrap(), 7);
    assert_eq!(append(bench, plain(project, other, 1..=2)).await.unwrap(), 2);
    assert_eq!(append(bench, plain(project, run, 8..=10)).await.unwrap(), 10);
    assert_eq!(
        window(bench, project, run, EventWindow::After(0), 4).await,
        [1, 2, 3, 4]
    );
    assert_eq!(window(bench, project, run, EventWindow::After(8), 4).await, [9, 10]);
    assert_eq!(window(bench, project, run, EventWindow::Before(4), 2).await, [3, 2]);
    assert_eq!(window(bench, project, run, EventWindow::Last, 3).await, [10, 9, 8]);
    assert_eq!(window(bench, project, other, EventWindow::Last, 9).await, [2, 1]);
    assert_eq!(
        bench
            .store
            .read()
            .await
            .unwrap()
            .event_head(project, run)
            .await
            .unwrap(),
        10
    );
}

pub(super) async fn large_appends_keep_their_order(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let run = bench.run(project).await;
    // Not a multiple of any batch size.
    assert_eq!(append(bench, plain(project, run, 1..=1003)).await.unwrap(), 1003);
    let mut reader = bench.store.read().await.unwrap();
    let events = reader.events(project, run, EventWindow::After(0), 2000).await.unwrap();
    assert_eq!(events.len(), 1003);
    for (event, number) in events.iter().zip(1_u64..) {
        assert_eq!(
            (event.seq, event.body.read::<u64>().unwrap(), &*event.kind),
            (number, number, "text")
        );
    }
}

pub(super) async fn a_stale_writer_gets_nothing_in(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let run = bench.run(project).await;
    let place = (project, run, bench.step(project, run).await);
    append(bench, from_journal(place, ["", "100"], 1..=3)).await.unwrap();
    let stale = append(bench, from_journal(place, ["", "90"], 1..=2)).await;
    assert!(matches!(stale, Err(Error::Stale { entity: "journal" })), "{stale:?}");
    append(bench, from_journal(place, ["100", "200"], 4..=4)).await.unwrap();
    assert_eq!(
        window(bench, project, run, EventWindow::After(0), 9).await,
        [1, 2, 3, 4]
    );
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(
        reader.journal_cursor(project, place.2).await.unwrap(),
        Some(JournalCursor("200".to_owned()))
    );
}

pub(super) async fn the_position_moves_without_events_too(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let run = bench.run(project).await;
    let place = (project, run, bench.step(project, run).await);
    assert_eq!(append(bench, from_journal(place, ["", "7"], [])).await.unwrap(), 0);
    assert_eq!(append(bench, from_journal(place, ["7", "9"], [1])).await.unwrap(), 1);
}

pub(super) async fn events_of_another_project_are_out_of_reach(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let run = bench.run(project).await;
    let step = bench.step(project, run).await;
    append(bench, plain(project, run, 1..=3)).await.unwrap();
    let stranger = project_id();
    assert_eq!(window(bench, stranger, run, EventWindow::Last, 9).await, [0_u64; 0]);
    assert!(matches!(
        append(bench, plain(stranger, run, [9])).await,
        Err(Error::NotFound { entity: "run" })
    ));
    let foreign = append(bench, from_journal((stranger, run, step), ["", "1"], [9])).await;
    assert!(
        matches!(foreign, Err(Error::NotFound { entity: "step" })),
        "{foreign:?}"
    );
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(reader.journal_cursor(stranger, step).await.unwrap(), None);
    assert!(matches!(
        reader.event_head(stranger, run).await,
        Err(Error::NotFound { .. })
    ));
}

pub(super) async fn followed_events_arrive_once_and_in_order(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let run = bench.run(project).await;
    append(bench, plain(project, run, 1..=30)).await.unwrap();
    let mut feed = bench.store.follow_events(project, run, 10);
    let following = async {
        let mut numbers = Vec::new();
        while numbers.last() != Some(&2000) {
            numbers.push(feed.next().await.unwrap().seq);
        }
        numbers
    };
    let appending = async {
        for first in (31..=2000).step_by(10) {
            append(bench, plain(project, run, first..=first + 9)).await.unwrap();
        }
    };
    let (numbers, ()) = tokio::join!(following, appending);
    assert_eq!(numbers, (11..=2000).collect::<Vec<_>>());
}
