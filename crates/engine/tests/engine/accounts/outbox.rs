//! Mail is sent by whatever engine is there, however many died over it, and nothing of it stays.

use codecourier_domain::id::MailId;
use codecourier_engine::access::SignUpPolicy;
use codecourier_engine::accounts::{Delivery, Verified};
use codecourier_engine::mail::Delivered;
use codecourier_identity::mail::MailMessage;
use codecourier_store::mails::{Mail as StoredMail, MailStatus};
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent;
use codecourier_testkit::postbox::{Answer, token_of};
use codecourier_testkit::postgres::Server;
use futures::future::BoxFuture;

use super::{House, MINUTE, Mail, SECOND, address, visitor};

async fn request_reset(house: &House) {
    let request = house.ask(|accounts| async move {
        let email = address("ada@example.org");
        accounts.request_password_reset(email, &visitor("192.0.2.1")).await
    });
    request.await.unwrap();
}

async fn reset(house: &House, message: &MailMessage) {
    let token = token_of(&message.text);
    let done = house.ask(|accounts| async move {
        let visitor = visitor("192.0.2.1");
        accounts
            .confirm_password_reset(&token, "another horse".into(), &visitor)
            .await
    });
    done.await.unwrap();
}

async fn deliver(house: &House) -> Delivered {
    let delivered = house.engine.ask(|engine| async move { engine.mail().deliver().await });
    delivered.await.unwrap()
}

/// Waits until that many mails have ended, and gives them, the newest first.
async fn until_ended(house: &House, number: usize) -> Vec<StoredMail> {
    loop {
        let ended = house.engine.read(
            |mut reader: codecourier_store::Reader<'static>| -> BoxFuture<'static, _> {
                Box::pin(async move { reader.ended_mails(100).await.unwrap() })
            },
        );
        let ended = ended.await;
        if ended.len() >= number {
            return ended;
        }
        tokio::task::yield_now().await;
    }
}

/// Waits until a mail waits for its next attempt, and gives which attempt was the last.
async fn until_waiting(house: &House, id: MailId) -> u32 {
    loop {
        let mail = house.engine.read(
            move |mut reader: codecourier_store::Reader<'static>| -> BoxFuture<'static, _> {
                Box::pin(async move { reader.mail(id).await.unwrap().unwrap() })
            },
        );
        let mail = mail.await;
        if mail.status == MailStatus::Waiting && mail.attempt > 0 {
            return mail.attempt;
        }
        tokio::task::yield_now().await;
    }
}

/// Ends the engine between any two of its steps, and starts the next.
async fn kill_and_start(house: House) -> House {
    let House { world, engine, postbox } = house;
    engine.kill().await;
    let engine = world.start().await;
    House { world, engine, postbox }
}

