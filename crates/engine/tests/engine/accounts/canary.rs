//! What is secret shows in no log, at the finest level, in no error and in no debug text.

use std::io::Write;
use std::sync::{Arc, Mutex};

use codecourier_engine::access::SignUpPolicy;
use codecourier_engine::accounts::Delivery;
use tracing_subscriber::fmt::MakeWriter;

use super::{House, Mail, a_sign_up, address, visitor};

const CANARY: &str = "canary-tweet-tweet";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_password_token_or_link_is_logged_or_told_in_an_error() {
    let log = Log::default();
    // Each test is a process of its own: the log is this test's alone.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .init();
    let house = House::new(SignUpPolicy::Open, Mail::Some).await;
    let mut secrets = vec![CANARY.to_owned()];
    let mut said = Vec::new();

    house.with_account("operator@example.org").await;
    let asked = codecourier_engine::accounts::SignUp {
        password: CANARY.into(),
        ..a_sign_up("ada@example.org")
    };
    let outcome = house
        .ask(|accounts| async move { accounts.sign_up(asked, &visitor("192.0.2.1"), Delivery::Cookie).await })
        .await;
    said.push(format!("{outcome:?}"));
    let link = house.postbox.next_token().await;
    secrets.push(link.clone());
    for _ in 0..2 {
        let link = link.clone();
        let verified = house
            .ask(|accounts| async move {
                accounts
                    .verify_email(&link, &visitor("192.0.2.1"), Delivery::Cookie)
                    .await
            })
            .await;
        if let Ok(codecourier_engine::accounts::Verified::SignedIn(signed_in)) = &verified {
            secrets.push(signed_in.token.expose().to_owned());
        }
        said.push(format!("{verified:?}"));
    }
    let signed_in = house.sign_in("ada@example.org", CANARY).await;
    secrets.push(signed_in.as_ref().unwrap().token.expose().to_owned());
    said.push(format!("{signed_in:?}"));
    said.push(format!(
        "{:?}",
        house.sign_in("ada@example.org", &format!("{CANARY}!")).await
    ));
    let email = address("ada@example.org");
    house
        .ask(|accounts| async move { accounts.request_password_reset(email, &visitor("192.0.2.1")).await })
        .await
        .unwrap();
    let reset = house.postbox.next_token().await;
    secrets.push(reset.clone());
    let told = house
        .ask(|accounts| async move {
            let visitor = visitor("192.0.2.1");
            let refused = accounts.confirm_password_reset(&reset, "short".into(), &visitor).await;
            let done = accounts
                .confirm_password_reset(&reset, format!("{CANARY}2").into(), &visitor)
                .await;
            let again = accounts
                .confirm_password_reset(&reset, format!("{CANARY}3").into(), &visitor)
                .await;
            format!("{refused:?} {done:?} {again:?}")
        })
        .await;
    said.push(told);
    house.engine.shut_down().await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("TRACE") || log.contains("DEBUG"),
        "the log is at its finest level"
    );
    assert!(log.contains("a mail was handed to the mail server"));
    let said = said.join("\n");
    for secret in secrets {
        assert!(!log.contains(&secret), "in the log: {secret}");
        assert!(!said.contains(&secret), "in an answer: {secret}");
    }
}
