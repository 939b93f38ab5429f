//! A worker process: claims, works, completes, and now and then stalls until its lease is over.

use std::path::PathBuf;
use std::time::Duration;

use codecourier_domain::id::BootId;
use codecourier_domain::time::Timestamp;
use codecourier_store::tasks::{ClaimRequest, ClaimedTask, TaskClass};
use codecourier_store::{Error, Store, StoreConfig};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::chains::advance;

pub(crate) const WORKER_VARIABLE: &str = "TORTURE_WORKER";
pub(crate) const SEED_VARIABLE: &str = "TORTURE_SEED";

const HANDS: u32 = 8;
const LEASE_MS: i64 = 400;
/// Other processes tell nothing, so a worker looks again by itself.
const PERIOD: Duration = Duration::from_millis(20);

pub(crate) async fn work(place: &str) {
    let config = match place.starts_with("postgres:") {
        true => StoreConfig::Postgres { url: place.to_owned() },
        false => StoreConfig::Sqlite {
            path: PathBuf::from(place),
        },
    };
    let store = Store::open(config).await.unwrap();
    let mut random = StdRng::seed_from_u64(environment(SEED_VARIABLE).unwrap().parse().unwrap());
    let owner = BootId::from_uuid(Uuid::now_v7());
    let mut signal = store.work_signal();
    let mut hands = JoinSet::new();
    loop {
        let limit = HANDS - u32::try_from(hands.len()).unwrap();
        let request = ClaimRequest {
            owner,
            class: TaskClass::Work,
            limit,
            now: now(),
            lease_until: now().plus_milliseconds(LEASE_MS),
        };
        let claim = store
            .write(move |tx| Box::pin(async move { tx.claim_tasks(request).await }))
            .await
            .unwrap();
        for claimed in claim.tasks {
            hands.spawn(finish(store.clone(), claimed, random.random()));
        }
        while hands.try_join_next().is_some() {}
        drop(tokio::time::timeout(PERIOD, signal.moved()).await);
    }
}

async fn finish(store: Store, claimed: ClaimedTask, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let stalls = random.random_bool(0.02);
    let work = if stalls {
        LEASE_MS.unsigned_abs() * 3 / 2
    } else {
        random.random_range(0..60)
    };
    tokio::time::sleep(Duration::from_millis(work)).await;
    let ClaimedTask { task, fence } = claimed;
    let advanced = store
        .write(move |tx| Box::pin(async move { advance(tx, fence, &task).await }))
        .await;
    assert!(matches!(advanced, Ok(()) | Err(Error::Fenced)), "{advanced:?}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "leases between processes need the time of the machine"
)]
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

#[expect(clippy::disallowed_methods, reason = "the test harness takes no arguments of ours")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
