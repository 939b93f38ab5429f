//! The reconciler that sends what is in the outbox.
//!
//! It takes no input, runs on a signal and on a period, may run in several processes at once, and may be killed between
//! any two lines: a mail is held by a lease, what was found out for it is written down before it is sent, and its end is
//! written down after. Invariants: a mail that the server cannot take now is tried again, each time after twice the
//! wait; one that it refuses for good, or that nobody wants any more, is given up, with the reason in the log; whom a
//! mail is for and what it says is in no log.

use std::sync::Arc;
use std::time::Duration;

use codecourier_domain::time::Timestamp;
use codecourier_identity::mail::MailError;
use codecourier_store::Error as StoreError;
use codecourier_store::mails::{ClaimedMail, ClaimedMails, MailClaim, MailEnd, MailSignal};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;

use super::Mail;
use super::order::{Letter, Order, WantedLink};
use super::outbox::{place, seal};
use super::render::render;
use crate::Inner;
use crate::accounts::{NewLink, letter_of};
use crate::error::{Error, chain};
use crate::vault::VaultError;

/// How many mails are sent at once.
const AT_ONCE: u32 = 4;
/// How long a mail server may take over one mail before it counts as hanging.
const SEND_LIMIT: Duration = Duration::from_secs(60);
/// How long a hold is good without its end: longer than any attempt takes.
const LEASE: i64 = 120_000;
/// The wait after the first attempt, and the longest, in milliseconds.
const FIRST_WAIT: i64 = 5_000;
const LONGEST_WAIT: i64 = 15 * 60_000;
/// How long the traces of a mail that has ended are kept, in milliseconds: for whoever asks where it is.
const KEPT: i64 = 7 * 24 * 60 * 60 * 1_000;
/// How many of them are removed, and how many old mails given up, at once.
const SWEPT_AT_ONCE: u32 = 200;
/// The net under the signal.
const PERIOD: Duration = Duration::from_secs(60);
/// The shortest wait beside mails that are on their way.
const LEAST_PAUSE: Duration = Duration::from_millis(100);
/// How long to wait after the store refused.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a server that ends waits for a mail that is on its way.
const LAST_CHANCE: Duration = Duration::from_secs(5);

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivered {
    /// Mails that the mail server has now.
    pub sent: u64,
    /// Mails that nobody was there for.
    pub moot: u64,
    /// Mails to be tried again.
    pub again: u64,
    /// Mails that will not be sent.
    pub given_up: u64,
    /// When there may be more to do; `None` if nothing will be due by itself.
    pub next_due: Option<Timestamp>,
}

