//! The task queue under murder: three worker processes, killed at random with `kill -9`, on both databases.
//!
//! Each run is a chain of tasks; a worker that completes one appends its number to the run's events and inserts the
//! next, in the same command. So a lost task ends a chain early, a doubled one repeats a number, a reordered one
//! breaks the row. Some workers also stall for longer than their lease and must be turned away when they come back.
//! The seed is printed; `TORTURE_SEED` repeats one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod torture {
    pub(crate) mod chains;
    pub(crate) mod worker;
}

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use codecourier_store::{Store, StoreConfig};
use codecourier_testkit::postgres::Server;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use torture::chains::{Chains, Observed};
use torture::worker::{SEED_VARIABLE, WORKER_VARIABLE, environment};

const WORKERS: usize = 3;
const KILLS: usize = 30;
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_loses_doubles_and_reorders_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    torture(StoreConfig::Sqlite { path: path.clone() }, &path.display().to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_loses_doubles_and_reorders_nothing() {
    let url = Server::shared().create_database();
    torture(StoreConfig::Postgres { url: url.clone() }, &url).await;
}

/// Not a test: what the worker processes run, which are this same program. Without their variable it does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn worker_process() {
    if let Some(place) = environment(WORKER_VARIABLE) {
        torture::worker::work(&place).await;
    }
}

async fn torture(config: StoreConfig, place: &str) {
    let seed: u64 = environment(SEED_VARIABLE)
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(rand::random);
    say(&format!("seed {seed}"));
    let mut random = StdRng::seed_from_u64(seed);
    let store = Store::open(config).await.unwrap();
    let chains = Chains::begin(&store).await;
    let mut workers: Vec<Child> = (0..WORKERS).map(|_| start_worker(place, random.random())).collect();
    let began = Instant::now();
    let mut kills = 0;
    loop {
        let observed = chains.observe(&store).await;
        assert!(
            began.elapsed() < DEADLINE,
            "seed {seed}: the chains do not end: {observed:?}"
        );
        if observed == Observed::Ended {
            break;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(20..200))).await;
        let victim = &mut workers[random.random_range(0..WORKERS)];
        if kills < KILLS || victim.try_wait().unwrap().is_some() {
            victim.kill().unwrap();
            victim.wait().unwrap();
            *victim = start_worker(place, random.random());
            kills += 1;
        }
    }
    for mut worker in workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    let reclaimed = chains.verify(&store, seed).await;
    assert!(
        kills > WORKERS,
        "seed {seed}: the chains ended before anybody was killed: {kills} kills"
    );
    assert!(
        reclaimed > 0,
        "seed {seed}: no task was ever taken from a dead worker, so nothing was proved"
    );
    say(&format!(
        "{kills} kills, {reclaimed} tasks reclaimed, {} ms",
        began.elapsed().as_millis()
    ));
    store.close().await;
}

#[expect(clippy::disallowed_methods, reason = "a worker of this test is this program again")]
fn start_worker(place: &str, seed: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "worker_process", "--nocapture"])
        .env(WORKER_VARIABLE, place)
        .env(SEED_VARIABLE, seed.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[expect(
    clippy::print_stderr,
    reason = "a failure must be repeatable, and a slow run visible"
)]
fn say(text: &str) {
    eprintln!("torture: {text}");
}
