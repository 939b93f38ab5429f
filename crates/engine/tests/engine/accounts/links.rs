//! Links in mail: what they do, for whom, how often and how long.

use codecourier_engine::ErrorCode;
use codecourier_engine::access::SignUpPolicy;
use codecourier_engine::accounts::{Delivery, SignedIn, Verified};
use codecourier_engine::{AccountsConfig, Error};

use super::{House, MINUTE, Mail, PASSWORD, SECOND, address, code, visitor};

async fn request_reset(house: &House, email: &str) -> Result<(), Error> {
    let email = address(email);
    house
        .ask(|accounts| async move { accounts.request_password_reset(email, &visitor("192.0.2.1")).await })
        .await
}

async fn request_magic_link(house: &House, email: &str) -> Result<(), Error> {
    let email = address(email);
    house
        .ask(|accounts| async move { accounts.request_magic_link(email, &visitor("192.0.2.1")).await })
        .await
}

async fn reset(house: &House, token: &str, password: &str) -> Result<(), Error> {
    let (token, password) = (token.to_owned(), password.into());
    house
        .ask(|accounts| async move {
            accounts
                .confirm_password_reset(&token, password, &visitor("192.0.2.1"))
                .await
        })
        .await
}

async fn follow(house: &House, token: &str) -> Result<SignedIn, Error> {
    let token = token.to_owned();
    house
        .ask(|accounts| async move {
            accounts
                .confirm_magic_link(&token, &visitor("192.0.2.1"), Delivery::Cookie)
                .await
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password_is_replaced_by_mail_and_every_device_signs_in_anew() {
    let house = House::new(SignUpPolicy::Open, Mail::Some).await;
    let before = house.with_account("ada@example.org").await;
    request_reset(&house, "ada@example.org").await.unwrap();
    let message = house.postbox.next().await;
    assert!(
        message
            .text
            .contains("https://courier.example.org/password-reset#token=cco_"),
        "{}",
        message.text
    );
    let token = codecourier_testkit::postbox::token_of(&message.text);
    // A password that is not taken does not use the link up.
    assert_eq!(code(reset(&house, &token, "password123").await), ErrorCode::Validation);
    reset(&house, &token, "another horse").await.unwrap();
    assert!(house.postbox.next().await.subject.contains("changed"));
    assert_eq!(code(reset(&house, &token, "third horse").await), ErrorCode::AuthInvalid);
    assert_eq!(code(house.person(&before.token).await), ErrorCode::AuthInvalid);
    assert_eq!(
        code(house.sign_in("ada@example.org", PASSWORD).await),
        ErrorCode::AuthInvalid
    );
    let signed_in = house.sign_in("ada@example.org", "another horse").await.unwrap();
    assert!(
        signed_in.account.email_verified_at.is_some(),
        "whoever follows the link reads the mail"
    );
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_without_an_account_hears_nothing_and_the_caller_no_difference() {
    let house = House::new(SignUpPolicy::Open, Mail::Some).await;
    house.with_account("ada@example.org").await;
    request_reset(&house, "eve@example.org").await.unwrap();
    request_magic_link(&house, "eve@example.org").await.unwrap();
    request_reset(&house, "ada@example.org").await.unwrap();
    assert_eq!(house.postbox.next().await.to, address("ada@example.org"));
    // An end in order waits for what is under way.
    let postbox = std::sync::Arc::clone(&house.postbox);
    house.engine.shut_down().await;
    assert_eq!(postbox.waiting(), 0, "a stranger got mail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_magic_link_signs_in_once_and_for_a_quarter_of_an_hour() {
    let house = House::new(SignUpPolicy::Open, Mail::Some).await;
    let ada = house.with_account("ada@example.org").await;
    for _ in 0..2 {
        request_magic_link(&house, "ada@example.org").await.unwrap();
    }
    let (first, second) = (house.postbox.next_token().await, house.postbox.next_token().await);
    let signed_in = follow(&house, &first).await.unwrap();
    assert_eq!(signed_in.account.id, ada.account.id);
    assert_eq!(code(follow(&house, &first).await), ErrorCode::AuthInvalid);
    house.world.clock.advance(15 * MINUTE + SECOND);
    assert_eq!(code(follow(&house, &second).await), ErrorCode::AuthInvalid);
    for nonsense in ["", "cco_", signed_in.token.expose(), "cco_\u{0}"] {
        assert_eq!(code(follow(&house, nonsense).await), ErrorCode::AuthInvalid);
    }
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_for_one_thing_does_nothing_else() {
    let house = House::new(SignUpPolicy::Open, Mail::Some).await;
    house.with_account("ada@example.org").await;
    request_reset(&house, "ada@example.org").await.unwrap();
    let token = house.postbox.next_token().await;
    assert_eq!(code(follow(&house, &token).await), ErrorCode::AuthInvalid);
    let verifying = token.clone();
    let verified = house
        .ask(|accounts| async move {
            accounts
                .verify_email(&verifying, &visitor("192.0.2.1"), Delivery::Cookie)
                .await
        })
        .await;
    assert_eq!(code(verified), ErrorCode::AuthInvalid);
    reset(&house, &token, "another horse").await.unwrap();
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_proves_an_address_that_was_never_proved_takes_the_account_over() {
    // Somebody makes an account with another person's address, on a server that has no mail yet.
    let mut house = House::new(SignUpPolicy::Open, Mail::None).await;
    house.with_account("operator@example.org").await;
    let squatter = house.with_account("ada@example.org").await;
    house.engine.shut_down().await;
    house.world.accounts = AccountsConfig {
        mailer: std::sync::Arc::clone(&house.postbox) as _,
        ..house.world.accounts.clone()
    };
    house.engine = house.world.start().await;
    request_magic_link(&house, "ada@example.org").await.unwrap();
    let ada = follow(&house, &house.postbox.next_token().await).await.unwrap();
    assert_eq!(ada.account.id, squatter.account.id);
    assert!(!ada.account.has_password);
    assert_eq!(code(house.person(&squatter.token).await), ErrorCode::AuthInvalid);
    assert_eq!(
        code(house.sign_in("ada@example.org", PASSWORD).await),
        ErrorCode::AuthInvalid
    );
    assert!(house.person(&ada.token).await.is_ok());
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_mail_links_are_not_offered() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    house.with_account("ada@example.org").await;
    for email in ["ada@example.org", "eve@example.org"] {
        assert_eq!(code(request_reset(&house, email).await), ErrorCode::Unavailable);
        assert_eq!(code(request_magic_link(&house, email).await), ErrorCode::Unavailable);
    }
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_link_to_prove_an_address_is_sent_again_to_whoever_has_something_to_prove() {
    let house = House::new(SignUpPolicy::Open, Mail::Some).await;
    let again = |email: &str| {
        let email = address(email);
        house.ask(|accounts| async move { accounts.request_verification(email, &visitor("192.0.2.9")).await })
    };
    let verify = |token: String| {
        house.ask(|accounts| async move {
            let visitor = visitor("192.0.2.1");
            accounts.verify_email(&token, &visitor, Delivery::Cookie).await
        })
    };
    // The operator's account is there, and its address not proved.
    house.with_account("ada@example.org").await;
    again("ada@example.org").await.unwrap();
    let Verified::Address(ada) = verify(house.postbox.next_token().await).await.unwrap() else {
        panic!("the account was there");
    };
    assert!(ada.email_verified_at.is_some());
    // Of a sign-up that is open, the next link knows what was asked for; following one of them is the end of all.
    house.sign_up("bob@example.org").await.unwrap();
    let first = house.postbox.next_token().await;
    // Nothing to prove, and nobody there: the caller hears the same, and nobody is written to.
    again("ada@example.org").await.unwrap();
    again("eve@example.org").await.unwrap();
    again("bob@example.org").await.unwrap();
    let message = house.postbox.next().await;
    assert_eq!(message.to, address("bob@example.org"));
    let second = codecourier_testkit::postbox::token_of(&message.text);
    let Verified::SignedIn(bob) = verify(second).await.unwrap() else {
        panic!("the account was not made");
    };
    assert_eq!(bob.account.name, "Ada", "the name that was given at the sign-up");
    house.sign_in("bob@example.org", PASSWORD).await.unwrap();
    assert_eq!(code(verify(first).await), ErrorCode::AuthInvalid);
    // An address is spared, whoever asks.
    let mut refused = 0;
    for _ in 0..6 {
        if let Err(error) = again("ada@example.org").await {
            assert_eq!(error.code, ErrorCode::RateLimited);
            refused += 1;
        }
    }
    assert!(refused > 0);
    let postbox = std::sync::Arc::clone(&house.postbox);
    house.engine.shut_down().await;
    assert_eq!(postbox.waiting(), 0, "somebody with nothing to prove got mail");
}
