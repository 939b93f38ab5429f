//! Accounts, sessions, links and throttles.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::{SessionId, UserId};
use codecourier_domain::time::Timestamp;
use codecourier_store::accounts::{
    Account, AccountStanding, Admission, Delivery, NewAccount, NewOneTimeToken, NewSession, OneTimePurpose, Pace,
    PasswordHash, Rotation, Touch,
};
use codecourier_store::ledger::TokenHash;
use codecourier_store::{Error, Store};
use futures::future::join_all;
use uuid::Uuid;

use super::{Bench, NOON, body};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

fn email(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

fn a_new_account(address: &str) -> NewAccount {
    NewAccount {
        id: UserId::from_uuid(Uuid::now_v7()),
        email: email(address),
        email_verified_at: None,
        name: "Ada".to_owned(),
        password: Some(PasswordHash::new(format!("hash of {address}"))),
        at: NOON,
    }
}

async fn insert(store: &Store, new: NewAccount) -> Result<Account, Error> {
    store
        .write(move |tx| Box::pin(async move { tx.insert_account(&new).await }))
        .await
}

async fn an_account(bench: &Bench, address: &str) -> UserId {
    insert(&bench.store, a_new_account(address)).await.unwrap().id
}

fn a_session(user: UserId, token: &str, at: Timestamp) -> NewSession {
    NewSession {
        id: SessionId::from_uuid(Uuid::now_v7()),
        user,
        token: TokenHash::of(token),
        delivery: Delivery::Cookie,
        device: "Firefox".to_owned(),
        address: "192.0.2.1".to_owned(),
        at,
        expires_at: at.plus_milliseconds(90 * DAY),
        ends_at: at.plus_milliseconds(30 * DAY),
    }
}

async fn begin(bench: &Bench, session: NewSession) -> SessionId {
    let id = session.id;
    let begun = bench
        .store
        .write(move |tx| Box::pin(async move { tx.insert_session(&session).await }));
    begun.await.unwrap();
    id
}

async fn is_good(bench: &Bench, token: &str, at: Timestamp) -> bool {
    let mut reader = bench.store.read().await.unwrap();
    let found = reader.session_by_token(TokenHash::of(token), at).await.unwrap();
    found.is_some()
}

pub(super) async fn an_address_has_one_account(bench: &Bench) {
    let account = insert(&bench.store, a_new_account("ada@example.org")).await.unwrap();
    let twin = insert(&bench.store, a_new_account("ada@example.org")).await;
    assert!(matches!(twin, Err(Error::Taken { entity: "account" })));
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(reader.account(account.id).await.unwrap().as_ref(), Some(&account));
    let found = reader.account_by_email(&email("ada@example.org")).await.unwrap();
    assert_eq!(found, Some(account));
    assert_eq!(reader.account_by_email(&email("bob@example.org")).await.unwrap(), None);
}

pub(super) async fn of_accounts_made_together_one_is_the_operators(bench: &Bench) {
    // A second opening is a second process, as far as the database can tell.
    let other = Store::open(bench.config.clone()).await.unwrap();
    let making = (0..16).map(|number| {
        let store = if number % 2 == 0 { &bench.store } else { &other };
        insert(store, a_new_account(&format!("{number}@example.org")))
    });
    let made: Vec<Account> = join_all(making).await.into_iter().map(Result::unwrap).collect();
    let operators: Vec<&Account> = made
        .iter()
        .filter(|account| account.standing == AccountStanding::Operator)
        .collect();
    assert_eq!(operators.len(), 1, "{operators:?}");
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(reader.operators().await.unwrap(), 1);
    let operator = operators[0].id;
    let erased = bench
        .store
        .write(move |tx| Box::pin(async move { tx.erase_account(operator, NOON).await }));
    erased.await.unwrap();
    let next = insert(&other, a_new_account("late@example.org")).await.unwrap();
    assert_eq!(
        next.standing,
        AccountStanding::User,
        "only the first one ever is the operator"
    );
    assert_eq!(reader.operators().await.unwrap(), 0);
    other.close().await;
}

pub(super) async fn an_account_changes_field_by_field(bench: &Bench) {
    let id = an_account(bench, "ada@example.org").await;
    let later = NOON.plus_milliseconds(5);
    let changed = bench.store.write(move |tx| {
        Box::pin(async move {
            tx.rename_account(id, "Ada Lovelace", later).await?;
            tx.verify_email(id, &email("ada@example.org"), later).await?;
            tx.verify_email(id, &email("ada@example.org"), later.plus_milliseconds(9))
                .await?;
            tx.set_password(id, &PasswordHash::new("second".to_owned()), later)
                .await
        })
    });
    changed.await.unwrap();
    let other_address = bench
        .store
        .write(move |tx| Box::pin(async move { tx.verify_email(id, &email("bob@example.org"), later).await }));
    assert!(matches!(other_address.await, Err(Error::NotFound { .. })));
    let mut reader = bench.store.read().await.unwrap();
    let account = reader.account(id).await.unwrap().unwrap();
    assert_eq!(account.name, "Ada Lovelace");
    assert_eq!(account.email_verified_at, Some(later), "the first proof counts");
    assert_eq!(account.updated_at, later.max(account.updated_at));
    assert_eq!(reader.password_of(id).await.unwrap().unwrap().as_str(), "second");

    let (second, third) = (
        PasswordHash::new("second".to_owned()),
        PasswordHash::new("third".to_owned()),
    );
    for expected in [true, false] {
        let (from, to) = (second.clone(), third.clone());
        let renewed = bench
            .store
            .write(move |tx| Box::pin(async move { tx.rehash_password(id, &from, &to).await }));
        assert_eq!(
            renewed.await.unwrap(),
            expected,
            "a password that was changed meanwhile stays"
        );
    }
}

pub(super) async fn an_erased_account_leaves_nothing_personal(bench: &Bench) {
    let id = an_account(bench, "ada@example.org").await;
    begin(bench, a_session(id, "token", NOON)).await;
    link(bench, "link", Some(id), NOON).await;
    let erase = || {
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.erase_account(id, NOON).await }))
    };
    erase().await.unwrap();
    assert!(matches!(erase().await, Err(Error::NotFound { .. })));
    let mut reader = bench.store.read().await.unwrap();
    let account = reader.account(id).await.unwrap().unwrap();
    assert_eq!(
        (account.email, account.name.as_str(), account.has_password),
        (None, "", false)
    );
    assert_eq!(account.deleted_at, Some(NOON));
    assert_eq!(reader.password_of(id).await.unwrap(), None);
    assert!(!is_good(bench, "token", NOON).await);
    assert!(
        use_link(bench, "link", OneTimePurpose::PasswordReset, NOON)
            .await
            .is_none()
    );
    // The address is free again, and belongs to somebody else.
    assert_ne!(an_account(bench, "ada@example.org").await, id);
}

