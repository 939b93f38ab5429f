//! Signing in with a password, and what every way to sign in ends with: a session.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::{SessionId, UserId};
use codecourier_domain::time::Timestamp;
use codecourier_identity::password::{Comparison, HashError};
use codecourier_identity::secret_token::SessionToken;
use codecourier_store::Tx;
use codecourier_store::accounts::{Account, NewSession, PasswordHash};
use codecourier_store::changes::ChangeOp;
use codecourier_store::ledger::TokenHash;
use secrecy::SecretString;

use super::sessions::tell_session;
use super::throttles::{Throttle, admit};
use super::{AccountView, Accounts, Delivery, PasswordSignIn, Visitor};
use crate::access::{ABSOLUTE_LIMIT, IDLE_LIMIT};
use crate::error::{Error, ErrorCode};
use crate::random::uuid_v7;

/// The most devices on which a person is signed in. The oldest give way.
const MOST_SESSIONS: u32 = 100;

/// Somebody who has signed in just now.
#[derive(Debug)]
pub struct SignedIn {
    /// The account.
    pub account: AccountView,
    /// The session.
    pub session: SessionId,
    /// Its token, which is nowhere else.
    pub token: SessionToken,
    /// From when on the session is worth nothing, used or not.
    pub expires_at: Timestamp,
}

impl Accounts {
    /// Signs a person in with their password.
    pub async fn sign_in(
        &self,
        email: EmailAddress,
        password: &SecretString,
        visitor: &Visitor,
        delivery: Delivery,
    ) -> Result<SignedIn, Error> {
        self.demand_password_sign_in()?;
        let now = self.engine.clock.now();
        let throttles = Throttle::sign_in(&email, visitor);
        self.admit(&throttles, now).await?;

        let mut reader = self.engine.store.read().await?;
        let account = reader.account_by_email(&email).await?;
        let stored = match &account {
            Some(account) => reader.password_of(account.id).await?,
            None => None,
        };
        drop(reader);
        let compared = self
            .passwords()
            .compare(password, stored.as_ref().map(PasswordHash::as_str));
        let renewed = match compared.await.map_err(hashing_failed)? {
            Comparison::Different => return Err(wrong()),
            Comparison::Same => None,
            Comparison::SameButOld { renewed } => Some(PasswordHash::new(renewed)),
        };
        let (Some(account), Some(stored)) = (account, stored) else {
            return Err(wrong());
        };

        let begun = BegunSession::new(account.id, visitor, delivery, now)?;
        let new = begun.row.clone();
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                // The password may have been changed, or the account deleted, while it was compared.
                if tx.read().password_of(account.id).await?.as_ref() != Some(&stored) {
                    return Err(wrong());
                }
                if let Some(renewed) = renewed {
                    tx.rehash_password(account.id, &stored, &renewed).await?;
                }
                let [of_network, of_pair, of_account] = &throttles;
                of_network.take_back(tx).await?;
                of_pair.clear(tx).await?;
                of_account.take_back(tx).await?;
                begin(tx, &new).await?;
                Ok(account)
            })
        });
        Ok(begun.of(write.await?))
    }

    /// Ends the session of whoever asks.
    pub async fn sign_out(&self, user: UserId, session: SessionId) -> Result<(), Error> {
        let now = self.engine.clock.now();
        let write = self.engine.store.write(move |tx| {
            Box::pin(async move {
                if tx.end_session(user, session).await? {
                    tell_session(tx, user, session, ChangeOp::Delete, now).await?;
                }
                Ok(())
            })
        });
        Ok(write.await?)
    }

    /// Counts an attempt at something.
    pub(super) async fn admit(&self, throttles: &[Throttle], now: Timestamp) -> Result<(), Error> {
        let throttles = throttles.to_vec();
        let write = self
            .engine
            .store
            .write_with(move |tx| Box::pin(async move { admit(tx, &throttles, now).await }));
        write.await?
    }

    pub(super) fn demand_password_sign_in(&self) -> Result<(), Error> {
        match self.config().password_sign_in {
            PasswordSignIn::On => Ok(()),
            PasswordSignIn::Off => Err(Error::new(
                ErrorCode::Forbidden,
                "This server has no passwords of its own. Sign in with its identity provider.",
            )),
        }
    }

    pub(super) fn passwords(&self) -> &codecourier_identity::password::Passwords {
        &self.engine.accounts.passwords
    }
}

/// A session and its token before they are written down.
pub(crate) struct BegunSession {
    pub(crate) row: NewSession,
    token: SessionToken,
}

impl BegunSession {
    pub(crate) fn new(user: UserId, visitor: &Visitor, delivery: Delivery, now: Timestamp) -> Result<Self, Error> {
        let token = SessionToken::mint().map_err(|error| Error::internal("Making a token", error))?;
        Ok(Self {
            row: NewSession {
                id: SessionId::from_uuid(uuid_v7(now)),
                user,
                token: TokenHash::from_bytes(token.sha256()),
                delivery: delivery.into(),
                device: visitor.device.clone(),
                address: visitor.address.to_string(),
                at: now,
                expires_at: now.plus_milliseconds(ABSOLUTE_LIMIT),
                ends_at: now.plus_milliseconds(IDLE_LIMIT),
            },
            token,
        })
    }

    /// What the person is told, once it is written down.
    pub(crate) fn of(self, account: Account) -> SignedIn {
        SignedIn {
            account: account.into(),
            session: self.row.id,
            token: self.token,
            expires_at: self.row.expires_at,
        }
    }
}

/// Writes a session down. The oldest ones of the person give way to it.
pub(crate) async fn begin(tx: &mut Tx, new: &NewSession) -> Result<(), codecourier_store::Error> {
    for ended in tx.end_oldest_sessions(new.user, MOST_SESSIONS - 1).await? {
        tell_session(tx, new.user, ended, ChangeOp::Delete, new.at).await?;
    }
    tx.insert_session(new).await?;
    tell_session(tx, new.user, new.id, ChangeOp::Put, new.at).await
}

/// The one answer to a wrong password, an address without an account, and an account without a password.
pub(super) fn wrong() -> Error {
    Error::new(ErrorCode::AuthInvalid, "The address or the password is wrong.")
}

pub(super) fn hashing_failed(error: HashError) -> Error {
    match error {
        HashError::Busy => Error::new(
            ErrorCode::Unavailable,
            "Too many people are signing in at this moment. Try again in a few seconds.",
        )
        .after(std::time::Duration::from_secs(2)),
        HashError::NoRandomness(_) | HashError::Hash(_) | HashError::Thread => {
            Error::internal("Checking a password", error)
        }
    }
}
