//! The end of one side: when it is purged, and when what has ended in it is swept. The other side stays.

use codecourier_domain::id::BootId;
use codecourier_store::invitations::InvitationStatus;
use codecourier_store::projects::Deletion;
use codecourier_store::{Error, Store};
use uuid::Uuid;

use super::super::{Bench, NOON};
use super::Dump;
use super::side::Side;

/// What a purged project may leave: the log of what was done, and what is of its people or of the whole server.
const MAY_STAY: &[&str] = &["audit_entry"];

/// Purges a project in the smallest commands there are, each on a store that was opened anew: as if the server was
/// killed after each.
///
/// # Panics
/// When anything of the project is left, or anything else is gone.
pub async fn purge(bench: Bench, dump: Dump<'_>) {
    let mine = Side::make(&bench.store, "mine").await;
    let theirs = Side::make(&bench.store, "theirs").await;
    let project = mine.project;
    let of = |side: &Side, rows: Vec<(String, String)>| -> Vec<(String, String)> {
        let marks = side.marks();
        let mut rows = rows;
        rows.retain(|(_, row)| marks.iter().any(|mark| row.contains(mark.as_str())));
        rows.sort();
        rows
    };
    let before = of(&theirs, dump().await);

    let begin = |store: Store, at| async move { store.write(move |tx| Box::pin(tx.begin_purge(project, at))).await };
    let not_deleted = begin(bench.store.clone(), NOON).await;
    assert!(matches!(not_deleted, Err(Error::NotFound { .. })), "{not_deleted:?}");
    let deletion = Deletion {
        deleted_at: NOON,
        purge_at: NOON.plus_milliseconds(1000),
    };
    let delete = bench
        .store
        .write(move |tx| Box::pin(tx.set_project_deletion(project, Some(deletion), NOON)));
    delete.await.unwrap();
    let too_early = begin(bench.store.clone(), NOON).await;
    assert!(matches!(too_early, Err(Error::NotFound { .. })), "{too_early:?}");
    let not_begun = bench.store.write(move |tx| Box::pin(tx.purge_rows(project, 1))).await;
    assert!(matches!(not_begun, Err(Error::NotFound { .. })), "{not_begun:?}");
    begin(bench.store.clone(), deletion.purge_at).await.unwrap();
    let restored = bench
        .store
        .write(move |tx| Box::pin(tx.set_project_deletion(project, None, NOON)));
    assert!(
        matches!(restored.await, Err(Error::Stale { .. })),
        "what is being purged cannot be restored"
    );

    let mut rows = dump().await.len();
    loop {
        let store = Store::open(bench.config.clone()).await.unwrap();
        // The beginning is done again, as by the next start of a server.
        begin(store.clone(), deletion.purge_at).await.unwrap();
        let removed = store
            .write(move |tx| Box::pin(tx.purge_rows(project, 1)))
            .await
            .unwrap();
        store.close().await;
        let left = dump().await.len();
        assert_eq!(
            rows - left,
            usize::try_from(removed).unwrap(),
            "a command removes what it is told to"
        );
        rows = left;
        if removed == 0 {
            break;
        }
    }
    let finish = bench.store.write(move |tx| Box::pin(tx.finish_purge(project)));
    finish.await.unwrap();

    assert_eq!(of(&theirs, dump().await), before);
    let name = project.to_string();
    let mut left = dump().await;
    left.retain(|(table, row)| row.contains(&name) && !MAY_STAY.contains(&table.as_str()));
    assert!(left.is_empty(), "{left:?}");
    let again = begin(bench.store.clone(), deletion.purge_at).await;
    assert!(matches!(again, Err(Error::NotFound { .. })), "{again:?}");
}

/// Sweeps work and access that ended, of one side; nothing of the other one has ended.
///
/// # Panics
/// When anything is left that ended, or anything is gone that has not.
pub async fn sweep(bench: Bench, dump: Dump<'_>) {
    let mine = Side::make(&bench.store, "mine").await;
    let theirs = Side::make(&bench.store, "theirs").await;
    let ended = mine.clone();
    let end = bench.store.write(move |tx| {
        Box::pin(async move {
            for (milliseconds, boot) in [(0, ended.boot), (10, BootId::from_uuid(Uuid::now_v7()))] {
                let at = NOON.plus_milliseconds(milliseconds);
                tx.insert_boot(boot, "one", &ended.body(), at).await?;
            }
            tx.complete_task(ended.fence(), NOON).await?;
            tx.release(ended.project, &ended.request_named("held"), NOON).await?;
            tx.revoke_api_key(ended.project, ended.api_key, NOON).await?;
            tx.end_invitation(ended.project, ended.invitation, InvitationStatus::Declined, NOON)
                .await
        })
    });
    end.await.unwrap();
    let sweep = |before, limit| {
        bench.store.write(move |tx| {
            Box::pin(async move {
                let rows = tx.sweep_ended_work(before, limit).await?;
                Ok(rows + tx.sweep_ended_access(before, limit).await?)
            })
        })
    };
    assert_eq!(sweep(NOON, 100).await.unwrap(), 0, "nothing ended before");
    let after = NOON.plus_milliseconds(20);
    let mut rounds = Vec::new();
    loop {
        match sweep(after, 1).await.unwrap() {
            0 => break,
            rows => rounds.push(rows),
        }
    }
    // Of ours: a task, two reservations, a key, an invitation and a start of the server; of theirs one reservation.
    assert_eq!(rounds, [5, 1, 1]);
    let rows = dump().await;
    let count = |table: &str, mark: &str| {
        rows.iter()
            .filter(|(of, row)| of == table && row.contains(mark))
            .count()
    };
    for (table, ours, others) in [
        ("task", 0, 1),
        ("reservation", 0, 1),
        ("step_token", 1, 1),
        ("api_key", 0, 1),
        ("invitation", 0, 1),
    ] {
        let counted = (
            count(table, &mine.project.to_string()),
            count(table, &theirs.project.to_string()),
        );
        assert_eq!(counted, (ours, others), "{table}");
    }
    assert_eq!(count("boot", "bot_"), 1, "the newest start stays");
    assert!(
        sweep(NOON.plus_milliseconds(5000), 100).await.unwrap() >= 2,
        "tokens that expired"
    );
}
