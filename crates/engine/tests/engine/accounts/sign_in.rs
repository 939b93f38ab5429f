//! Signing in with a password: what is told, and how often it may be tried.

use codecourier_engine::ErrorCode;
use codecourier_engine::access::SignUpPolicy;
use codecourier_engine::accounts::PasswordSignIn;

use super::{House, MINUTE, Mail, PASSWORD, SECOND, address, code, visitor};

const WRONG: &str = "wrong horse battery";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_and_an_unknown_address_are_the_same_answer() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    let made = house.with_account("ada@example.org").await;
    let wrong = house.sign_in("ada@example.org", WRONG).await.unwrap_err();
    let unknown = house.sign_in("eve@example.org", WRONG).await.unwrap_err();
    assert_eq!((wrong.code, &wrong.message), (ErrorCode::AuthInvalid, &unknown.message));
    assert_eq!((unknown.code, unknown.field), (wrong.code, wrong.field));
    let signed_in = house.sign_in("ADA@example.org", PASSWORD).await.unwrap();
    assert_eq!(signed_in.account.id, made.account.id);
    assert_ne!(signed_in.session, made.session);
    assert_eq!(
        house.person(&signed_in.token).await.unwrap().session,
        Some(signed_in.session)
    );
    assert!(!format!("{signed_in:?}").contains(signed_in.token.expose()));
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_at_one_account_is_slowed_down_and_its_person_gets_in_from_elsewhere() {
    let mut house = House::new(SignUpPolicy::Open, Mail::None).await;
    house.with_account("ada@example.org").await;
    for email in ["ada@example.org", "nobody@example.org"] {
        for _ in 0..5 {
            assert_eq!(code(house.sign_in(email, WRONG).await), ErrorCode::AuthInvalid);
        }
        let refused = house.sign_in(email, WRONG).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::RateLimited, "{email}");
        let wait = refused.retry_after.unwrap().as_secs();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    // Not even the right password, from there; from elsewhere it is good.
    assert_eq!(
        code(house.sign_in("ada@example.org", PASSWORD).await),
        ErrorCode::RateLimited
    );
    house
        .sign_in_from("198.51.100.7", "ada@example.org", PASSWORD)
        .await
        .unwrap();

    // It outlives the server.
    house.engine.shut_down().await;
    house.engine = house.world.start().await;
    assert_eq!(
        code(house.sign_in("ada@example.org", PASSWORD).await),
        ErrorCode::RateLimited
    );
    house.world.clock.advance(MINUTE + SECOND);
    house.sign_in("ada@example.org", PASSWORD).await.unwrap();
    // Getting in clears it.
    for _ in 0..5 {
        assert_eq!(
            code(house.sign_in("ada@example.org", WRONG).await),
            ErrorCode::AuthInvalid
        );
    }
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_tries_many_accounts_is_slowed_down() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    house.with_account("ada@example.org").await;
    let mut refused = 0;
    for number in 0..52 {
        // Addresses of one customer of a provider.
        let network = format!("2001:db8:0:7::{number:x}");
        let attempt = house
            .sign_in_from(&network, &format!("{number}@example.org"), WRONG)
            .await;
        refused += u32::from(code(attempt) == ErrorCode::RateLimited);
    }
    assert!(refused >= 1, "fifty in a row, and no end");
    house
        .sign_in_from("2001:db8:0:8::1", "ada@example.org", PASSWORD)
        .await
        .unwrap();
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_sign_in_as_often_as_they_like() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    house.with_account("ada@example.org").await;
    for _ in 0..12 {
        house.sign_in("ada@example.org", PASSWORD).await.unwrap();
    }
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_password_is_the_only_one_and_ends_the_other_sessions() {
    let house = House::new(SignUpPolicy::Open, Mail::Some).await;
    let here = house.with_account("ada@example.org").await;
    let there = house.sign_in("ada@example.org", PASSWORD).await.unwrap();
    let person = house.person(&here.token).await.unwrap();
    let change = |present: Option<&str>, new: &str| {
        let (person, present, new) = (person.clone(), present.map(Into::into), new.into());
        house.ask(|accounts| async move {
            accounts
                .change_password(&person, present.as_ref(), new, &visitor("192.0.2.1"))
                .await
        })
    };
    let refused = change(Some(WRONG), "another horse").await.unwrap_err();
    assert_eq!(
        (refused.code, refused.field.as_deref()),
        (ErrorCode::Forbidden, Some("currentPassword"))
    );
    assert_eq!(code(change(None, "another horse").await), ErrorCode::Forbidden);
    assert_eq!(code(change(Some(PASSWORD), "short").await), ErrorCode::Validation);
    assert!(house.person(&there.token).await.is_ok(), "nothing was changed yet");
    change(Some(PASSWORD), "another horse").await.unwrap();
    assert_eq!(house.postbox.next().await.to, address("ada@example.org"));
    assert!(house.person(&here.token).await.is_ok());
    assert_eq!(code(house.person(&there.token).await), ErrorCode::AuthInvalid);
    assert_eq!(
        code(house.sign_in("ada@example.org", PASSWORD).await),
        ErrorCode::AuthInvalid
    );
    house.sign_in("ada@example.org", "another horse").await.unwrap();
    // A device that was left signed in is no way around the throttle.
    let mut limited = false;
    for _ in 0..6 {
        limited |= code(change(Some(WRONG), "third horse").await) == ErrorCode::RateLimited;
    }
    assert!(limited);
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_passwords_of_its_own_takes_none() {
    let mut house = House::new(SignUpPolicy::Open, Mail::None).await;
    let signed_in = house.with_account("ada@example.org").await;
    house.engine.shut_down().await;
    house.world.accounts.password_sign_in = PasswordSignIn::Off;
    house.engine = house.world.start().await;
    assert_eq!(
        code(house.sign_in("ada@example.org", PASSWORD).await),
        ErrorCode::Forbidden
    );
    assert_eq!(code(house.sign_up("bob@example.org").await), ErrorCode::Forbidden);
    assert!(house.person(&signed_in.token).await.is_ok(), "sessions go on");
    let email = address("ada@example.org");
    let asked = house
        .ask(|accounts| async move { accounts.request_magic_link(email, &visitor("192.0.2.1")).await })
        .await;
    assert_eq!(code(asked), ErrorCode::Unavailable, "there is no mail");
    house.engine.shut_down().await;
}
