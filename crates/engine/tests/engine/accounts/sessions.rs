//! How long a session lasts, how its token changes, and who ends it.

use codecourier_engine::access::{RenewedSession, SignUpPolicy};
use codecourier_engine::accounts::Delivery;
use codecourier_engine::{Error, ErrorCode};
use codecourier_identity::secret_token::SessionToken;
use codecourier_store::changes::{ChangeOp, ChangesAfter, Scope};
use futures::future::{BoxFuture, join_all};

use super::{DAY, House, MINUTE, Mail, PASSWORD, SECOND, address, code, visitor};

async fn renew(house: &House, token: &SessionToken) -> Option<RenewedSession> {
    let token = token.clone();
    let renewed: Result<_, Error> = house
        .engine
        .ask(|engine| async move { engine.access().renew_session(&token).await })
        .await;
    renewed.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_after_thirty_days_without_use_and_ninety_with() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    let used = house.with_account("ada@example.org").await;
    let unused = house.sign_in("ada@example.org", PASSWORD).await.unwrap();
    for _ in 0..4 {
        house.world.clock.advance(20 * DAY);
        assert!(house.person(&used.token).await.is_ok());
    }
    assert_eq!(code(house.person(&unused.token).await), ErrorCode::AuthInvalid);
    house.world.clock.advance(10 * DAY);
    let refused = house.person(&used.token).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::AuthInvalid, "use does not prolong it for ever");
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_old_token_of_a_cookie_is_replaced_and_parallel_requests_survive() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    let first = house.with_account("ada@example.org").await.token;
    assert!(renew(&house, &first).await.is_none(), "it is fresh");
    house.world.clock.advance(DAY);
    let renewed: Vec<RenewedSession> = join_all((0..6).map(|_| renew(&house, &first)))
        .await
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(renewed.len(), 1, "of parallel requests one gets the new token");
    let second = &renewed[0].token;
    let person = house.person(second).await.unwrap();
    house.world.clock.advance(50 * SECOND);
    assert_eq!(house.person(&first).await.unwrap(), person);
    assert!(renew(&house, &first).await.is_none());
    house.world.clock.advance(11 * SECOND);
    assert_eq!(code(house.person(&first).await), ErrorCode::AuthInvalid);
    assert_eq!(house.person(second).await.unwrap().session, person.session);
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_programs_token_stays() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    house.with_account("ada@example.org").await;
    let email = address("ada@example.org");
    let signed_in = house.ask(|accounts| async move {
        accounts
            .sign_in(email, &PASSWORD.into(), &visitor("192.0.2.1"), Delivery::Token)
            .await
    });
    let token = signed_in.await.unwrap().token;
    house.world.clock.advance(3 * DAY);
    assert!(renew(&house, &token).await.is_none());
    assert!(house.person(&token).await.is_ok());
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_is_noted_to_the_minute() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    let signed_in = house.with_account("ada@example.org").await;
    let last_used = || async {
        let person = house.person(&signed_in.token).await.unwrap();
        let sessions = house.ask(|accounts| async move { accounts.sessions(&person).await });
        sessions.await.unwrap()[0].last_used_at
    };
    let begun = last_used().await;
    house.world.clock.advance(30 * SECOND);
    assert_eq!(last_used().await, begun, "written again too soon");
    house.world.clock.advance(31 * SECOND);
    assert!(last_used().await.since(begun) >= MINUTE);
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_see_and_end_their_own_devices() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    let first = house.with_account("ada@example.org").await;
    let bob = house.with_account("bob@example.org").await;
    let mut tokens = Vec::new();
    for network in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
        tokens.push(house.sign_in_from(network, "ada@example.org", PASSWORD).await.unwrap());
    }
    let person = house.person(&first.token).await.unwrap();
    let asking = person.clone();
    let sessions = house.ask(|accounts| async move { accounts.sessions(&asking).await });
    let sessions = sessions.await.unwrap();
    let shown: Vec<(&str, bool)> = sessions
        .iter()
        .map(|session| (session.address.as_str(), session.is_current))
        .collect();
    let expected = [
        ("198.51.100.3", false),
        ("198.51.100.2", false),
        ("198.51.100.1", false),
        ("192.0.2.1", true),
    ];
    assert_eq!(shown, expected);
    assert!(sessions.iter().all(|session| session.device == "Firefox on Linux"));

    let end = |whose: &codecourier_engine::access::Person, session| {
        let whose = whose.clone();
        house.ask(move |accounts| async move { accounts.end_session(&whose, session).await })
    };
    let stranger = house.person(&bob.token).await.unwrap();
    assert_eq!(code(end(&stranger, tokens[0].session).await), ErrorCode::NotFound);
    end(&person, tokens[0].session).await.unwrap();
    assert_eq!(code(end(&person, tokens[0].session).await), ErrorCode::NotFound);
    assert_eq!(code(house.person(&tokens[0].token).await), ErrorCode::AuthInvalid);
    assert!(house.person(&tokens[1].token).await.is_ok());

    let asking = person.clone();
    let ended = house.ask(|accounts| async move { accounts.end_other_sessions(&asking).await });
    assert_eq!(ended.await.unwrap(), 2);
    assert_eq!(code(house.person(&tokens[2].token).await), ErrorCode::AuthInvalid);
    assert!(house.person(&bob.token).await.is_ok());

    let (user, session) = (person.user, person.session.unwrap());
    let signed_out = house.ask(move |accounts| async move { accounts.sign_out(user, session).await });
    signed_out.await.unwrap();
    assert_eq!(code(house.person(&first.token).await), ErrorCode::AuthInvalid);

    // The person's devices are told of each end, and of nothing secret.
    let told = house
        .engine
        .read(
            move |mut reader: codecourier_store::Reader<'static>| -> BoxFuture<'static, _> {
                Box::pin(async move { reader.changes_after(Scope::User(user), 0, 100).await.unwrap() })
            },
        )
        .await;
    let ChangesAfter::Changes(changes) = told else {
        panic!("nothing was trimmed");
    };
    let ended = changes
        .iter()
        .filter(|change| (change.kind.as_str(), change.op) == ("session", ChangeOp::Delete));
    assert_eq!(ended.count(), 4);
    house.engine.shut_down().await;
}

