//! The wall between projects and between people, for every function of the store, on SQLite and on PostgreSQL; and that
//! no function is forgotten: the store's own sources are read.

use std::collections::BTreeSet;

use codecourier_store::{Store, StoreConfig};
use codecourier_testkit::postgres::Server;
use codecourier_testkit::store_contract::Bench;
use codecourier_testkit::store_contract::tenancy::{EXEMPT, WITHOUT_SCOPE, drive, driven};

use crate::sources::functions;
use crate::tables;

/// What says whose a thing is.
const SCOPES: &[&str] = &["ProjectId", "UserId", "Scope", "AuditScope"];

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_nothing_of_another_project_is_found_or_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    check(StoreConfig::Sqlite { path }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_nothing_of_another_project_is_found_or_changed() {
    let url = Server::shared().create_database();
    check(StoreConfig::Postgres { url }).await;
}

async fn check(config: StoreConfig) {
    let bench = Bench {
        store: Store::open(config.clone()).await.unwrap(),
        config: config.clone(),
    };
    let dump = || -> futures::future::BoxFuture<'static, _> { Box::pin(tables::dump(config.clone())) };
    let wrong = drive(bench, &dump).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_function_of_the_store_is_forgotten() {
    let functions = functions();
    assert!(functions.len() > 100, "only {} functions were found", functions.len());
    let driven: BTreeSet<&str> = driven().into_iter().collect();
    let mut wrong = Vec::new();
    for (name, takes) in &functions {
        let is_scoped = SCOPES.iter().any(|scope| takes.contains(*scope));
        let is_without = WITHOUT_SCOPE.iter().any(|(function, _)| function == name);
        let is_exempt = EXEMPT.iter().any(|(function, _)| function == name);
        let lists = [driven.contains(name.as_str()), is_without, is_exempt];
        match lists.iter().filter(|listed| **listed).count() {
            0 if is_scoped => wrong.push(format!("{name} is not driven with a foreign thing")),
            0 => wrong.push(format!(
                "{name} takes neither a project nor a person, and no reason is given"
            )),
            1 => {}
            _ => wrong.push(format!("{name} is listed twice")),
        }
        if is_without && is_scoped {
            wrong.push(format!("{name} takes a project or a person now: drive it"));
        }
        if is_exempt && !is_scoped {
            wrong.push(format!("{name} takes no project or person any more"));
        }
    }
    let listed = driven
        .iter()
        .chain(WITHOUT_SCOPE.iter().chain(EXEMPT).map(|(function, _)| function));
    wrong.extend(
        listed
            .filter(|function| !functions.contains_key(**function))
            .map(|function| format!("{function} is not in the store any more")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
