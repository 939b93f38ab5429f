//! The outbox.

use codecourier_domain::id::{BootId, MailId, UserId};
use codecourier_domain::time::Timestamp;
use codecourier_store::mails::{ClaimedMail, ClaimedMails, MailClaim, MailEnd, MailFence, MailStatus, NewMail};
use codecourier_store::sealed::{Resealed, Sealed, SealedColumn, SealedPlace, SealedValue};
use codecourier_store::{Error, Result, Tx};
use futures::future::{BoxFuture, join_all};
use uuid::Uuid;

use super::{Bench, NOON};

const MINUTE: i64 = 60_000;

fn sealed(text: &str) -> Sealed {
    Sealed {
        envelope: text.to_owned(),
        key: "old".to_owned(),
    }
}

fn a_mail(at: Timestamp) -> NewMail {
    NewMail {
        id: MailId::from_uuid(Uuid::now_v7()),
        kind: "magic-link",
        user: None,
        sealed: sealed("a secret"),
        at,
        expires_at: at.plus_milliseconds(60 * MINUTE),
    }
}

async fn write<T, F>(bench: &Bench, command: F) -> Result<T>
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
{
    bench.store.write(command).await
}

async fn insert(bench: &Bench, new: NewMail) -> MailId {
    let id = new.id;
    write(bench, move |tx| Box::pin(async move { tx.insert_mail(&new).await }))
        .await
        .unwrap();
    id
}

async fn claim(bench: &Bench, now: Timestamp) -> ClaimedMails {
    let claim = MailClaim {
        owner: BootId::from_uuid(Uuid::from_u128(1)),
        limit: 3,
        now,
        lease_until: now.plus_milliseconds(MINUTE),
    };
    write(bench, move |tx| Box::pin(async move { tx.claim_mails(claim).await }))
        .await
        .unwrap()
}

async fn end(bench: &Bench, fence: MailFence, end: MailEnd) -> Result<()> {
    write(bench, move |tx| {
        Box::pin(async move { tx.end_mail(fence, &end, NOON).await })
    })
    .await
}

async fn retry(bench: &Bench, fence: MailFence, due: Timestamp) -> Result<()> {
    write(bench, move |tx| {
        Box::pin(async move { tx.retry_mail(fence, due, "not now").await })
    })
    .await
}

async fn status(bench: &Bench, id: MailId) -> Option<(MailStatus, bool)> {
    let mail = bench.store.read().await.unwrap().mail(id).await.unwrap();
    mail.map(|mail| (mail.status, mail.has_content))
}

fn ids(claimed: &[ClaimedMail]) -> Vec<MailId> {
    claimed.iter().map(|mail| mail.fence.mail).collect()
}

pub(super) async fn a_mail_is_there_with_its_cause_and_not_without(bench: &Bench) {
    let mut signal = bench.store.mail_signal();
    let undone = a_mail(NOON);
    let id = undone.id;
    let failed = write(bench, move |tx| {
        Box::pin(async move {
            tx.insert_mail(&undone).await?;
            Err::<(), _>(Error::Fenced)
        })
    });
    assert!(failed.await.is_err());
    assert_eq!(status(bench, id).await, None);
    let id = insert(bench, a_mail(NOON)).await;
    // Of the two only the second is told.
    signal.moved().await.unwrap();
    assert_eq!(status(bench, id).await, Some((MailStatus::Waiting, true)));
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(reader.waiting_mails(10).await.unwrap(), 1);
    assert_eq!(reader.waiting_mails(0).await.unwrap(), 0);
}

pub(super) async fn a_mail_is_held_by_one_sender_at_a_time(bench: &Bench) {
    for number in 0..5 {
        insert(bench, a_mail(NOON.plus_milliseconds(number))).await;
    }
    let later = NOON.plus_milliseconds(MINUTE);
    let claims = join_all((0..4).map(|_| claim(bench, later))).await;
    let mut held: Vec<MailId> = claims.iter().flat_map(|claim| ids(&claim.mails)).collect();
    held.sort();
    held.dedup();
    assert_eq!(held.len(), 5);
    assert_eq!(claims.iter().map(|claim| claim.mails.len()).sum::<usize>(), 5);

    // Nobody hears of the holder again: somebody else goes on, and the first one has nothing more to say.
    let lost = claims.iter().find_map(|claim| claim.mails.first()).unwrap().clone();
    assert_eq!((lost.fence.attempt, lost.sealed), (1, sealed("a secret")));
    assert!(claim(bench, later.plus_milliseconds(MINUTE - 1)).await.mails.is_empty());
    let again = claim(bench, later.plus_milliseconds(MINUTE)).await;
    assert_eq!(again.mails.len(), 3);
    assert!(again.mails.iter().all(|mail| mail.fence.attempt == 2));
    let fence = lost.fence;
    assert!(matches!(end(bench, fence, MailEnd::Sent).await, Err(Error::Fenced)));
    assert!(matches!(retry(bench, fence, NOON).await, Err(Error::Fenced)));
    let rewritten = write(bench, move |tx| {
        Box::pin(async move { tx.rewrite_mail(fence, None, &sealed("other")).await })
    });
    assert!(matches!(rewritten.await, Err(Error::Fenced)));
    // A start takes back what others held, and leaves its own.
    let void = |boot: u128| {
        write(bench, move |tx| {
            Box::pin(async move {
                tx.void_mail_holds(BootId::from_uuid(Uuid::from_u128(boot)), "one")
                    .await
            })
        })
    };
    assert_eq!(void(1).await.unwrap(), 0);
    assert_eq!(void(2).await.unwrap(), 3);
    assert_eq!(claim(bench, later.plus_milliseconds(MINUTE)).await.mails.len(), 3);
}

