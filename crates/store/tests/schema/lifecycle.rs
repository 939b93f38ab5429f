//! Every table has an end: a rule that says what keeps it from growing, and a purge that leaves nothing.

use std::collections::BTreeSet;

use codecourier_store::retention::{RULES, Rule};
use codecourier_store::{Store, StoreConfig};
use codecourier_testkit::postgres::Server;
use codecourier_testkit::store_contract::{Bench, tenancy};
use futures::future::BoxFuture;

use crate::sources::functions;
use crate::tables;

async fn bench(config: &StoreConfig) -> Bench {
    Bench {
        store: Store::open(config.clone()).await.unwrap(),
        config: config.clone(),
    }
}

fn sqlite(directory: &tempfile::TempDir) -> StoreConfig {
    StoreConfig::Sqlite {
        path: directory.path().join("store.db"),
    }
}

fn postgres() -> StoreConfig {
    StoreConfig::Postgres {
        url: Server::shared().create_database(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_has_a_rule_for_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let config = sqlite(&directory);
    bench(&config).await.store.close().await;
    let tables: BTreeSet<String> = tables::dump(config).await.into_iter().map(|(table, _)| table).collect();
    let with_rules: BTreeSet<String> = RULES.iter().map(|(table, _)| (*table).to_owned()).collect();
    assert_eq!(tables, with_rules);
    assert_eq!(RULES.len(), with_rules.len(), "one rule each");
    let functions = functions();
    for (table, rule) in RULES {
        match rule {
            Rule::Swept(by) => assert!(
                functions.contains_key(*by),
                "{table} is swept by {by}, which is not there"
            ),
            Rule::With(owner) => assert!(tables.contains(*owner), "{table} goes with {owner}, which is not there"),
            Rule::Bounded(why) => assert!(!why.is_empty(), "{table} needs a reason"),
            // The purge that leaves nothing is the proof.
            Rule::WithProject => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_purge_leaves_nothing_wherever_it_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    purge(sqlite(&directory)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_purge_leaves_nothing_wherever_it_is_cut_off() {
    purge(postgres()).await;
}

async fn purge(config: StoreConfig) {
    let dump = || -> BoxFuture<'static, _> { Box::pin(tables::dump(config.clone())) };
    tenancy::purge(bench(&config).await, &dump).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_what_ended_is_swept_after_its_time() {
    let directory = tempfile::tempdir().unwrap();
    sweep(sqlite(&directory)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_what_ended_is_swept_after_its_time() {
    sweep(postgres()).await;
}

async fn sweep(config: StoreConfig) {
    let dump = || -> BoxFuture<'static, _> { Box::pin(tables::dump(config.clone())) };
    tenancy::sweep(bench(&config).await, &dump).await;
}
