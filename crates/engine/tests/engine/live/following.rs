//! Everything once, in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use codecourier_engine::ErrorCode;
use codecourier_engine::live::{Query, SUBSCRIPTIONS, Told};
use codecourier_store::changes::Scope;
use futures::FutureExt as _;
use futures::future::join_all;

use super::{Shop, frames, in_shop, numbers, on_both, opened, project, world};

#[tokio::test]
async fn a_snapshot_first_then_what_comes_and_after_a_break_what_was_missed() {
    on_both(|shop: Shop| async move {
        let mut watch = shop.following(&shop.owner, None).await;
        let before = shop.head().await;
        assert_eq!(opened(&mut watch).await, before);
        assert!(watch.next().now_or_never().is_none(), "nothing has happened");
        for _ in 0..3 {
            shop.change().await;
        }
        assert_eq!(numbers(&mut watch, 3).await, [before + 1, before + 2, before + 3]);
        drop(watch);
        for _ in 0..300 {
            shop.change().await;
        }
        let mut again = shop.following(&shop.owner, Some(before + 3)).await;
        let missed: Vec<_> = (before + 4..=before + 303).collect();
        assert_eq!(numbers(&mut again, 300).await, missed);
        shop.change().await;
        assert_eq!(numbers(&mut again, 1).await, [before + 304]);
        assert!(again.next().now_or_never().is_none());
    })
    .await;
}

#[tokio::test]
async fn writers_and_followers_who_come_and_go_lose_and_double_nothing() {
    on_both(|shop: Shop| async move {
        const CHANGES: u64 = 400;
        let before = shop.head().await;
        let last = before + CHANGES;
        let writing = join_all((0..4).map(|_| {
            let shop = shop.clone();
            async move {
                for _ in 0..CHANGES / 4 {
                    shop.change().await;
                }
            }
        }));
        let following = join_all((0..20).map(|number| {
            let shop = shop.clone();
            async move {
                let mut seen = Vec::new();
                let mut left = 1 + number;
                let mut watch = shop.following(&shop.owner, Some(before)).await;
                while seen.last() != Some(&last) {
                    seen.extend(frames(&mut watch).await.iter().filter_map(|frame| frame.seq()));
                    left -= 1;
                    if left == 0 {
                        // Gone in the middle, and back with the last number.
                        left = 1 + number;
                        drop(watch);
                        watch = shop.following(&shop.owner, seen.last().copied()).await;
                    }
                }
                assert_eq!(seen, (before + 1..=last).collect::<Vec<_>>());
            }
        }));
        futures::join!(writing, following);
        assert_eq!(shop.engine.live().clients(), 0);
        assert_eq!(shop.engine.live().followed(), 0, "nobody follows any more");
    })
    .await;
}

#[tokio::test]
async fn a_change_is_written_once_for_all_who_are_told() {
    in_shop(world(), |shop| async move {
        let mut watches = Vec::new();
        for _ in 0..60 {
            let mut watch = shop.following(&shop.owner, None).await;
            opened(&mut watch).await;
            watches.push(watch);
        }
        assert_eq!(shop.engine.live().followed(), 1, "one reader for all");
        let written = Arc::new(AtomicUsize::new(0));
        for _ in 0..5 {
            shop.change().await;
            let mut texts = Vec::new();
            for watch in &mut watches {
                for frame in frames(watch).await {
                    texts.push(Arc::clone(frame.text(|_| {
                        written.fetch_add(1, Ordering::SeqCst);
                        "text".to_owned()
                    })));
                }
            }
            assert_eq!(texts.len(), 60);
            assert!(texts.iter().all(|text| Arc::ptr_eq(text, &texts[0])));
        }
        assert_eq!(written.load(Ordering::SeqCst), 5);
    })
    .await;
}

#[tokio::test]
async fn whoever_was_slow_is_told_everything_from_the_log() {
    on_both(|shop: Shop| async move {
        let mut slow = shop.following(&shop.owner, None).await;
        let before = opened(&mut slow).await;
        // More than is kept in memory.
        for _ in 0..20 {
            join_all((0..100).map(|_| shop.change())).await;
        }
        assert_eq!(
            numbers(&mut slow, 2_000).await,
            (before + 1..=before + 2_000).collect::<Vec<_>>()
        );
        shop.change().await;
        assert_eq!(numbers(&mut slow, 1).await, [before + 2_001]);
    })
    .await;
}

#[tokio::test]
async fn many_things_are_followed_at_once_and_none_keeps_another_waiting() {
    in_shop(world(), |shop| async move {
        let mut watch = shop.following(&shop.owner, None).await;
        watch.subscribe("mine".into(), Query::User, None).await.unwrap();
        watch.subscribe("all".into(), Query::Installation, None).await.unwrap();
        for _ in 0..3 {
            opened(&mut watch).await;
        }
        for _ in 0..5 {
            join_all((0..100).map(|_| shop.change())).await;
        }
        let user = Scope::User(shop.owner.user);
        shop.people.change(user, "project", "prj_x", ()).await;
        shop.people.change(Scope::Installation, "account", "usr_x", ()).await;
        let mut turns = Vec::new();
        for _ in 0..3 {
            match watch.next().await {
                Told::Frames { name, .. } => turns.push(name.to_string()),
                other => panic!("{other:?}"),
            }
        }
        turns.sort();
        assert_eq!(turns, ["a", "all", "mine"]);
    })
    .await;
}

#[tokio::test]
async fn a_cursor_from_a_future_that_is_not_ours_begins_anew() {
    on_both(|shop: Shop| async move {
        let mut watch = shop.following(&shop.owner, Some(1_000_000)).await;
        assert!(matches!(watch.next().await, Told::Reset { .. }));
        let head = opened(&mut watch).await;
        assert_eq!(head, shop.head().await);
        shop.change().await;
        assert_eq!(numbers(&mut watch, 1).await, [head + 1]);
    })
    .await;
}

#[tokio::test]
async fn subscriptions_have_names_and_a_limit() {
    in_shop(world(), |shop| async move {
        let mut watch = shop.following(&shop.owner, None).await;
        let twice = watch.subscribe("a".into(), project(), None).await.unwrap_err();
        assert_eq!(twice.code, ErrorCode::Conflict);
        for number in 1..SUBSCRIPTIONS {
            let name = number.to_string();
            watch.subscribe(name.as_str().into(), Query::User, None).await.unwrap();
        }
        let more = watch.subscribe("more".into(), Query::User, None).await.unwrap_err();
        assert_eq!(more.code, ErrorCode::Validation);
        assert!(watch.unsubscribe("a") && !watch.unsubscribe("a"));
        watch.subscribe("more".into(), Query::User, None).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let world = world();
    let engine = world.start().await;
    let store = engine.store();
    let mut watch = engine
        .ask(move |engine| async move {
            let people = codecourier_testkit::people::People::new(store);
            let owner = people.sign_up("owner").await;
            let credential = codecourier_engine::access::Credential::Session(owner.token);
            engine.live().watch(credential).await.unwrap()
        })
        .await;
    // It is told, and the server waits until it has heard.
    let (told, ()) = tokio::join!(
        async move {
            let told = watch.next().await;
            drop(watch);
            told
        },
        engine.shut_down()
    );
    assert!(matches!(told, Told::Closing));
}