pub(super) async fn a_session_ends_when_unused_or_old(bench: &Bench) {
    let user = an_account(bench, "ada@example.org").await;
    let id = begin(bench, a_session(user, "token", NOON)).await;
    let after = |days: i64| NOON.plus_milliseconds(days * DAY);
    assert!(is_good(bench, "token", after(29)).await);
    assert!(!is_good(bench, "token", after(30)).await);
    assert!(!is_good(bench, "another", NOON).await);
    for day in [20, 40, 60, 80] {
        let touch = Touch {
            session: id,
            at: after(day),
            unless_after: after(day).plus_milliseconds(-MINUTE),
            idle_limit: 30 * DAY,
        };
        let touched = bench
            .store
            .write(move |tx| Box::pin(async move { tx.touch_session(touch).await }));
        touched.await.unwrap();
    }
    let mut reader = bench.store.read().await.unwrap();
    let found = reader
        .session_by_token(TokenHash::of("token"), after(89))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.session.last_used_at, after(80));
    assert_eq!(
        (found.user, found.standing, found.token_replaced),
        (user, AccountStanding::Operator, false)
    );
    assert!(
        !is_good(bench, "token", after(90)).await,
        "use does not prolong it for ever"
    );
}

pub(super) async fn a_replaced_token_stays_good_for_its_grace_and_is_replaced_once(bench: &Bench) {
    let user = an_account(bench, "ada@example.org").await;
    let session = begin(bench, a_session(user, "old", NOON)).await;
    let rotate = |new: &'static str| {
        bench.store.write(move |tx| {
            Box::pin(async move {
                tx.rotate_session_token(Rotation {
                    session,
                    old: TokenHash::of("old"),
                    new: TokenHash::of(new),
                    at: NOON,
                    old_ends_at: NOON.plus_milliseconds(MINUTE),
                })
                .await
            })
        })
    };
    let rotated: Vec<bool> = join_all(["one", "two", "three"].map(rotate))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rotated.iter().filter(|rotated| **rotated).count(), 1);
    assert!(is_good(bench, "old", NOON.plus_milliseconds(MINUTE - 1)).await);
    assert!(!is_good(bench, "old", NOON.plus_milliseconds(MINUTE)).await);
    let mut good = 0;
    for token in ["one", "two", "three"] {
        good += u32::from(is_good(bench, token, NOON.plus_milliseconds(DAY)).await);
    }
    assert_eq!(good, 1);
}

