//! The change log: numbers without a gap, in the order of commits, and followers who miss nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use codecourier_domain::id::ProjectId;
use codecourier_store::changes::{
    ChangeFeed, ChangeOp, ChangesAfter, FollowedChange, NewChange, Observed, Scope, ScopeExtent,
};
use codecourier_store::{Error, Store};
use futures::future::join_all;

use super::{Bench, NOON, body};

pub(super) const fn scope_of(project: ProjectId) -> Scope {
    Scope::Project(project)
}

fn a_change(scope: Scope) -> NewChange {
    NewChange {
        scope,
        kind: "run",
        id: "some".to_owned(),
        op: ChangeOp::Put,
        actor: "tester".to_owned(),
        at: NOON,
        body: body("told"),
    }
}

pub(super) async fn append(store: &Store, scope: Scope) -> u64 {
    store
        .write(move |tx| Box::pin(async move { tx.append_change(a_change(scope)).await }))
        .await
        .unwrap()
}

async fn follow(feed: &mut ChangeFeed, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        match feed.next().await.unwrap() {
            FollowedChange::Change(change) => numbers.push(change.seq),
            FollowedChange::Reset { through } => panic!("reset through {through}"),
        }
    }
    numbers
}

pub(super) async fn numbers_have_no_gap_under_eight_writers(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let scope = scope_of(project);
    let mut feed = bench.store.follow_changes(scope, 0);
    let writer = |store: Store| async move {
        let mut last = 0;
        for _ in 0..40 {
            let number = append(&store, scope).await;
            assert!(number > last, "numbers follow the order of commits");
            last = number;
        }
    };
    join_all((0..8).map(|_| writer(bench.store.clone()))).await;
    assert_eq!(follow(&mut feed, 320).await, (1..=320).collect::<Vec<_>>());
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(reader.change_head(scope).await.unwrap(), 320);
    let ChangesAfter::Changes(page) = reader.changes_after(scope, 310, 5).await.unwrap() else {
        panic!("trimmed")
    };
    assert_eq!(
        page.iter().map(|change| change.seq).collect::<Vec<_>>(),
        [311, 312, 313, 314, 315]
    );
    assert_eq!(
        (page[0].kind.as_str(), page[0].actor.as_str(), page[0].at),
        ("run", "tester", NOON)
    );
    assert_eq!(page[0].body, body("told"));
}

pub(super) async fn scopes_count_for_themselves(bench: &Bench) {
    let (one, two) = (
        scope_of(bench.project("one", 1).await),
        scope_of(bench.project("two", 1).await),
    );
    assert_eq!(append(&bench.store, one).await, 1);
    assert_eq!(append(&bench.store, two).await, 1);
    assert_eq!(append(&bench.store, Scope::Installation).await, 1);
    assert_eq!(append(&bench.store, one).await, 2);
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(reader.change_head(two).await.unwrap(), 1);
    assert_eq!(
        reader.changes_after(one, 2, 10).await.unwrap(),
        ChangesAfter::Changes(Vec::new())
    );
}

pub(super) async fn an_undone_command_takes_no_number_and_tells_nobody(bench: &Bench) {
    let scope = scope_of(bench.project("one", 1).await);
    let mut feed = bench.store.follow_changes(scope, 0);
    append(&bench.store, scope).await;
    let failing = bench.store.write::<(), _>(move |tx| {
        Box::pin(async move {
            tx.append_change(NewChange {
                id: "undone".to_owned(),
                ..a_change(scope)
            })
            .await?;
            Err(Error::Fenced)
        })
    });
    let (failed, number) = tokio::join!(failing, append(&bench.store, scope));
    assert!(failed.is_err());
    assert_eq!(number, 2);
    for seq in [1, 2] {
        let FollowedChange::Change(change) = feed.next().await.unwrap() else {
            panic!("reset")
        };
        assert_eq!((change.seq, change.id.as_str()), (seq, "some"));
    }
}

pub(super) async fn a_follower_gets_what_was_before_and_what_comes(bench: &Bench) {
    let scope = scope_of(bench.project("one", 1).await);
    for _ in 0..5 {
        append(&bench.store, scope).await;
    }
    let mut feed = bench.store.follow_changes(scope, 2);
    assert_eq!(follow(&mut feed, 3).await, [3, 4, 5]);
    let (numbers, _) = tokio::join!(follow(&mut feed, 1), append(&bench.store, scope));
    assert_eq!(numbers, [6]);
}

