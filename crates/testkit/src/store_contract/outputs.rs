//! What the agents of many steps put out at once: complete, ordered, and none of it at another's cost.

use std::sync::Arc;

use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_store::events::{CursorAdvance, EventWindow, JournalCursor, NewEvent, OutputAppend};
use codecourier_store::tasks::{Fence, TaskClass};
use codecourier_store::{Body, Error};
use futures::future::join_all;

use super::queue::{claim, work};
use super::{Bench, NOON, a_task, project_id, step_id};

/// A step that somebody works on.
#[derive(Clone, Copy)]
struct Worked {
    fence: Fence,
    run: RunId,
    step: StepId,
}

impl Worked {
    /// Events that say which step they are of and where in its output, read from one position to another.
    fn put_out(self, [from, to]: [u64; 2]) -> OutputAppend {
        let cursor = |position: u64| {
            JournalCursor(if position == 0 {
                String::new()
            } else {
                position.to_string()
            })
        };
        let event = |position| NewEvent {
            kind: Arc::from("text"),
            at: NOON,
            body: Body::of(&(self.step.to_string(), position)).unwrap(),
        };
        OutputAppend {
            fence: self.fence,
            run: self.run,
            step: self.step,
            cursor: CursorAdvance {
                expected: cursor(from),
                new: cursor(to),
            },
            events: (from..to).map(event).collect(),
        }
    }
}

async fn worked(bench: &Bench, project: ProjectId, run: RunId, ordinal: u32) -> Worked {
    let step = bench.step_at(project, run, ordinal).await;
    bench.insert_tasks(vec![a_task(project, TaskClass::Work)]).await;
    let fence = claim(bench, work(1)).await.tasks[0].fence;
    Worked { fence, run, step }
}

async fn written(bench: &Bench, project: ProjectId, run: RunId) -> Vec<(String, u64)> {
    let mut reader = bench.store.read().await.unwrap();
    let events = reader
        .events(project, run, EventWindow::After(0), 10_000)
        .await
        .unwrap();
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    events
        .iter()
        .map(|event| {
            let (step, position) = event.body.read::<(String, u64)>().unwrap();
            assert_eq!(event.step.map(|step| step.to_string()), Some(step.clone()));
            (step, position)
        })
        .collect()
}

pub(super) async fn what_many_steps_put_out_at_once_is_whole(bench: &Bench) {
    const STEPS: u32 = 12;
    const APPENDS: u64 = 40;
    let project = bench.project("one", 100).await;
    let runs = [
        bench.run(project).await,
        bench.run(project).await,
        bench.run(project).await,
    ];
    let mut steps = Vec::new();
    for index in 0..STEPS {
        steps.push(worked(bench, project, runs[index as usize % runs.len()], index).await);
    }
    let mut feed = bench.store.follow_events(project, runs[0], 0);
    let putting_out = join_all(steps.iter().map(|step| async move {
        let mut position = 0;
        for append in 0..APPENDS {
            let next = position + append % 5;
            let last = bench.store.append_output(step.put_out([position, next])).await.unwrap();
            assert!(last >= next, "{last} is the number of one's own last event at least");
            position = next;
        }
        position
    }));
    let following = async {
        let mut seen = Vec::new();
        while seen.len() < STEPS as usize / runs.len() * 80 {
            seen.push(feed.next().await.unwrap().seq);
        }
        seen
    };
    let (positions, seen) = futures::future::join(putting_out, following).await;
    assert_eq!(positions, [80; STEPS as usize]);
    assert_eq!(seen, (1..=320).collect::<Vec<_>>());
    for run in runs {
        let written = written(bench, project, run).await;
        for step in steps.iter().filter(|step| step.run == run) {
            let name = step.step.to_string();
            let own = written
                .iter()
                .filter(|(step, _)| *step == name)
                .map(|(_, position)| *position);
            assert_eq!(own.collect::<Vec<_>>(), (0..80).collect::<Vec<_>>());
        }
    }
}

pub(super) async fn one_output_that_is_refused_leaves_the_others_alone(bench: &Bench) {
    let project = bench.project("one", 100).await;
    let (run, other) = (bench.run(project).await, bench.run(project).await);
    let (good, stale) = (
        worked(bench, project, run, 1).await,
        worked(bench, project, run, 2).await,
    );
    let (lost, gone) = (
        worked(bench, project, run, 3).await,
        worked(bench, project, other, 1).await,
    );
    let last = worked(bench, project, other, 2).await;
    bench.store.append_output(stale.put_out([0, 4])).await.unwrap();
    let taken = Fence {
        attempt: lost.fence.attempt + 1,
        ..lost.fence
    };
    let foreign = Fence {
        project: project_id(),
        ..good.fence
    };
    let ends = join_all(
        [
            good.put_out([0, 3]),
            stale.put_out([0, 2]),
            Worked { fence: taken, ..lost }.put_out([0, 2]),
            Worked {
                step: step_id(),
                ..gone
            }
            .put_out([0, 2]),
            Worked {
                fence: foreign,
                step: lost.step,
                run,
            }
            .put_out([0, 2]),
            last.put_out([0, 1]),
        ]
        .map(|append| bench.store.append_output(append)),
    )
    .await;
    assert!(matches!(ends[0], Ok(7)), "{ends:?}");
    assert!(matches!(ends[1], Err(Error::Stale { entity: "journal" })), "{ends:?}");
    assert!(matches!(ends[2], Err(Error::Fenced)), "{ends:?}");
    assert!(matches!(ends[3], Err(Error::NotFound { entity: "step" })), "{ends:?}");
    assert!(matches!(ends[4], Err(Error::Fenced)), "{ends:?}");
    assert!(matches!(ends[5], Ok(1)), "{ends:?}");
    assert_eq!(written(bench, project, run).await.len(), 7);
    assert_eq!(written(bench, project, other).await.len(), 1);
}

pub(super) async fn of_two_who_put_out_for_one_step_the_later_gets_nothing_in(bench: &Bench) {
    let project = bench.project("one", 100).await;
    let run = bench.run(project).await;
    let step = worked(bench, project, run, 1).await;
    let (first, second) = futures::future::join(
        bench.store.append_output(step.put_out([0, 3])),
        bench.store.append_output(step.put_out([0, 5])),
    )
    .await;
    assert_eq!(first.unwrap(), 3);
    assert!(matches!(second, Err(Error::Stale { .. })), "{second:?}");
    assert_eq!(written(bench, project, run).await.len(), 3);
}

pub(super) async fn an_output_as_large_as_any_is_one(bench: &Bench) {
    let project = bench.project("one", 100).await;
    let run = bench.run(project).await;
    let (large, small) = (
        worked(bench, project, run, 1).await,
        worked(bench, project, run, 2).await,
    );
    let (first, second) = futures::future::join(
        bench.store.append_output(large.put_out([0, 5_003])),
        bench.store.append_output(small.put_out([0, 1])),
    )
    .await;
    assert_eq!((first.unwrap(), second.unwrap()), (5_003, 5_004));
    let written = written(bench, project, run).await;
    let positions: Vec<u64> = written.iter().map(|(_, position)| *position).collect();
    assert_eq!(positions, (0..5_003).chain([0]).collect::<Vec<_>>());
}
