//! The end of the change log.

use std::time::Duration;

use codecourier_domain::id::ProjectId;
use codecourier_engine::live::{Removed, Told};
use codecourier_store::changes::{ChangesAfter, Scope};

use super::{Shop, in_shop, numbers, on_both, opened, world};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn left(shop: &Shop, project: ProjectId) -> usize {
    let mut reader = shop.store.read().await.unwrap();
    reader
        .oldest_changes(Scope::Project(project), 100_000)
        .await
        .unwrap()
        .len()
}

#[tokio::test]
async fn too_many_changes_go_and_whoever_missed_them_begins_anew() {
    on_both(|shop: Shop| async move {
        let mut slow = shop.following(&shop.owner, None).await;
        let seen = opened(&mut slow).await;
        for _ in 0..12 {
            futures::future::join_all((0..100).map(|_| shop.change())).await;
        }
        let removed = shop.engine.live().remove_old(DAY, 50).await.unwrap();
        assert_eq!(removed.changes, 1_150 + seen);
        assert_eq!(left(&shop, shop.project).await, 50);
        let again = shop.engine.live().remove_old(DAY, 50).await.unwrap();
        assert_eq!(again.changes, 0, "doing it twice does nothing");

        // One who follows but was slow, one who comes back too late, one who comes back in time.
        let head = shop.head().await;
        assert!(matches!(slow.next().await, Told::Reset { .. }));
        assert_eq!(opened(&mut slow).await, head);
        let mut late = shop.following(&shop.owner, Some(seen)).await;
        assert!(matches!(late.next().await, Told::Reset { .. }));
        assert_eq!(opened(&mut late).await, head);
        let mut in_time = shop.following(&shop.owner, Some(head - 50)).await;
        assert_eq!(numbers(&mut in_time, 50).await, (head - 49..=head).collect::<Vec<_>>());
        let number = shop.change().await;
        for watch in [&mut slow, &mut late, &mut in_time] {
            assert_eq!(numbers(watch, 1).await, [number]);
        }
    })
    .await;
}

#[tokio::test]
async fn old_changes_go_and_numbers_go_on() {
    let world = world();
    let clock = std::sync::Arc::clone(&world.clock);
    in_shop(world, move |shop| async move {
        let other = shop.people.create_project("other", shop.owner.user).await;
        for _ in 0..10 {
            shop.change().await;
        }
        let nothing = shop.engine.live().remove_old(DAY, 1_000).await.unwrap();
        assert_eq!(nothing.changes, 0);
        clock.advance(i64::try_from(DAY.as_millis()).unwrap() + 60_000);
        let removed = shop.engine.live().remove_old(DAY, 1_000).await.unwrap();
        // Of the two projects, and of the log of access, which has both owners too.
        assert_eq!(removed, Removed { scopes: 3, changes: 14 });
        assert_eq!((left(&shop, shop.project).await, left(&shop, other).await), (0, 0));
        let head = shop.head().await;
        assert_eq!(shop.change().await, head + 1);
        let mut reader = shop.store.read().await.unwrap();
        let after = reader
            .changes_after(Scope::Project(shop.project), head, 10)
            .await
            .unwrap();
        assert!(matches!(after, ChangesAfter::Changes(changes) if changes.len() == 1));
    })
    .await;
}
