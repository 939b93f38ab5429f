//! What a crash of the PostgreSQL server does to the store: typed failures, nothing half kept, and life after it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use codecourier_domain::time::Timestamp;
use codecourier_store::{Body, Error, Result, Store, StoreConfig};
use codecourier_testkit::postgres::Server;
use tokio::sync::oneshot;

const NOON: Timestamp = Timestamp(1_800_000_000_000);

async fn put(store: &Store, key: &'static str) -> Result<()> {
    store
        .write(move |tx| Box::pin(async move { tx.put_setting(key, &Body::null(), NOON).await }))
        .await
}

/// After a crash each pooled connection may be found dead once; that is said as what it is.
async fn has(store: &Store, key: &str) -> bool {
    for _ in 0..20 {
        let read = async { store.read().await?.setting(key).await };
        match read.await {
            Ok(value) => return value.is_some(),
            Err(Error::Unavailable(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("reads do not recover");
}

/// A command that writes, tells that it did, and goes on when told.
struct Paused {
    wrote: oneshot::Receiver<()>,
    go_on: oneshot::Sender<()>,
}

fn paused(store: &Store, keys: &'static [&'static str]) -> (Paused, impl Future<Output = Result<()>> + Send + use<>) {
    let (tell, wrote) = oneshot::channel();
    let (go_on, told) = oneshot::channel();
    let store = store.clone();
    let command = async move {
        store
            .write(move |tx| {
                Box::pin(async move {
                    tx.put_setting("begun", &Body::null(), NOON).await?;
                    let _ = tell.send(());
                    drop(told.await);
                    for key in keys {
                        tx.put_setting(key, &Body::null(), NOON).await?;
                    }
                    Ok(())
                })
            })
            .await
    };
    (Paused { wrote, go_on }, command)
}

async fn crash_while(server: &Server, paused: Paused) {
    paused.wrote.await.unwrap();
    tokio::task::block_in_place(|| server.crash_and_restart());
    paused.go_on.send(()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_server_is_told_apart_and_survived() {
    let server = Server::start();
    let store = Store::open(StoreConfig::Postgres {
        url: server.create_database(),
    })
    .await
    .unwrap();
    put(&store, "before").await.unwrap();
    assert!(has(&store, "before").await);

    // Between commands: nothing was under way, so nobody notices.
    tokio::task::block_in_place(|| server.crash_and_restart());
    put(&store, "between").await.unwrap();

    // In a command: it is lost, and it says so.
    let (pause, command) = paused(&store, &["never"]);
    let (lost, ()) = tokio::join!(command, crash_while(&server, pause));
    assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");

    // Before the commit: nobody can say, and that is said.
    let (pause, command) = paused(&store, &[]);
    let (unknown, ()) = tokio::join!(command, crash_while(&server, pause));
    assert!(matches!(unknown, Err(Error::CommitUnknown(_))), "{unknown:?}");

    put(&store, "after").await.unwrap();
    for (key, expected) in [
        ("before", true),
        ("between", true),
        ("begun", false),
        ("never", false),
        ("after", true),
    ] {
        assert_eq!(has(&store, key).await, expected, "{key}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let nowhere = tempfile::tempdir().unwrap();
    let url = format!("postgres:///nothing?user=nobody&host={}", nowhere.path().display());
    let opened = Store::open(StoreConfig::Postgres { url }).await;
    assert!(matches!(opened, Err(Error::Unavailable(_))), "{opened:?}");
    let opened = Store::open(StoreConfig::Postgres {
        url: "not a url".to_owned(),
    })
    .await;
    assert!(matches!(opened, Err(Error::Address { .. })), "{opened:?}");
    let file = StoreConfig::Sqlite {
        path: nowhere.path().join("missing/store.db"),
    };
    let opened = Store::open(file).await;
    assert!(matches!(opened, Err(Error::Unavailable(_))), "{opened:?}");
}