async fn killed_with_mail_at_every_step(world: World) {
    let house = House::of(world, SignUpPolicy::Open, Mail::Some).await;
    house.with_account("operator@example.org").await;
    // Four are in the hands of a mail server that has them and never says so; the others were not begun.
    house.postbox.answer_next([Answer::Hang; 4]);
    for number in 0..6 {
        house.sign_up(&format!("{number}@example.org")).await.unwrap();
    }
    let mut tried = Vec::new();
    for _ in 0..4 {
        tried.push(house.postbox.next().await);
    }
    let house = kill_and_start(house).await;
    let mut arrived = Vec::new();
    for _ in 0..6 {
        arrived.push(house.postbox.next().await);
    }
    for first in &tried {
        let again = arrived.iter().find(|message| message.to == first.to).unwrap();
        assert_eq!(
            (again.id, &again.text),
            (first.id, &first.text),
            "it is the same message"
        );
    }
    for message in &arrived {
        let token = token_of(&message.text);
        let verified = house.ask(|accounts| async move {
            let visitor = visitor("192.0.2.1");
            accounts.verify_email(&token, &visitor, Delivery::Cookie).await
        });
        let Verified::SignedIn(signed_in) = verified.await.unwrap() else {
            panic!("no account was made");
        };
        assert_eq!(signed_in.account.email.as_ref(), Some(&message.to));
    }
    let ended = until_ended(&house, 7).await;
    assert!(
        ended
            .iter()
            .all(|mail| mail.status == MailStatus::Sent && !mail.has_content)
    );

    // What was sent is not sent again.
    let house = kill_and_start(house).await;
    assert_eq!(deliver(&house).await.sent, 0);
    assert_eq!(house.postbox.waiting(), 0);
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_survives_a_kill_at_every_step() {
    killed_with_mail_at_every_step(World::new(fake_agent::designer_and_checker())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_survives_a_kill_at_every_step_on_postgres_too() {
    let url = Server::shared().create_database();
    killed_with_mail_at_every_step(World::new(fake_agent::designer_and_checker()).on_postgres(url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_was_asked_for_is_the_same_whoever_sends_it_and_however_often() {
    let house = House::new(SignUpPolicy::Open, Mail::Some).await;
    house.with_account("ada@example.org").await;
    // The first server dies over it, the second is told to come back later, and so is the third.
    house.postbox.answer_next([Answer::Hang, Answer::Later, Answer::Later]);
    request_reset(&house).await;
    let first = house.postbox.next().await;
    let mut house = kill_and_start(house).await;
    for attempt in [2, 3] {
        let again = house.postbox.next().await;
        assert_eq!((again.id, token_of(&again.text)), (first.id, token_of(&first.text)));
        assert_eq!(until_waiting(&house, first.id).await, attempt);
        assert_eq!(deliver(&house).await.sent, 0, "not before its time");
        house.world.clock.advance(21 * SECOND);
        house = kill_and_start(house).await;
    }
    let last = house.postbox.next().await;
    assert_eq!((last.id, token_of(&last.text)), (first.id, token_of(&first.text)));
    reset(&house, &last).await;
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_refused_for_good_is_given_up_and_the_reason_stays() {
    let house = House::new(SignUpPolicy::Open, Mail::Some).await;
    house.with_account("ada@example.org").await;
    house.postbox.answer_next([Answer::Refuse]);
    request_reset(&house).await;
    house.postbox.next().await;
    let ended = until_ended(&house, 2).await;
    assert_eq!((ended[0].status, ended[0].attempt), (MailStatus::GivenUp, 1));
    let reason = ended[0].reason.as_deref().unwrap();
    assert!(reason.contains("550 no such mailbox"), "{reason}");
    house.world.clock.advance(20 * MINUTE);
    deliver(&house).await;
    assert_eq!(house.postbox.waiting(), 0, "it was tried again");
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_nobody_took_in_time_is_not_sent_any_more() {
    let house = House::new(SignUpPolicy::Open, Mail::Some).await;
    house.with_account("ada@example.org").await;
    house.postbox.answer_next([Answer::Later]);
    request_reset(&house).await;
    let tried = house.postbox.next().await;
    until_waiting(&house, tried.id).await;
    house.world.clock.advance(30 * MINUTE);
    deliver(&house).await;
    let ended = until_ended(&house, 2).await;
    assert_eq!(ended[0].status, MailStatus::GivenUp);
    assert!(ended[0].reason.as_deref().unwrap().contains("451 come back later"));
    assert_eq!(house.postbox.waiting(), 0);
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_link_is_nowhere_on_the_disk() {
    let house = House::new(SignUpPolicy::Open, Mail::Some).await;
    house.with_account("ada@example.org").await;
    house.postbox.answer_next([Answer::Later]);
    request_reset(&house).await;
    let message = house.postbox.next().await;
    until_waiting(&house, message.id).await;
    let token = token_of(&message.text);
    let mut found_the_mail = false;
    for entry in std::fs::read_dir(house.world.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!has(&token), "in {}", path.display());
            found_the_mail |= has(&message.id.to_string());
        }
    }
    assert!(found_the_mail, "the mail itself is there");
    house.engine.shut_down().await;
}