pub(super) async fn what_a_mail_said_is_gone_when_it_has_ended(bench: &Bench) {
    for (ended, expected) in [
        (MailEnd::Sent, MailStatus::Sent),
        (MailEnd::Moot, MailStatus::Moot),
        (MailEnd::GivenUp("no such mailbox".to_owned()), MailStatus::GivenUp),
    ] {
        let id = insert(bench, a_mail(NOON)).await;
        let claimed = claim(bench, NOON).await.mails.pop().unwrap();
        let fence = claimed.fence;
        write(bench, move |tx| {
            Box::pin(async move { tx.rewrite_mail(fence, None, &sealed("another secret")).await })
        })
        .await
        .unwrap();
        end(bench, fence, ended.clone()).await.unwrap();
        assert_eq!(status(bench, id).await, Some((expected, false)));
        assert!(matches!(end(bench, fence, ended).await, Err(Error::Fenced)));
    }
    let newest = bench.store.read().await.unwrap().ended_mails(10).await.unwrap();
    assert_eq!(newest.len(), 3);
    assert!(
        newest
            .iter()
            .any(|mail| mail.reason.as_deref() == Some("no such mailbox"))
    );
    let sweep = |before: Timestamp| {
        write(bench, move |tx| {
            Box::pin(async move { tx.sweep_mails(before, 2).await })
        })
    };
    assert_eq!(sweep(NOON).await.unwrap(), 0);
    assert_eq!(sweep(NOON.plus_milliseconds(1)).await.unwrap(), 2);
    assert_eq!(sweep(NOON.plus_milliseconds(1)).await.unwrap(), 1);
}

pub(super) async fn a_mail_waits_until_it_is_due_or_nobody_wants_it(bench: &Bench) {
    let id = insert(bench, a_mail(NOON)).await;
    let fence = claim(bench, NOON).await.mails[0].fence;
    let due = NOON.plus_milliseconds(5 * MINUTE);
    retry(bench, fence, due).await.unwrap();
    let early = claim(bench, due.plus_milliseconds(-1)).await;
    assert_eq!((early.mails.len(), early.next_due), (0, Some(due)));
    let fence = claim(bench, due).await.mails[0].fence;
    assert_eq!(fence.attempt, 2);
    retry(bench, fence, due).await.unwrap();

    let over = NOON.plus_milliseconds(60 * MINUTE);
    assert!(claim(bench, over).await.mails.is_empty(), "nobody wants it any more");
    let expire = |now: Timestamp| write(bench, move |tx| Box::pin(async move { tx.expire_mails(now, 10).await }));
    assert!(expire(over.plus_milliseconds(-1)).await.unwrap().is_empty());
    let expired = expire(over).await.unwrap();
    assert_eq!((expired.len(), expired[0].id), (1, id));
    assert_eq!(expired[0].reason.as_deref(), Some("not now"));
    assert_eq!(status(bench, id).await, Some((MailStatus::GivenUp, false)));
    assert!(expire(over).await.unwrap().is_empty());
}

pub(super) async fn a_mail_goes_with_its_account(bench: &Bench) {
    let user = UserId::from_uuid(Uuid::now_v7());
    let account = codecourier_store::accounts::NewAccount {
        id: user,
        email: "ada@example.org".parse().unwrap(),
        email_verified_at: None,
        name: "Ada".to_owned(),
        password: None,
        at: NOON,
    };
    write(bench, move |tx| {
        Box::pin(async move { tx.insert_account(&account).await })
    })
    .await
    .unwrap();
    let hers = NewMail {
        user: Some(user),
        ..a_mail(NOON)
    };
    let (hers, other) = (insert(bench, hers).await, insert(bench, a_mail(NOON)).await);

    // The rotation of the master keys finds both, replaces what it read, and not what was changed meanwhile.
    let mut reader = bench.store.read().await.unwrap();
    let column = SealedColumn::Mail;
    assert_eq!(reader.count_sealed_with_other_keys(column, "new").await.unwrap(), 2);
    let read = reader.sealed_with_other_keys(column, "new", None, 1).await.unwrap();
    let read = [
        read.clone(),
        reader
            .sealed_with_other_keys(column, "new", Some(&read[0].place), 10)
            .await
            .unwrap(),
    ]
    .concat();
    let named = |id: MailId| SealedPlace {
        column,
        scope: String::new(),
        row: id.to_string(),
    };
    let places: Vec<SealedPlace> = read.iter().map(|value| value.place.clone()).collect();
    assert_eq!(places, [named(hers), named(other)]);
    let fresh = Sealed {
        envelope: "under the new key".to_owned(),
        key: "new".to_owned(),
    };
    for (envelope, expected) in [("stale", Resealed::Changed), ("a secret", Resealed::Replaced)] {
        let old = SealedValue {
            place: named(other),
            sealed: sealed(envelope),
        };
        let fresh = fresh.clone();
        let resealed = write(bench, move |tx| Box::pin(async move { tx.reseal(&old, &fresh).await }));
        assert_eq!(resealed.await.unwrap(), expected);
    }
    assert_eq!(reader.count_sealed_with_other_keys(column, "new").await.unwrap(), 1);

    write(bench, move |tx| {
        Box::pin(async move { tx.erase_account(user, NOON).await })
    })
    .await
    .unwrap();
    assert_eq!(status(bench, hers).await, None);
    assert_eq!(status(bench, other).await, Some((MailStatus::Waiting, true)));
}