/// A program that is signed in.
async fn program(house: &House) -> SessionToken {
    let signed_in = house.ask(|accounts| async move {
        let visitor = visitor("192.0.2.1");
        let password = super::PASSWORD.into();
        accounts
            .sign_in(super::address("ada@example.org"), &password, &visitor, Delivery::Token)
            .await
    });
    signed_in.await.unwrap().token
}

async fn rotate(house: &House, token: &SessionToken) -> Result<SessionToken, codecourier_engine::Error> {
    let token = token.clone();
    let rotated = house
        .engine
        .ask(|engine| async move { engine.access().rotate_session(&token).await });
    rotated.await.map(|rotated| rotated.token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_of_a_program_is_replaced_when_it_asks_and_worth_nothing_if_it_never_does() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    let browser = house.with_account("ada@example.org").await;
    let first = program(&house).await;
    let idle = program(&house).await;
    let session = house.person(&first).await.unwrap().session;
    let second = rotate(&house, &first).await.unwrap();
    assert_eq!(house.person(&second).await.unwrap().session, session);
    assert!(house.person(&first).await.is_ok(), "requests that are on their way");
    // The answer may have been lost: within the minute the one before asks again, and what was lost ends.
    let third = rotate(&house, &first).await.unwrap();
    assert!(house.person(&third).await.is_ok());
    assert_eq!(code(rotate(&house, &browser.token).await), ErrorCode::Conflict);

    for _ in 0..3 {
        house.world.clock.advance(10 * DAY - 2 * MINUTE);
        for token in [&third, &idle] {
            assert!(house.person(token).await.is_ok(), "used within its life");
        }
    }
    house.world.clock.advance(10 * MINUTE);
    for token in [&third, &idle] {
        assert_eq!(code(house.person(token).await), ErrorCode::AuthInvalid);
        assert_eq!(code(rotate(&house, token).await), ErrorCode::AuthInvalid);
    }
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_token_that_comes_back_ends_the_session_for_everybody() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    house.with_account("ada@example.org").await;
    let (first, other) = (program(&house).await, program(&house).await);
    let second = rotate(&house, &first).await.unwrap();
    let third = rotate(&house, &second).await.unwrap();
    house.world.clock.advance(MINUTE + SECOND);
    // Whoever was swept in between: what was replaced is remembered.
    assert!(house.person(&third).await.is_ok());
    assert_eq!(code(house.person(&first).await), ErrorCode::AuthInvalid);
    for token in [&first, &second, &third] {
        assert_eq!(code(house.person(token).await), ErrorCode::AuthInvalid);
    }
    assert!(house.person(&other).await.is_ok(), "another session of the same person");
    house.engine.shut_down().await;
}
