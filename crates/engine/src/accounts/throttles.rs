//! How often people may try what can be guessed at, or what costs somebody a mail.
//!
//! Invariants: an attempt is counted before it is made; what is counted is a hash, so that nothing that was typed into a
//! form is kept; an attempt at an account that is not there counts like any other.
//!
//! Guessing at one account from one place is slowed down soonest, so that somebody who tries another person's password
//! keeps only their own network out. An account as a whole may be tried more often, from many networks at once: its
//! person still gets in, and a guesser is left with some 3,000 attempts a day.

use std::time::Duration;

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::ProjectId;
use codecourier_domain::time::Timestamp;
use codecourier_store::Tx;
use codecourier_store::accounts::{Admission, Pace};
use sha2::{Digest as _, Sha256};

use super::Visitor;
use crate::error::{Error, ErrorCode};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;

/// Something that may be asked only so often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Throttle {
    key: String,
    pace: Pace,
}

impl Throttle {
    /// Attempts to sign in: from a network, at an account from a network, at an account.
    pub(super) fn sign_in(email: &EmailAddress, visitor: &Visitor) -> [Self; 3] {
        let network = visitor.network();
        let pair = format!("{email}\0{network}");
        [
            Self::new("sign-in network", &network, 50, 10 * SECOND),
            Self::new("sign-in account and network", &pair, 5, MINUTE),
            Self::new("sign-in account", email.as_str(), 100, 30 * SECOND),
        ]
    }

    /// New accounts from a network.
    pub(super) fn sign_up(visitor: &Visitor) -> Self {
        Self::new("sign-up network", &visitor.network(), 20, MINUTE)
    }

    /// Messages to an address, and messages that a network asks for.
    pub(super) fn mail(email: &EmailAddress, visitor: &Visitor) -> [Self; 2] {
        [
            Self::new("mail network", &visitor.network(), 20, MINUTE),
            Self::new("mail address", email.as_str(), 5, 10 * MINUTE),
        ]
    }

    /// Invitations mailed to an address, and those mailed for a project. Not those of [`Throttle::mail`], which strangers
    /// can use up.
    pub(crate) fn invitation(email: &EmailAddress, project: ProjectId) -> [Self; 2] {
        [
            Self::new("invitation address", email.as_str(), 5, 10 * MINUTE),
            Self::new("invitation project", &project.to_string(), 200, MINUTE),
        ]
    }

    fn new(what: &str, subject: &str, burst: u32, interval: i64) -> Self {
        let digest = Sha256::new()
            .chain_update(what.as_bytes())
            .chain_update(b"\0")
            .chain_update(subject.as_bytes())
            .finalize();
        Self {
            key: hex::encode(digest),
            pace: Pace { burst, interval },
        }
    }

    /// Takes an attempt back that turned out not to be a guess.
    pub(super) async fn take_back(&self, tx: &mut Tx) -> Result<(), codecourier_store::Error> {
        tx.readmit(&self.key, self.pace).await
    }

    /// Forgets every attempt.
    pub(super) async fn clear(&self, tx: &mut Tx) -> Result<(), codecourier_store::Error> {
        tx.clear_throttle(&self.key).await
    }
}

/// Counts an attempt, or says when to come back. In the order given: what is refused counts no further.
pub(crate) async fn admit(tx: &mut Tx, throttles: &[Throttle], now: Timestamp) -> Result<Result<(), Error>, Error> {
    for throttle in throttles {
        if let Admission::Refused { until } = tx.admit(&throttle.key, throttle.pace, now).await? {
            // The counts so far stay: an error would undo them, and whoever is refused could go on for ever.
            return Ok(Err(too_often(until, now)));
        }
    }
    Ok(Ok(()))
}

fn too_often(until: Timestamp, now: Timestamp) -> Error {
    let milliseconds = u64::try_from(until.since(now)).unwrap_or(0);
    let wait = Duration::from_millis(milliseconds.div_ceil(1_000) * 1_000);
    let message = format!("Too many attempts. Try again in {} seconds.", wait.as_secs().max(1));
    Error::new(ErrorCode::RateLimited, message).after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_what_and_whom_and_hide_both() {
        let visitor = Visitor::new("192.0.2.1".parse().unwrap(), None);
        let (ada, bob) = ("ada@example.org".parse().unwrap(), "bob@example.org".parse().unwrap());
        let mut keys: Vec<String> = [
            Throttle::sign_in(&ada, &visitor).to_vec(),
            Throttle::sign_in(&bob, &visitor)[1..].to_vec(),
            Throttle::mail(&ada, &visitor).to_vec(),
            vec![Throttle::sign_up(&visitor)],
        ]
        .concat()
        .into_iter()
        .map(|throttle| throttle.key)
        .collect();
        let number = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), number);
        assert!(keys.iter().all(|key| key.len() == 64 && !key.contains("ada")));
    }
}
