//! The store contract, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use codecourier_store::{Store, StoreConfig};
use codecourier_testkit::postgres::Server;
use codecourier_testkit::store_contract::{Bench, run_all};

async fn bench(config: StoreConfig) -> Bench {
    Bench {
        store: Store::open(config.clone()).await.unwrap(),
        config,
    }
}

fn report(failures: &[String]) {
    assert!(
        failures.is_empty(),
        "{} cases failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let mut number = 0;
    let open = || {
        number += 1;
        bench(StoreConfig::Sqlite {
            path: directory.path().join(format!("{number}.db")),
        })
    };
    report(&run_all(open).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_the_contract() {
    let server = Server::shared();
    report(
        &run_all(|| {
            bench(StoreConfig::Postgres {
                url: server.create_database(),
            })
        })
        .await,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_together_on_an_empty_database_all_start() {
    let url = Server::shared().create_database();
    let opening = (0..4).map(|_| Store::open(StoreConfig::Postgres { url: url.clone() }));
    for store in futures::future::join_all(opening).await {
        store.unwrap().close().await;
    }
}
