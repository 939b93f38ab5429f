//! People whom outside providers vouch for.

use codecourier_domain::id::UserId;
use codecourier_store::accounts::{AccountStanding, NewAccount};
use codecourier_store::external::{OutsideIdentity, PendingSignIn};
use futures::future::join_all;
use uuid::Uuid;

use super::{Bench, NOON};

const MINUTE: i64 = 60_000;

fn identity(issuer: &str, subject: &str) -> OutsideIdentity {
    OutsideIdentity {
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
    }
}

async fn account(bench: &Bench, address: &str) -> UserId {
    let new = NewAccount {
        id: UserId::from_uuid(Uuid::now_v7()),
        email: address.parse().unwrap(),
        email_verified_at: Some(NOON),
        name: "Ada".to_owned(),
        password: None,
        at: NOON,
    };
    let made = bench
        .store
        .write(move |tx| Box::pin(async move { tx.insert_account(&new).await }));
    made.await.unwrap().id
}

async fn link(bench: &Bench, identity: OutsideIdentity, user: UserId) {
    let linked = bench
        .store
        .write(move |tx| Box::pin(async move { tx.link_identity(&identity, user, NOON).await }));
    linked.await.unwrap();
}

pub(super) async fn an_identity_leads_to_one_account_until_it_is_deleted(bench: &Bench) {
    let (ada, bob) = (
        account(bench, "ada@example.org").await,
        account(bench, "bob@example.org").await,
    );
    let github = identity("https://github.com", "1815");
    link(bench, github.clone(), ada).await;
    link(bench, identity("https://accounts.google.com", "1815"), bob).await;

    let mut reader = bench.store.read().await.unwrap();
    let found = reader.account_of_identity(&github).await.unwrap().unwrap();
    assert_eq!((found.user, found.standing), (ada, AccountStanding::Operator));
    for other in [
        identity("https://github.com", "181"),
        identity("https://github.com5", "1815"),
    ] {
        assert_eq!(reader.account_of_identity(&other).await.unwrap(), None);
    }
    assert_eq!(reader.identities_of(ada).await.unwrap(), std::slice::from_ref(&github));

    let erased = bench
        .store
        .write(move |tx| Box::pin(async move { tx.erase_account(ada, NOON).await }));
    erased.await.unwrap();
    assert_eq!(reader.account_of_identity(&github).await.unwrap(), None);
    assert_eq!(
        reader.identities_of(ada).await.unwrap(),
        [],
        "an identity of a deleted account is still known"
    );
    link(bench, github.clone(), bob).await;
    let found = reader.account_of_identity(&github).await.unwrap().unwrap();
    assert_eq!(found.user, bob);
}

pub(super) async fn a_sign_in_is_taken_up_once_and_in_time(bench: &Bench) {
    let pending = |fingerprint: &str| PendingSignIn {
        fingerprint: fingerprint.to_owned(),
        provider: "github".to_owned(),
        redirect_to: "/projects".to_owned(),
        at: NOON,
        expires_at: NOON.plus_milliseconds(10 * MINUTE),
    };
    for fingerprint in ["one", "two"] {
        let pending = pending(fingerprint);
        let inserted = bench
            .store
            .write(move |tx| Box::pin(async move { tx.insert_pending_sign_in(&pending).await }));
        inserted.await.unwrap();
    }
    let take = |fingerprint: &'static str, off: i64| {
        let now = NOON.plus_milliseconds(off);
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.take_pending_sign_in(fingerprint, now).await }))
    };
    assert_eq!(take("three", 0).await.unwrap(), None);
    let takers = join_all((0..20).map(|_| take("one", 10 * MINUTE - 1))).await;
    let taken: Vec<_> = takers.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, [pending("one")]);
    assert_eq!(take("two", 10 * MINUTE).await.unwrap(), None);
    assert_eq!(
        take("two", 0).await.unwrap(),
        None,
        "one that came too late can be tried again"
    );
}

pub(super) async fn departures_and_heeded_messages_are_remembered_for_a_while(bench: &Bench) {
    let gone = identity("https://clerk.example.org", "user_1");
    let (heeded, noted) = (gone.clone(), NOON.plus_milliseconds(MINUTE));
    let first = bench.store.write(move |tx| {
        Box::pin(async move {
            tx.note_departure(&heeded, noted).await?;
            tx.heed_webhook("msg_1", noted).await
        })
    });
    assert!(first.await.unwrap());
    let again = bench
        .store
        .write(move |tx| Box::pin(async move { tx.heed_webhook("msg_1", noted).await }));
    assert!(!again.await.unwrap());
    let mut reader = bench.store.read().await.unwrap();
    assert!(reader.has_departed(&gone, NOON).await.unwrap());
    assert!(!reader.has_departed(&gone, noted).await.unwrap());
    for other in [
        identity("https://clerk.example.org", "user_2"),
        identity("https://clerk.example.orguser_", "1"),
    ] {
        assert!(!reader.has_departed(&other, NOON).await.unwrap());
    }
    let swept = bench
        .store
        .write(move |tx| Box::pin(async move { tx.sweep_accounts(noted, 10).await }));
    assert_eq!(swept.await.unwrap(), 2);
}