pub(super) async fn people_end_their_own_sessions_only(bench: &Bench) {
    let (ada, bob) = (
        an_account(bench, "ada@example.org").await,
        an_account(bench, "bob@example.org").await,
    );
    let mut sessions = Vec::new();
    for (number, token) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let at = NOON.plus_milliseconds(i64::try_from(number).unwrap());
        sessions.push(begin(bench, a_session(ada, token, at)).await);
    }
    begin(bench, a_session(bob, "bob", NOON)).await;
    let first = sessions[0];
    let end = |user: UserId| {
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.end_session(user, first).await }))
    };
    assert!(!end(bob).await.unwrap(), "somebody else's session was ended");
    assert!(end(ada).await.unwrap());
    assert!(!is_good(bench, "a", NOON).await);
    let oldest = bench
        .store
        .write(move |tx| Box::pin(async move { tx.end_oldest_sessions(ada, 2).await }));
    assert_eq!(oldest.await.unwrap(), [sessions[1]]);
    let keep = sessions[2];
    let others = bench
        .store
        .write(move |tx| Box::pin(async move { tx.end_other_sessions(ada, Some(keep)).await }));
    assert_eq!(others.await.unwrap(), [sessions[3]]);
    let mut reader = bench.store.read().await.unwrap();
    let left: Vec<SessionId> = reader
        .sessions(ada, NOON)
        .await
        .unwrap()
        .iter()
        .map(|session| session.id)
        .collect();
    assert_eq!(left, [keep]);
    assert!(
        reader
            .sessions(ada, NOON.plus_milliseconds(31 * DAY))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(is_good(bench, "bob", NOON).await);
    let all = bench
        .store
        .write(move |tx| Box::pin(async move { tx.end_other_sessions(ada, None).await }));
    assert_eq!(all.await.unwrap(), [keep]);
}

async fn link(bench: &Bench, token: &'static str, user: Option<UserId>, at: Timestamp) {
    let new = NewOneTimeToken {
        token: TokenHash::of(token),
        purpose: OneTimePurpose::PasswordReset,
        user,
        email: email("ada@example.org"),
        at,
        expires_at: at.plus_milliseconds(MINUTE),
        body: body(token),
    };
    let inserted = bench
        .store
        .write(move |tx| Box::pin(async move { tx.insert_one_time_token(&new, 1).await }));
    inserted.await.unwrap();
}

async fn use_link(bench: &Bench, token: &'static str, purpose: OneTimePurpose, at: Timestamp) -> Option<String> {
    let used = bench
        .store
        .write(move |tx| Box::pin(async move { tx.use_one_time_token(TokenHash::of(token), purpose, at).await }));
    used.await.unwrap().map(|used| used.body.read().unwrap())
}

pub(super) async fn a_link_is_good_once_for_its_purpose_and_not_for_long(bench: &Bench) {
    use OneTimePurpose::{MagicLink, PasswordReset};
    link(bench, "one", None, NOON).await;
    assert!(use_link(bench, "one", MagicLink, NOON).await.is_none());
    assert!(
        use_link(bench, "one", PasswordReset, NOON.plus_milliseconds(MINUTE))
            .await
            .is_none()
    );
    let using = (0..4).map(|_| use_link(bench, "one", PasswordReset, NOON));
    let used: Vec<String> = join_all(using).await.into_iter().flatten().collect();
    assert_eq!(used, ["one"], "used more than once, or never");

    // A link, the one before it, and the one before that: two are kept.
    for (seconds, token) in [(1, "first"), (2, "second"), (3, "third")] {
        link(bench, token, None, NOON.plus_milliseconds(seconds * 1_000)).await;
    }
    let mut reader = bench.store.read().await.unwrap();
    let mut good = Vec::new();
    for token in ["first", "second", "third"] {
        let hash = TokenHash::of(token);
        good.push(
            reader
                .one_time_token(hash, PasswordReset, NOON)
                .await
                .unwrap()
                .is_some(),
        );
    }
    assert_eq!(good, [false, true, true]);
    let revoked = bench
        .store
        .write(|tx| Box::pin(async move { tx.revoke_one_time_tokens(&email("ada@example.org")).await }));
    assert_eq!(revoked.await.unwrap(), 2);
    assert!(use_link(bench, "third", PasswordReset, NOON).await.is_none());
}