/// Sends mail until told to stop.
pub(crate) async fn run(engine: Arc<Inner>, stop: CancellationToken) {
    let mut signal = engine.store.mail_signal();
    while !stop.is_cancelled() {
        let wait = match round(&engine, &stop, Some(&mut signal)).await {
            Ok(delivered) => until(&engine, delivered.next_due),
            Err(error) => {
                tracing::error!("mail was not sent: {}", chain(&error));
                AGAIN
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            moved = signal.moved() => if moved.is_err() { return },
            () = tokio::time::sleep(wait) => {}
        }
    }
}

impl Mail {
    /// Sends what is due, now.
    pub async fn deliver(&self) -> Result<Delivered, Error> {
        round(&self.engine, &self.engine.accounts.stop, None).await
    }
}

/// Sends until nothing is due and nothing is on its way. Whatever becomes due meanwhile takes a free place at once: a
/// mailbox that hangs holds up nobody but itself.
async fn round(
    engine: &Arc<Inner>,
    stop: &CancellationToken,
    mut signal: Option<&mut MailSignal>,
) -> Result<Delivered, Error> {
    let mut done = Delivered::default();
    let mut on_their_way = FuturesUnordered::new();
    loop {
        done.given_up += clean(engine).await?;
        let places = AT_ONCE.saturating_sub(u32::try_from(on_their_way.len()).unwrap_or(AT_ONCE));
        if stop.is_cancelled() || !engine.accounts.config.mailer.is_configured() {
            done.next_due = None;
        } else if places > 0 {
            let claimed = claim(engine, places).await?;
            done.next_due = claimed.next_due;
            on_their_way.extend(claimed.mails.into_iter().map(|mail| async move {
                let outcome = attempt(engine, &mail, stop).await;
                conclude(engine, &mail, outcome).await
            }));
        }
        if on_their_way.is_empty() {
            return Ok(done);
        }
        let moved = async {
            match &mut signal {
                Some(signal) if places > 0 => drop(signal.moved().await),
                _ => std::future::pending().await,
            }
        };
        // Without a free place there is nothing to look for.
        let pause = if places == 0 {
            PERIOD
        } else {
            until(engine, done.next_due).max(LEAST_PAUSE)
        };
        tokio::select! {
            Some(concluded) = on_their_way.next() => match concluded? {
                Concluded::Sent => done.sent += 1,
                Concluded::Moot => done.moot += 1,
                Concluded::Again => done.again += 1,
                Concluded::GivenUp => done.given_up += 1,
                Concluded::Lost => {}
            },
            () = moved => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn claim(engine: &Inner, limit: u32) -> Result<ClaimedMails, StoreError> {
    let now = engine.clock.now();
    let claim = MailClaim {
        owner: engine.boot,
        limit,
        now,
        lease_until: now.plus_milliseconds(LEASE),
    };
    let claimed = engine
        .store
        .write(move |tx| Box::pin(async move { tx.claim_mails(claim).await }));
    claimed.await
}

/// How long to wait for a moment at the most.
fn until(engine: &Inner, due: Option<Timestamp>) -> Duration {
    due.map_or(PERIOD, |due| {
        let milliseconds = due.since(engine.clock.now()).max(0);
        Duration::from_millis(milliseconds.unsigned_abs() + 1).min(PERIOD)
    })
}

/// What came of an attempt.
enum Outcome {
    Sent,
    Moot,
    /// To be tried again, after a wait.
    Later(String),
    /// To be tried again at once, by the next start.
    Interrupted,
    GivenUp(String),
}

enum Concluded {
    Sent,
    Moot,
    Again,
    GivenUp,
    /// The hold was lost: somebody else goes on.
    Lost,
}

async fn attempt(engine: &Arc<Inner>, mail: &ClaimedMail, stop: &CancellationToken) -> Outcome {
    let order = match opened(engine, mail) {
        Ok(order) => order,
        // The key may be given again.
        Err(VaultError::UnknownKey(key)) => return Outcome::Later(format!("it is sealed with the unknown key {key}")),
        Err(error) => return Outcome::GivenUp(format!("it cannot be opened: {}", chain(&error))),
    };
    let letter = match order {
        Order::Letter(letter) => letter,
        Order::Link(wanted) => match found_out(engine, mail, wanted).await {
            Ok(Some(letter)) => letter,
            Ok(None) => return Outcome::Moot,
            Err(error) => return Outcome::Later(chain(&error)),
        },
    };
    let config = &engine.accounts.config;
    let message = render(mail.fence.mail, &letter, &config.public_url, engine.clock.now());
    let ending = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_CHANCE).await;
    };
    tokio::select! {
        sent = tokio::time::timeout(SEND_LIMIT, config.mailer.send(&message)) => match sent {
            Ok(Ok(())) => Outcome::Sent,
            Ok(Err(error)) if error.passes() => Outcome::Later(said(&error)),
            Ok(Err(error)) => Outcome::GivenUp(said(&error)),
            Err(_) => Outcome::Later(format!("the mail server took more than {} seconds", SEND_LIMIT.as_secs())),
        },
        () = ending => Outcome::Interrupted,
    }
}

fn said(error: &MailError) -> String {
    chain(error)
}

fn opened(engine: &Inner, mail: &ClaimedMail) -> Result<Order, VaultError> {
    let text = engine.vault.unseal(&place(mail.fence.mail), &mail.sealed)?;
    serde_json::from_str(text.expose_secret()).map_err(|_| VaultError::NoText)
}

/// Finds out whether there is somebody for a link, and writes both down before anything is sent: sent again, it is the
/// same link.
async fn found_out(engine: &Inner, mail: &ClaimedMail, wanted: WantedLink) -> Result<Option<Letter>, Error> {
    let (fence, vault, now) = (mail.fence, engine.vault.clone(), engine.clock.now());
    let link = NewLink::wanted(&wanted)?;
    let write = engine.store.write_with(move |tx| {
        Box::pin(async move {
            let Some(letter) = letter_of(tx, &wanted, link, now).await? else {
                return Ok::<_, Error>(None);
            };
            let user = letter.user;
            let order = Order::Letter(letter);
            tx.rewrite_mail(fence, user, &seal(&vault, fence.mail, &order)?).await?;
            let Order::Letter(letter) = order else { return Ok(None) };
            Ok(Some(letter))
        })
    });
    write.await
}

/// Writes down what came of an attempt, and says so to whoever runs this server.
async fn conclude(engine: &Inner, mail: &ClaimedMail, outcome: Outcome) -> Result<Concluded, Error> {
    let (fence, now) = (mail.fence, engine.clock.now());
    let again = |reason: String, due: Timestamp| async move {
        let retried = engine
            .store
            .write(move |tx| Box::pin(async move { tx.retry_mail(fence, due, &reason).await }));
        retried.await
    };
    let end = |end: MailEnd| async move {
        let ended = engine
            .store
            .write(move |tx| Box::pin(async move { tx.end_mail(fence, &end, now).await }));
        ended.await
    };
    let next = now.plus_milliseconds(wait_after(fence.attempt));
    let (written, concluded) = match outcome {
        Outcome::Sent => (end(MailEnd::Sent).await, Concluded::Sent),
        Outcome::Moot => (end(MailEnd::Moot).await, Concluded::Moot),
        Outcome::Interrupted => {
            let reason = "the server ended meanwhile".to_owned();
            (again(reason, now).await, Concluded::Again)
        }
        Outcome::Later(reason) if next < mail.expires_at => {
            tracing::warn!(mail = %fence.mail, kind = mail.kind, attempt = fence.attempt, reason, "a mail is tried again later");
            (again(reason, next).await, Concluded::Again)
        }
        Outcome::Later(reason) | Outcome::GivenUp(reason) => {
            tracing::error!(mail = %fence.mail, kind = mail.kind, attempt = fence.attempt, reason, "a mail was given up");
            (end(MailEnd::GivenUp(reason)).await, Concluded::GivenUp)
        }
    };
    match written {
        Ok(()) => {}
        Err(StoreError::Fenced) => return Ok(Concluded::Lost),
        Err(error) => return Err(error.into()),
    }
    let outcome = match concluded {
        Concluded::Sent => {
            tracing::debug!(mail = %fence.mail, kind = mail.kind, "a mail was handed to the mail server");
            "sent"
        }
        Concluded::Moot => "moot",
        Concluded::Again => "again",
        Concluded::GivenUp => "given-up",
        Concluded::Lost => return Ok(concluded),
    };
    metrics::counter!("codecourier_mails_total", "kind" => mail.kind.clone(), "outcome" => outcome).increment(1);
    Ok(concluded)
}

/// Gives up what nobody wants any more, and removes the traces of what ended long ago. Gives how many were given up.
async fn clean(engine: &Inner) -> Result<u64, Error> {
    let now = engine.clock.now();
    let write = engine.store.write(move |tx| {
        Box::pin(async move {
            tx.sweep_mails(now.plus_milliseconds(-KEPT), SWEPT_AT_ONCE).await?;
            tx.expire_mails(now, SWEPT_AT_ONCE).await
        })
    });
    let expired = write.await?;
    for mail in &expired {
        let reason = mail.reason.as_deref().unwrap_or("no mail server took it in time");
        tracing::error!(mail = %mail.id, kind = mail.kind, attempt = mail.attempt, reason, "a mail was given up: it is too old");
        metrics::counter!("codecourier_mails_total", "kind" => mail.kind.clone(), "outcome" => "given-up").increment(1);
    }
    Ok(expired.len() as u64)
}

fn wait_after(attempt: u32) -> i64 {
    let doublings = attempt.saturating_sub(1).min(16);
    (FIRST_WAIT << doublings).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_twice_the_one_before_up_to_a_quarter_of_an_hour() {
        let waits: Vec<i64> = (1..=10).map(|attempt| wait_after(attempt) / 1_000).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(wait_after(u32::MAX), LONGEST_WAIT);
    }
}
