//! Commands: whole or not at all, each for itself, and durable when answered.

use codecourier_store::{Error, Store};
use futures::future::{join_all, poll_immediate};
use tokio::sync::oneshot;

use super::changes::{append, scope_of};
use super::{Bench, NOON, a_run, body, project_id};

async fn put(store: &Store, key: &'static str) -> Result<(), Error> {
    store
        .write(move |tx| Box::pin(async move { tx.put_setting(key, &body(key), NOON).await }))
        .await
}

/// Keeps the writer busy until released, so that what is sent meanwhile shares one group.
async fn hold(store: &Store, released: oneshot::Receiver<()>) -> Result<(), Error> {
    store
        .write(move |tx| {
            Box::pin(async move {
                tx.put_setting("holder", &body("holder"), NOON).await?;
                drop(released.await);
                Ok(())
            })
        })
        .await
}

pub(super) async fn a_failed_command_undoes_its_own_writes_and_no_others(bench: &Bench) {
    let store = &bench.store;
    let (release, released) = oneshot::channel();
    let failing = store.write::<(), _>(|tx| {
        Box::pin(async move {
            tx.put_setting("bad", &body("bad"), NOON).await?;
            Err(Error::Fenced)
        })
    });
    let (held, before, failed, after, ()) = tokio::join!(
        hold(store, released),
        put(store, "before"),
        failing,
        put(store, "after"),
        async {
            release.send(()).unwrap();
        }
    );
    held.unwrap();
    before.unwrap();
    after.unwrap();
    assert!(matches!(failed, Err(Error::Fenced)));
    for (key, expected) in [("holder", true), ("before", true), ("bad", false), ("after", true)] {
        assert_eq!(bench.setting(key).await.is_some(), expected, "{key}");
    }
}

pub(super) async fn a_panicking_command_undoes_its_own_writes_and_no_others(bench: &Bench) {
    let store = &bench.store;
    let (release, released) = oneshot::channel();
    let panicking = store.write::<(), _>(|tx| {
        Box::pin(async move {
            tx.put_setting("bad", &body("bad"), NOON).await?;
            std::panic::panic_any("as this case wants");
        })
    });
    let (held, panicked, after, ()) = tokio::join!(hold(store, released), panicking, put(store, "after"), async {
        release.send(()).unwrap();
    });
    held.unwrap();
    after.unwrap();
    assert!(matches!(panicked, Err(Error::CommandPanicked { message }) if message == "as this case wants"));
    assert_eq!(bench.setting("bad").await, None);
    assert_eq!(bench.setting("after").await.as_deref(), Some("after"));
}

pub(super) async fn a_command_that_fails_first_leaves_the_next_ones_alone(bench: &Bench) {
    let store = &bench.store;
    for _ in 0..3 {
        let failing = store.write::<(), _>(|tx| {
            Box::pin(async move {
                tx.put_setting("bad", &body("bad"), NOON).await?;
                Err(Error::Fenced)
            })
        });
        let (failed, after) = tokio::join!(failing, put(store, "after"));
        assert!(matches!(failed, Err(Error::Fenced)));
        after.unwrap();
    }
    assert_eq!(bench.setting("bad").await, None);
    assert_eq!(bench.setting("after").await.as_deref(), Some("after"));
}

pub(super) async fn a_swallowed_failure_undoes_the_command_all_the_same(bench: &Bench) {
    let result = bench.store.write(|tx| {
        Box::pin(async move {
            tx.put_setting("bad", &body("bad"), NOON).await?;
            // There is no such project, so the database refuses.
            drop(tx.insert_run(&a_run(project_id(), NOON)).await);
            Ok(())
        })
    });
    assert!(matches!(result.await, Err(Error::Database(_))));
    assert_eq!(bench.setting("bad").await, None);
    put(&bench.store, "after").await.unwrap();
}

pub(super) async fn a_dropped_caller_does_not_stop_a_command(bench: &Bench) {
    let store = &bench.store;
    let (release, released) = oneshot::channel();
    let mut held = Box::pin(hold(store, released));
    assert!(poll_immediate(&mut held).await.is_none(), "it waits for its commit");
    drop(held);
    release.send(()).unwrap_or(());
    // Commands are taken in order, so the one before is through when this one is.
    put(store, "after").await.unwrap();
    assert_eq!(bench.setting("holder").await.as_deref(), Some("holder"));
}

pub(super) async fn a_command_reads_what_it_wrote(bench: &Bench) {
    let seen = bench.store.write(|tx| {
        Box::pin(async move {
            let before = tx.read().setting("key").await?;
            tx.put_setting("key", &body("value"), NOON).await?;
            Ok((before, tx.read().setting("key").await?))
        })
    });
    assert_eq!(seen.await.unwrap(), (None, Some(body("value"))));
}

pub(super) async fn commands_of_many_callers_all_count(bench: &Bench) {
    let counting = (0..200).map(|_| {
        bench.store.write(|tx| {
            Box::pin(async move {
                let count: u64 = match tx.read().setting("count").await? {
                    Some(body) => body.read()?,
                    None => 0,
                };
                tx.put_setting("count", &codecourier_store::Body::of(&(count + 1))?, NOON)
                    .await
            })
        })
    });
    for result in join_all(counting).await {
        result.unwrap();
    }
    let count = bench
        .store
        .read()
        .await
        .unwrap()
        .setting("count")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(count.read::<u64>().unwrap(), 200);
}

pub(super) async fn two_openings_of_one_database_take_turns(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let other = Store::open(bench.config.clone()).await.unwrap();
    let appending = (0..100).map(|index| append(if index % 2 == 0 { &bench.store } else { &other }, scope_of(project)));
    let mut numbers: Vec<u64> = join_all(appending).await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
    other.close().await;
}

pub(super) async fn a_snapshot_stays_at_its_moment(bench: &Bench) {
    put(&bench.store, "first").await.unwrap();
    let mut snapshot = bench.store.snapshot().await.unwrap();
    // On both databases the moment is that of the first read.
    assert!(snapshot.setting("first").await.unwrap().is_some());
    put(&bench.store, "second").await.unwrap();
    assert!(snapshot.setting("second").await.unwrap().is_none());
    drop(snapshot);
    assert!(bench.setting("second").await.is_some());
}

pub(super) async fn a_closed_store_says_so_and_has_kept_everything(bench: &Bench) {
    let other = Store::open(bench.config.clone()).await.unwrap();
    let mut sent = Box::pin(put(&other, "sent"));
    assert!(poll_immediate(&mut sent).await.is_none());
    other.close().await;
    sent.await.unwrap();
    assert!(matches!(put(&other, "late").await, Err(Error::Closed)));
    assert_eq!(bench.setting("sent").await.as_deref(), Some("sent"));
}