pub(super) async fn a_throttle_admits_a_burst_then_its_pace_also_after_a_restart(bench: &Bench) {
    const PACE: Pace = Pace {
        burst: 3,
        interval: MINUTE,
    };
    async fn admit(store: &Store, key: &'static str, at: Timestamp) -> Admission {
        store
            .write(move |tx| Box::pin(async move { tx.admit(key, PACE, at).await }))
            .await
            .unwrap()
    }
    let asked = join_all((0..8).map(|_| admit(&bench.store, "key", NOON))).await;
    assert_eq!(asked.iter().filter(|asked| **asked == Admission::Admitted).count(), 3);
    let other = Store::open(bench.config.clone()).await.unwrap();
    let until = NOON.plus_milliseconds(MINUTE);
    assert_eq!(admit(&other, "key", NOON).await, Admission::Refused { until });
    assert_eq!(admit(&other, "other", NOON).await, Admission::Admitted);
    assert_eq!(admit(&other, "key", until).await, Admission::Admitted);
    let back = other.write(|tx| Box::pin(async move { tx.readmit("key", PACE).await }));
    back.await.unwrap();
    assert_eq!(admit(&other, "key", until).await, Admission::Admitted);
    assert!(matches!(admit(&other, "key", until).await, Admission::Refused { .. }));
    let cleared = other.write(|tx| Box::pin(async move { tx.clear_throttle("key").await }));
    cleared.await.unwrap();
    assert_eq!(admit(&other, "key", until).await, Admission::Admitted);
    other.close().await;
}

pub(super) async fn what_has_ended_is_swept(bench: &Bench) {
    let user = an_account(bench, "ada@example.org").await;
    begin(bench, a_session(user, "ended", NOON)).await;
    let lasting = begin(bench, a_session(user, "lasting", NOON.plus_milliseconds(DAY))).await;
    link(bench, "link", Some(user), NOON).await;
    let prepared = bench.store.write(move |tx| {
        Box::pin(async move {
            let pace = Pace { burst: 1, interval: 1 };
            tx.admit("key", pace, NOON).await?;
            tx.rotate_session_token(Rotation {
                session: lasting,
                old: TokenHash::of("lasting"),
                new: TokenHash::of("next"),
                at: NOON,
                old_ends_at: NOON,
            })
            .await
        })
    });
    prepared.await.unwrap();
    let sweep = |at: Timestamp| {
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.sweep_accounts(at, 100).await }))
    };
    assert_eq!(sweep(NOON.plus_milliseconds(-1)).await.unwrap(), 0);
    let end = NOON.plus_milliseconds(30 * DAY);
    assert_eq!(sweep(end).await.unwrap(), 4);
    assert_eq!(sweep(end).await.unwrap(), 0);
    assert!(is_good(bench, "next", end).await);
}

pub(super) async fn a_replaced_token_of_a_program_is_remembered_as_long_as_its_session(bench: &Bench) {
    let user = an_account(bench, "ada@example.org").await;
    let program = NewSession {
        delivery: Delivery::Token,
        ..a_session(user, "program 0", NOON)
    };
    let program = begin(bench, program).await;
    let browser = begin(bench, a_session(user, "browser 0", NOON)).await;
    let replace = async |session: SessionId, new: &str, at: Timestamp, keep: u32| {
        let old = if new.starts_with("browser") {
            "browser 0"
        } else {
            "program 0"
        };
        let rotation = Rotation {
            session,
            old: TokenHash::of(old),
            new: TokenHash::of(new),
            at,
            old_ends_at: at.plus_milliseconds(MINUTE),
        };
        let replaced = bench
            .store
            .write(move |tx| Box::pin(async move { tx.replace_session_tokens(rotation, keep).await }));
        replaced.await.unwrap()
    };
    assert!(replace(program, "program 1", NOON.plus_milliseconds(1), 10).await);
    assert!(replace(program, "program 2", NOON.plus_milliseconds(2), 10).await);
    assert!(replace(browser, "browser 1", NOON.plus_milliseconds(1), 10).await);
    assert!(!replace(SessionId::from_uuid(Uuid::now_v7()), "nobody's", NOON, 10).await);
    assert!(
        !replace(browser, "program 9", NOON, 10).await,
        "the token of another session"
    );

    let later = NOON.plus_milliseconds(2 * MINUTE);
    let sweep = bench
        .store
        .write(move |tx| Box::pin(async move { tx.sweep_accounts(later, 100).await }));
    sweep.await.unwrap();
    let ended = async |token: &str, at: Timestamp| {
        let mut reader = bench.store.read().await.unwrap();
        reader.session_of_ended_token(TokenHash::of(token), at).await.unwrap()
    };
    assert_eq!(ended("program 0", later).await, Some((user, program)));
    assert_eq!(ended("program 1", later).await, Some((user, program)));
    assert_eq!(ended("program 0", NOON).await, None, "it is good for a while");
    assert_eq!(ended("program 2", later).await, None, "it is the present one");
    assert_eq!(ended("browser 0", later).await, None, "browsers are forgiven");
    // Only so many are remembered, the newest.
    assert!(replace(program, "program 3", NOON.plus_milliseconds(3), 2).await);
    assert_eq!(ended("program 0", later).await, None);
    assert_eq!(ended("program 1", later).await, Some((user, program)));

    let end = bench
        .store
        .write(move |tx| Box::pin(async move { tx.end_session(user, program).await }));
    assert!(end.await.unwrap());
    assert_eq!(ended("program 1", later).await, None);
}