pub(super) async fn a_follower_far_behind_reads_the_log(bench: &Bench) {
    let scope = scope_of(bench.project("one", 1).await);
    append(&bench.store, scope).await;
    let mut feed = bench.store.follow_changes(scope, 0);
    assert_eq!(follow(&mut feed, 1).await, [1]);
    // More than is kept in memory for a slow follower.
    join_all((0..1500).map(|_| append(&bench.store, scope))).await;
    assert_eq!(follow(&mut feed, 1500).await, (2..=1501).collect::<Vec<_>>());
    append(&bench.store, scope).await;
    assert_eq!(follow(&mut feed, 1).await, [1502]);
}

pub(super) async fn a_follower_behind_retention_is_told_to_start_over(bench: &Bench) {
    let scope = scope_of(bench.project("one", 1).await);
    for _ in 0..10 {
        append(&bench.store, scope).await;
    }
    let trim = |through| {
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.trim_changes(scope, through).await }))
    };
    assert_eq!(trim(99).await.unwrap(), 0, "what does not exist yet cannot be removed");
    assert_eq!(trim(7).await.unwrap(), 7);
    assert_eq!(trim(3).await.unwrap(), 0);
    let mut behind = bench.store.follow_changes(scope, 4);
    assert_eq!(behind.next().await.unwrap(), FollowedChange::Reset { through: 7 });
    assert_eq!(follow(&mut behind, 3).await, [8, 9, 10]);
    let mut abreast = bench.store.follow_changes(scope, 7);
    assert_eq!(follow(&mut abreast, 3).await, [8, 9, 10]);
    assert_eq!(append(&bench.store, scope).await, 11);
}

pub(super) async fn an_observer_sees_a_change_before_its_command_is_answered(bench: &Bench) {
    let scope = scope_of(bench.project("one", 1).await);
    let newest = Arc::new(AtomicU64::new(0));
    let observed = Arc::clone(&newest);
    bench.store.observe_changes(move |shown| {
        let Observed::Change(change) = shown else {
            panic!("{shown:?}")
        };
        assert_eq!(observed.swap(change.seq, Ordering::SeqCst) + 1, change.seq);
    });
    let writer = |store: Store| {
        let newest = Arc::clone(&newest);
        async move {
            for _ in 0..50 {
                let number = append(&store, scope).await;
                assert!(newest.load(Ordering::SeqCst) >= number);
            }
        }
    };
    join_all((0..4).map(|_| writer(bench.store.clone()))).await;
    assert_eq!(newest.load(Ordering::SeqCst), 200);
}

pub(super) async fn retention_finds_every_scope_and_how_old_its_changes_are(bench: &Bench) {
    let mut scopes = Vec::new();
    for slug in ["one", "two", "three"] {
        scopes.push(scope_of(bench.project(slug, 1).await));
    }
    scopes.push(Scope::Installation);
    for &scope in &scopes {
        for _ in 0..3 {
            append(&bench.store, scope).await;
        }
    }
    let trimmed = scopes[1];
    bench
        .store
        .write(move |tx| Box::pin(async move { tx.trim_changes(trimmed, 2).await }))
        .await
        .unwrap();
    let mut reader = bench.store.read().await.unwrap();
    let mut found = Vec::new();
    loop {
        let after = found.last().map(|extent: &ScopeExtent| extent.scope);
        let page = reader.scopes_with_changes(after, 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert_eq!(found.len(), scopes.len(), "each once: {found:?}");
    for extent in found {
        assert!(scopes.contains(&extent.scope));
        let kept_from = if extent.scope == trimmed { 2 } else { 0 };
        assert_eq!((extent.head, extent.trimmed), (3, kept_from));
        let oldest = reader.oldest_changes(extent.scope, 2).await.unwrap();
        let numbers: Vec<_> = (kept_from + 1..=3).take(2).map(|seq| (seq, NOON)).collect();
        assert_eq!(oldest, numbers);
    }
}
