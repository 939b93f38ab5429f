//! The writer on SQLite when things go wrong under it. What it does when nothing does is in the store contract.

use std::time::Duration;

use codecourier_domain::time::Timestamp;
use tokio::sync::oneshot;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::open::Tuning;
use crate::sql::assembled;
use crate::{Store, StoreConfig, Tx};

const NOON: Timestamp = Timestamp(1_800_000_000_000);

async fn open(directory: &tempfile::TempDir) -> Store {
    Store::open(StoreConfig::Sqlite {
        path: directory.path().join("store.db"),
    })
    .await
    .unwrap()
}

fn impatient() -> Tuning {
    Tuning {
        command_limit: Duration::from_millis(20),
        ..Tuning::default()
    }
}

async fn put(store: &Store, key: &'static str, size: usize) -> Result<()> {
    let value = Body::of(&"x".repeat(size)).unwrap();
    store
        .write(move |tx| Box::pin(async move { tx.put_setting(key, &value, NOON).await }))
        .await
}

async fn has(store: &Store, key: &str) -> bool {
    store.read().await.unwrap().setting(key).await.unwrap().is_some()
}

/// Lets the database grow by that many pages and no further: what a full disk does, at a place of our choosing.
async fn leave_room(tx: &mut Tx, pages: i64) -> Result<()> {
    let count = tx
        .fetch_optional("count pages", assembled("PRAGMA page_count".to_owned()))
        .await?
        .unwrap()
        .integer(0)?;
    let limit = assembled(format!("PRAGMA max_page_count = {}", count + pages));
    tx.fetch_all("limit the pages", limit).await.map(drop)
}

#[tokio::test]
async fn a_full_disk_undoes_what_did_not_fit_and_passes() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    put(&store, "before", 10).await.unwrap();
    store.write(|tx| Box::pin(leave_room(tx, 2))).await.unwrap();

    // Alone in its group.
    assert!(matches!(put(&store, "large", 100_000).await, Err(Error::DiskFull(_))));
    // In company. The writer may have taken a new connection, which knows nothing of the limit.
    store.write(|tx| Box::pin(leave_room(tx, 2))).await.unwrap();
    let (release, released) = oneshot::channel::<()>();
    let holding = store.write(move |tx| {
        Box::pin(async move {
            drop(released.await);
            tx.put_setting("holder", &Body::null(), NOON).await
        })
    });
    let (held, small, large, ()) = tokio::join!(
        holding,
        put(&store, "small", 10),
        put(&store, "large", 100_000),
        async {
            release.send(()).unwrap();
        }
    );
    assert!(matches!(large, Err(Error::DiskFull(_))));
    // The database may give up the whole transaction or the statement: what was acknowledged must be there.
    for (result, key) in [(held, "holder"), (small, "small")] {
        assert_eq!(result.is_ok(), has(&store, key).await, "{key}");
    }
    assert!(has(&store, "before").await);
    assert!(!has(&store, "large").await);

    store.write(|tx| Box::pin(leave_room(tx, 10_000))).await.unwrap();
    put(&store, "large", 100_000).await.unwrap();
    assert!(has(&store, "large").await);
}

#[tokio::test]
async fn a_command_that_hangs_is_given_up_and_the_writer_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig::Sqlite {
        path: directory.path().join("store.db"),
    };
    let store = Store::open_tuned(config, impatient()).await.unwrap();
    let hanging = store.write::<(), _>(|tx| {
        Box::pin(async move {
            tx.put_setting("hanging", &Body::null(), NOON).await?;
            std::future::pending().await
        })
    });
    let (hung, after) = tokio::join!(hanging, put(&store, "after", 10));
    assert!(matches!(hung, Err(Error::CommandTimedOut)));
    after.unwrap();
    assert!(!has(&store, "hanging").await);
    assert!(has(&store, "after").await);
}

#[tokio::test]
async fn a_hanging_command_takes_its_group_with_it_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig::Sqlite {
        path: directory.path().join("store.db"),
    };
    let store = Store::open_tuned(config, impatient()).await.unwrap();
    let hanging = store.write::<(), _>(|_| Box::pin(std::future::pending()));
    let (before, hung) = tokio::join!(put(&store, "before", 10), hanging);
    assert!(matches!(hung, Err(Error::CommandTimedOut)));
    // They may have shared a group or not; what was acknowledged must be there.
    assert_eq!(before.is_ok(), has(&store, "before").await);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_when_the_file_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    put(&store, "key", 10).await.unwrap();
    drop(store);
    let store = open(&directory).await;
    assert!(has(&store, "key").await);
}

#[tokio::test]
async fn waits_end_when_the_store_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    let mut work = store.work_signal();
    let mut changes = store.follow_changes(crate::changes::Scope::Installation, 0);
    let (moved, changed, ()) = tokio::join!(work.moved(), changes.next(), async {
        // The follower has read the log and waits when this has gone through.
        put(&store, "key", 1).await.unwrap();
        store.close().await;
    });
    assert!(matches!(moved, Err(Error::Closed)));
    assert!(matches!(changed, Err(Error::Closed)), "{changed:?}");
    assert!(matches!(store.read().await, Err(Error::Closed)));
    assert!(matches!(store.work_signal().moved().await, Err(Error::Closed)));
}
