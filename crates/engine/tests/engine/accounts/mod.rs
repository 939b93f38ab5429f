//! Accounts as the API calls them: a fake clock, a postbox instead of a mail server, everything else real.

mod canary;
mod delete;
mod links;
mod outbox;
mod real_mail;
mod sessions;
mod sign_in;
mod sign_up;

use std::sync::Arc;

use codecourier_domain::email::EmailAddress;
use codecourier_engine::access::{Credential, Person, Principal, SignUpPolicy};
use codecourier_engine::accounts::{Accounts, Delivery, SignUp, SignUpOutcome, SignedIn, Visitor};
use codecourier_engine::{AccountsConfig, Error, ErrorCode};
use codecourier_identity::mail::Mailer;
use codecourier_identity::secret_token::SessionToken;
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent;
use codecourier_testkit::postbox::Postbox;

pub(super) const PASSWORD: &str = "correct horse";
pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const DAY: i64 = 24 * 60 * MINUTE;

/// A server with accounts.
pub(super) struct House {
    pub(super) world: World,
    pub(super) engine: TestEngine,
    pub(super) postbox: Arc<Postbox>,
}

/// Whether a house has mail.
pub(super) enum Mail {
    /// Into its postbox.
    Some,
    /// By something of the test's own.
    By(Arc<dyn Mailer>),
    /// It has none.
    None,
}

impl House {
    pub(super) async fn new(sign_up: SignUpPolicy, mail: Mail) -> Self {
        Self::of(World::new(fake_agent::designer_and_checker()), sign_up, mail).await
    }

    pub(super) async fn of(mut world: World, sign_up: SignUpPolicy, mail: Mail) -> Self {
        let postbox = Arc::<Postbox>::default();
        world.accounts = AccountsConfig {
            sign_up,
            public_url: "https://courier.example.org".to_owned(),
            ..AccountsConfig::default()
        };
        match mail {
            Mail::Some => world.accounts.mailer = Arc::clone(&postbox) as _,
            Mail::By(mailer) => world.accounts.mailer = mailer,
            Mail::None => {}
        }
        let engine = world.start().await;
        Self { world, engine, postbox }
    }

    /// Asks the use cases of accounts.
    pub(super) async fn ask<T, F>(&self, question: impl FnOnce(Accounts) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.engine.ask(|engine| question(engine.accounts())).await
    }

    pub(super) async fn sign_up(&self, email: &str) -> Result<SignUpOutcome, Error> {
        let asked = a_sign_up(email);
        self.ask(|accounts| async move { accounts.sign_up(asked, &visitor("192.0.2.1"), Delivery::Cookie).await })
            .await
    }

    /// An account that is there, whatever it takes.
    pub(super) async fn with_account(&self, email: &str) -> SignedIn {
        match self.sign_up(email).await.unwrap() {
            SignUpOutcome::SignedIn(signed_in) => {
                if self.world.accounts.mailer.is_configured() {
                    self.postbox.next().await;
                }
                *signed_in
            }
            SignUpOutcome::AnsweredByMail => {
                let token = self.postbox.next_token().await;
                let verified = self.ask(|accounts| async move {
                    accounts
                        .verify_email(&token, &visitor("192.0.2.1"), Delivery::Cookie)
                        .await
                });
                match verified.await.unwrap() {
                    codecourier_engine::accounts::Verified::SignedIn(signed_in) => *signed_in,
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    pub(super) async fn sign_in_from(&self, network: &str, email: &str, password: &str) -> Result<SignedIn, Error> {
        let (visitor, email, password) = (visitor(network), address(email), password.to_owned());
        self.ask(|accounts| async move {
            accounts
                .sign_in(email, &password.into(), &visitor, Delivery::Cookie)
                .await
        })
        .await
    }

    pub(super) async fn sign_in(&self, email: &str, password: &str) -> Result<SignedIn, Error> {
        self.sign_in_from("192.0.2.1", email, password).await
    }

    /// The person whom a session's token belongs to now.
    pub(super) async fn person(&self, token: &SessionToken) -> Result<Person, Error> {
        let credential = Credential::Session(token.clone());
        let principal = self
            .engine
            .ask(|engine| async move { engine.access().authenticate(&credential).await });
        match principal.await? {
            Principal::Person(person) => Ok(person),
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn a_sign_up(email: &str) -> SignUp {
    SignUp {
        email: address(email),
        name: "Ada".parse().unwrap(),
        password: PASSWORD.into(),
        invitation_code: None,
    }
}

pub(super) fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

pub(super) fn visitor(network: &str) -> Visitor {
    Visitor::new(network.parse().unwrap(), Some("Firefox on Linux"))
}

pub(super) fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorCode {
    result.unwrap_err().code
}
